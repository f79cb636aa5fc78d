"""Which versions spent a budget? Each with its share of what is gone, and its own share of bad events; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dashboard.frame import colour_class
from dashboard.geometry import share
from dashboard.links import in_project, quoted
from dashboard.objective_links import Lead, bad_events
from tracestore.analysis.intervals import Interval, wilson
from tracestore.analysis.slo.burn import NOTHING, Count
from tracestore.queries.slo import ObjectiveRow
from tracestore.queries.versions import VersionSetRow

SHOWN: Final = 20
BAR: Final = 72
UNKNOWN: Final = "version not known"


@dataclass(frozen=True, slots=True)
class Spender:
    """A version, with all its sets. share: of the spent budget. interval: of own_share, 95 %. lead: its bad events."""

    label: str
    service: str
    colour: str
    known: bool
    share: float
    bar: int
    count: Count
    own_share: float
    interval: Interval | None
    first_seen_ns: int | None
    href: str
    lead: Lead | None


@dataclass(frozen=True, slots=True)
class Who:
    """service, version: as the filter language names it; version None = not known; set_id: the set seen last."""

    service: str
    version: str | None
    set_id: str

    @property
    def term(self) -> str:
        if not self.set_id:
            return "-version:*"
        return f"service:{quoted(self.service)} version:{quoted(self.version) if self.version else self.set_id[:12]}"


def spenders(
    counts: Mapping[str, Count],
    sets: Mapping[str, VersionSetRow],
    objective: ObjectiveRow,
    slug: str,
    ends: tuple[int, int],
) -> list[Spender]:
    """Most of the spent budget first, then most events. ends: of the period until now, Unix seconds."""
    found: dict[tuple[str, str], tuple[Who, Count, int | None]] = {}
    for set_id, count in counts.items():
        who, first_ns = _who(sets.get(set_id), set_id)
        key = (who.service, who.version or who.set_id)
        _, before, since = found.get(key, (who, NOTHING, first_ns))
        found[key] = (who, before + count, min(filter(None, (since, first_ns)), default=None))
    spent = sum(count.bad for _, count, _ in found.values())
    lines = [_spender(*one, spent, objective, slug, ends) for one in found.values()]
    return sorted(lines, key=lambda one: (-one.count.bad, -one.count.total, one.service, one.label))


def _who(row: VersionSetRow | None, set_id: str) -> tuple[Who, int | None]:
    if row is None:
        return Who("", None, set_id), None
    return Who(row.service, row.service_version, row.id), row.first_seen_ns


def _spender(
    who: Who, count: Count, first_ns: int | None, spent: int, objective: ObjectiveRow, slug: str, ends: tuple[int, int]
) -> Spender:
    label = who.version or (who.set_id[:7] if who.set_id else UNKNOWN)
    return Spender(
        label=label,
        service=who.service,
        colour=colour_class(label),
        known=bool(who.set_id),
        share=count.bad / spent if spent else 0.0,
        bar=share(count.bad, spent, BAR),
        count=count,
        own_share=count.bad / count.total,
        interval=wilson(count.bad, count.total),
        first_seen_ns=first_ns,
        href=in_project(slug, "versions", who.set_id) if who.set_id else "",
        lead=bad_events(slug, objective, *ends, who.term) if count.bad else None,
    )


def rest_of(lines: Sequence[Spender]) -> tuple[list[Spender], int]:
    """(the first of them, how many more there are)."""
    return list(lines[:SHOWN]), max(0, len(lines) - SHOWN)
