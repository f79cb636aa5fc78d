"""The grid stays true: packages are layers, files are nouns, imports point one way, no file grows into a monster."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = {"tracestore", "ingest", "dashboard", "templates", "tests", "docs", "benchmarks", ".ci"}
NOUNS = set(
    "traces logs metrics versions lines slo alerts spend drift evaluations judge regression trajectory canary incidents access"
    " spans sessions users ledger usage background search".split()
)
LINES = 300
LINES_OF_A_FUNCTION = 57  # look twice at 30; the longest is the one loop over attributes
CODE = [path for package in ("tracestore", "ingest", "dashboard") for path in (ROOT / package).rglob("*.py")]


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return listed.stdout.splitlines()


def test_there_is_no_further_top_level_package():
    assert {path.split("/")[0] for path in tracked() if "/" in path} <= TOP_LEVEL


@pytest.mark.parametrize("layer", ["jobs", "models"])
def test_files_of_a_layer_are_nouns(layer):
    names = {
        path.stem.partition("_")[0] for path in (ROOT / "tracestore" / layer).glob("*.py") if path.stem != "__init__"
    }
    assert {name.rstrip("s") for name in names} <= {
        noun.rstrip("s")
        for noun in NOUNS
        | set("trace partitions rebuild reprice renormalise rollups evaluate deliver heartbeat".split())
    }


def test_no_module_is_a_monster():
    long = {
        str(path.relative_to(ROOT)): lines for path in CODE if (lines := len(path.read_text().splitlines())) > LINES
    }
    assert not {name: lines for name, lines in long.items() if "/migrations/" not in name}


def test_no_function_is_a_monster():
    assert not [name for path in CODE if "/migrations/" not in str(path) for name in long_functions(path)]


def long_functions(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {f"{path}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno for node in functions}
    return [name for name, lines in lengths.items() if lines > LINES_OF_A_FUNCTION]


def test_every_module_says_what_it_is_for():
    missing = [
        str(path) for path in CODE if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not [name for name in missing if "/migrations/" not in name]


def test_imports_point_one_way():
    lint = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_no_file_names_a_registry():
    """A mirror or a private index is chosen by the machine, never by the project."""
    named = "pypi" + ".org"
    texts = [
        "Makefile",
        ".ci/run",
        ".ci/browser",
        "requirements.lock",
        "pyproject.toml",
        "Dockerfile",
        "docker-compose.yml",
    ]
    assert not [name for name in texts if named in (ROOT / name).read_text()]


def test_every_locked_package_has_a_hash():
    lock = (ROOT / "requirements.lock").read_text().replace("\\\n", " ").splitlines()
    pinned = [line for line in lock if line and not line.startswith((" ", "#"))]
    assert pinned
    assert all("==" in line and "--hash=sha256:" in line for line in pinned)
