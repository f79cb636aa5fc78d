"""Which numbers of the corpus have a test? All of those that concern what exists: 1-113, 126 and 131.

1-35, 37-39, 55, 56, 89-113: tests/ingest. 40-88: tests/corpus, the pure half in tests/ingest. 111, 112, 131 also for
pages (tests/corpus), API (tests/api) and filters (tests/queries). 126: tests/security/test_browser.
"""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
FOLDERS = ("ingest", "corpus", "security")
IN_A_NAME = re.compile(r"def test_(\d+)(?:_(and|to)_(\d+))?_")
IN_A_TABLE = re.compile(r"""(?:["']|Case\(\s*["']|clock\(["']|measure\(["'])(\d{1,3})(?: [a-zA-Z<%]|["'],)""")
EXPECTED = {*range(1, 114), 126, 131}


def test_every_number_has_a_test() -> None:
    found: set[int] = set()
    for folder in FOLDERS:
        for path in (TESTS / folder).glob("test_*.py"):
            found |= numbers(path.read_text())
    found |= numbers((TESTS / "corpus" / "cases.py").read_text())
    assert sorted(EXPECTED - found) == []


def numbers(source: str) -> set[int]:
    found = {int(number) for number in IN_A_TABLE.findall(source)}
    for first, word, last in IN_A_NAME.findall(source):
        found |= set(range(int(first), int(last) + 1)) if word == "to" else {int(one) for one in (first, last) if one}
    return found
