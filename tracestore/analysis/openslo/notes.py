"""What is to be said of an OpenSLO file: where, what is wrong, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Note:
    """An error: nothing of the file is taken over. A warning: it is, but not all that it says.

    document: "document 2 (SLO checkout)". path: as in spec.objectives[0].target; "" = the whole of it.
    """

    level: Level
    document: str
    path: str
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.document, self.path, self.text) if part)


@dataclass(frozen=True, slots=True)
class Document:
    """One of a file, numbered from 1."""

    number: int
    body: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return str(self.body.get("kind", ""))

    @property
    def name(self) -> str:
        metadata = self.body.get("metadata")
        return str(metadata.get("name", "")) if isinstance(metadata, Mapping) else ""

    @property
    def label(self) -> str:
        what = " ".join(part for part in (self.kind[:40], self.name[:63]) if part)
        return f"document {self.number} ({what})" if what else f"document {self.number}"


@dataclass(slots=True)
class Notes:
    """Collects. strict: what the specification forbids is an error even where its meaning is plain."""

    strict: bool = False
    found: list[Note] = field(default_factory=list)

    def error(self, document: str, path: str, text: str) -> None:
        self.found.append(Note("error", document, path, text))

    def warn(self, document: str, path: str, text: str) -> None:
        self.found.append(Note("warning", document, path, text))

    def breach(self, document: str, path: str, text: str) -> None:
        """Of the specification, by something that can be understood all the same."""
        self.found.append(Note("error" if self.strict else "warning", document, path, text))

    @property
    def errors(self) -> list[Note]:
        return [note for note in self.found if note.level == "error"]

    @property
    def warnings(self) -> list[Note]:
        return [note for note in self.found if note.level == "warning"]


def listed(value: object) -> list[Any]:
    """The items of what should be a list."""
    return value if isinstance(value, list) else []


def mapped(value: object) -> dict[str, Any]:
    """The fields of what should be an object."""
    return value if isinstance(value, dict) else {}


def shown(value: object) -> str:
    """A value in a sentence, cut."""
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
