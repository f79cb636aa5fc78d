"""docs/conventions.md shows the rules as they are."""

from pathlib import Path

from tests.conventions.listing import lines

DOCUMENT = Path(__file__).parents[2] / "docs" / "conventions.md"


def test_the_table_in_the_documentation_is_the_rules() -> None:
    assert "\n".join(lines()) in DOCUMENT.read_text(), "run python -m tests.conventions.listing and paste it"
