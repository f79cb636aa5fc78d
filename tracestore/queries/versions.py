"""Which versions ran, since when, and how do two of them differ?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VersionSetRow:
    """What one service of a trace ran with. id: 32 hex digits. parts: name -> values (models, prompts, tools, ...)."""

    id: str
    service: str
    service_version: str | None
    parts: dict[str, list[str]]
    first_seen_ns: int
    last_seen_ns: int


@dataclass(frozen=True, slots=True)
class VersionSetUse:
    """A set and what ran with it in the range: traces, error share and cost (nano-USD). None = unknown."""

    id: str
    service: str
    service_version: str | None
    parts: dict[str, list[str]]
    first_seen_ns: int
    last_seen_ns: int
    traces: int
    error_traces: int
    cost_nanousd: int | None
    p95_duration_ns: int | None


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """rows: (part name, values only in a, values only in b, values in both), names sorted, equal parts too."""

    a: VersionSetRow
    b: VersionSetRow
    rows: list[tuple[str, list[str], list[str], list[str]]]
