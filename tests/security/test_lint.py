"""What must not be written in this project: ways around escaping, and SQL made from text."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PYTHON = sorted(path for folder in ("tracestore", "ingest", "dashboard") for path in (ROOT / folder).rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*"))
SCRIPTS = sorted((ROOT / "dashboard" / "static").rglob("*.js"))

# Where one of these is right, with the reason. Anything else fails.
MARKS_SAFE = {"dashboard/templatetags/units.py": 2}  # visible() and breakable() escape in the same expression
BUILT_SQL = {
    "tracestore/jobs/rebuild.py": 1,  # names of three tables, written beside it
    "tracestore/settling.py": 1,  # names of three tables, written beside it
    "tracestore/migrations/0002_signals.py": 1,  # names of our tables
    "tracestore/migrations/0010_signals.py": 1,  # names of our tables and columns
}
AUTOESCAPE_OFF = re.compile(r"templates/mail/\w+(\.subject)?\.txt")  # plain text: an escaped name would be wrong there

SQL = re.compile(
    r"\b(SELECT .+ FROM|INSERT INTO|UPDATE .+ SET|DELETE FROM|CREATE TABLE|DROP TABLE|ALTER TABLE)\b", re.DOTALL
)
IN_MAILS = ("a style attribute", "an inline style sheet")  # mail programs know no style sheets of a site
IN_TEMPLATES = [
    (r"\|\s*safe\b", "the filter safe"),
    (r"\|\s*safeseq\b", "the filter safeseq"),
    (r"<script(?![^>]*\b(src=|type=\"application/json\"))", "an inline script"),
    (r"\son[a-z]+\s*=", "an inline handler"),
    (r"\sstyle\s*=", "a style attribute"),
    (r"<style\b", "an inline style sheet"),
    (r"javascript:", "a script address"),
    (r"hx-on|hx-vals=\W?js:|hx-eval", "script in htmx"),
    (r"(src|href|action)=\"(https?:)?//", "a foreign address"),
]
IN_SCRIPTS = [
    (r"\.(inner|outer)HTML\s*=", "innerHTML"),
    (r"insertAdjacentHTML", "insertAdjacentHTML"),
    (r"document\.write", "document.write"),
    (r"\beval\(|new Function\(", "eval"),
    (r"setTimeout\(\s*[\"'`]", "a script in text"),
    (r"https?://(?!www\.w3\.org/)", "a foreign address"),
]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            yield getattr(function, "attr", getattr(function, "id", "")), node


def is_built(node: ast.AST) -> bool:
    """Whether a text is put together while running: f-string with values that are no CONSTANTS, %, +, .format()."""
    if isinstance(node, ast.JoinedStr):
        return any(not _is_constant(part.value) for part in node.values if isinstance(part, ast.FormattedValue))
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, (ast.Mod, ast.Add)) and _literal(node)
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "format":
        return _literal(node.func) and not _is_composed(node.func)
    return False


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id.isupper()


def _is_composed(node: ast.AST) -> bool:
    """psycopg.sql.SQL("...").format(...): identifiers and literals are quoted."""
    return any(isinstance(part, ast.Call) and getattr(part.func, "attr", "") == "SQL" for part in ast.walk(node))


def _literal(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(node))


def text_of(node: ast.AST) -> str:
    texts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))
    return " ".join(text for text in texts if isinstance(text, str))


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_python_marks_nothing_safe_and_builds_no_sql(path: Path) -> None:
    tree = ast.parse(path.read_text())
    marked = [call for name, call in calls(tree) if name == "mark_safe" and not isinstance(call.args[0], ast.Constant)]
    assert len(marked) <= MARKS_SAFE.get(name_of(path), 0), f"{name_of(path)}: mark_safe"
    for name, call in calls(tree):
        where = f"{name_of(path)}:{call.lineno}"
        assert name != "SQL" or not is_built(call.args[0]), f"{where}: psycopg.sql.SQL of a built text"
        assert name not in ("extra", "RawSQL", "SafeString", "SafeText"), f"{where}: {name}"
        assert not (name == "raw" and "objects" in ast.dump(call.func)), where
        assert not (name == "format_html" and (not call.args or is_built(call.args[0]))), where
        assert name not in ("loads", "load") or "pickle" not in ast.dump(call.func), where
        assert name not in ("eval", "exec"), f"{where}: {name}"
    built = [node for node in ast.walk(tree) if is_built(node) and SQL.search(text_of(node))]
    lines = sorted({node.lineno for node in built})  # type: ignore[attr-defined]
    assert len(lines) <= BUILT_SQL.get(name_of(path), 0), (
        f"{name_of(path)}:{lines}: SQL made from text; use psycopg.sql"
    )


@pytest.mark.parametrize("path", [p for p in TEMPLATES if p.suffix in (".html", ".txt")], ids=name_of)
def test_templates_escape_everything_and_hold_no_script(path: Path) -> None:
    text = path.read_text()
    if not AUTOESCAPE_OFF.fullmatch(name_of(path)):
        assert "autoescape" not in text, "autoescape off"
    text = re.sub(r"{%.*?%}", "", text)
    for pattern, what in IN_TEMPLATES:
        if what in IN_MAILS and name_of(path).startswith("templates/mail/"):
            continue
        found = re.search(pattern, text)
        assert not found, f"{name_of(path)}: {what}: {text[found.start() : found.start() + 60]!r}"  # type: ignore[union-attr]


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_scripts_put_no_text_into_markup(path: Path) -> None:
    for pattern, what in IN_SCRIPTS:
        assert not re.search(pattern, path.read_text()), f"{name_of(path)}: {what}"


@pytest.mark.parametrize(
    ("code", "bad"),
    [
        ('f"SELECT a FROM {table}"', True),
        ('"DELETE FROM t WHERE a = %s" % name', True),
        ('"SELECT a FROM t WHERE " + condition', True),
        ('"UPDATE t SET a = {}".format(a)', True),
        ('"SELECT a FROM t WHERE b = %(b)s"', False),
        ('f"SELECT {COLUMNS} FROM t"', False),
        ('sql.SQL("SELECT a FROM {}").format(sql.Identifier(t))', False),
        ('f"no {thing} of SQL"', False),
    ],
)
def test_the_lint_finds_what_it_is_for(code: str, bad: bool) -> None:
    nodes = [n for n in ast.walk(ast.parse(code)) if isinstance(n, (ast.JoinedStr, ast.BinOp, ast.Call))]
    assert any(is_built(node) and SQL.search(text_of(node)) for node in nodes) == bad
