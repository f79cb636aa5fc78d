"""What is wrong with something that a person wrote, field by field."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """field: the name of the field. text: a sentence that says what to do. position: 1-based, within a filter."""

    field: str
    text: str
    severity: Literal["error", "warning"] = "error"
    position: int | None = None

    @property
    def is_error(self) -> bool:
        return self.severity == "error"


def error(field: str, text: str, position: int | None = None) -> Problem:
    return Problem(field, text, "error", position)


def warning(field: str, text: str) -> Problem:
    return Problem(field, text, "warning")
