"""The numbers of the board: both sides of a comparison, versions and releases, in few statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dashboard.charts import Mark
from dashboard.frame import colour_class
from dashboard.pages.board.asked import NS, Asked, Side
from dashboard.unit_words import in_unit
from tracestore.analysis.filters import And, FilterError, Node, Term
from tracestore.analysis.line_steps import Series
from tracestore.analysis.lines import MEMBERS
from tracestore.queries.anomalies import find_anomalies
from tracestore.queries.lines import TooFine, find_lines
from tracestore.queries.releases import ReleaseRow, find_releases
from tracestore.queries.undecided import find_undecided
from tracestore.queries.version_heads import VersionHead, find_version_heads

VERSIONS = 40  # to choose from
# The chart of the grid on which what is watched is marked.
WATCHED_BY = {"cost_per_hour": "cost", "traffic": "traffic", "latency_p95": "latency", "error_rate": "quality"}
COARSE_S = 86_400  # steps of a side of which only the total is shown


@dataclass(frozen=True, slots=True)
class Numbers:
    """problem: why there are none, and what to do; "" where there are. undecided: as find_undecided, of what is here."""

    here: list[Series] = field(default_factory=list)
    other: list[Series] = field(default_factory=list)
    problem: str = ""
    undecided: dict[str, int] = field(default_factory=dict)


def read_totals(project_id: int, asked: Asked, members: Sequence[str] | None = None) -> Numbers:
    """Every member step by step, and the totals of what it is compared with. Raises QueryCanceled past 5 s."""
    found = _read(project_id, asked, members, "", asked.axis.step_s if asked.compare else COARSE_S)
    of = asked.here
    return replace(found, undecided=find_undecided(project_id, of.start_ns, of.end_ns, of.filter))


def read_curves(project_id: int, asked: Asked, members: Iterable[str]) -> Numbers:
    """The same for charts: split as asked; the other side only where it is drawn. Raises QueryCanceled past 5 s."""
    wants_other = bool(asked.compare) and not asked.split
    return _read(project_id, asked, list(members), asked.split, asked.axis.step_s if wants_other else 0)


def _read(project_id: int, asked: Asked, members: Sequence[str] | None, split: str, other_step_s: int) -> Numbers:
    """other_step_s: 0 = the other side is not read."""
    try:
        here = _side(project_id, asked, asked.here, members, asked.axis.step_s, split)
        other = _side(project_id, asked, asked.other, members, other_step_s, "") if other_step_s else []
    except (FilterError, TooFine) as bad:
        return Numbers(problem=f"{str(bad)[:1].upper()}{str(bad)[1:].rstrip('.')}.")
    return Numbers(here, other)


def _side(
    project_id: int, asked: Asked, side: Side, members: Sequence[str] | None, step_s: int, split: str
) -> list[Series]:
    if side.end_ns <= side.start_ns:
        return []
    return find_lines(
        project_id, side.start_ns, side.end_ns, step_s, side.filter, members, split or None,
        now_ns=asked.listing.now_ns, with_whole=bool(split),
    )  # fmt: skip


def versions_of(heads: Sequence[VersionHead], end_ns: int) -> list[str]:
    """That began before the end of the range, the newest first."""
    return list(dict.fromkeys(one.version for one in heads if one.begun_ns < end_ns))[:VERSIONS]


def read_whys(project_id: int, asked: Asked) -> dict[str, dict[int, str]]:
    """{chart: {step that stands out: compared with what}} of what is watched by the hour; {} for a filter too wide."""
    of = asked.here
    try:
        found = find_anomalies(project_id, of.start_ns, of.end_ns, of.filter, now_ns=asked.listing.now_ns).found
    except FilterError:
        return {}
    whys: dict[str, dict[int, str]] = {}
    for one in (each.anomaly for each in found):
        step_s = max(asked.axis.start_s, one.start_s) // asked.axis.step_s * asked.axis.step_s
        unit = MEMBERS[one.member].unit
        why = (
            f"{MEMBERS[one.member].title} {in_unit(one.value, unit)}, expected {in_unit(one.expected, unit)}: {one.why}"
        )
        for name in (WATCHED_BY[one.member], one.member):
            whys.setdefault(name, {})[step_s] = why
    return whys


def read_marks(project_id: int, asked: Asked, heads: Iterable[VersionHead]) -> list[Mark]:
    """Releases that were told, and where a version of a service was first seen that nobody told of."""
    found = asked.listing.range
    return marks_of(heads, find_releases(project_id, found.start_ns, found.end_ns), services_of(asked.listing.filter))


def marks_of(heads: Iterable[VersionHead], releases: Sequence[ReleaseRow], services: set[str]) -> list[Mark]:
    """services: only theirs; none = all."""
    told = [
        Mark(
            one.time_ns // NS,
            one.name or one.version,
            colour_class(one.version),
            f"{one.version} of {one.service} released",
        )
        for one in releases
        if not services or one.service in services
    ]
    known = {(one.service, one.version) for one in releases}
    seen = [
        Mark(one.begun_ns // NS, one.version, colour_class(one.version), f"{one.version} of {one.service} first seen")
        for one in heads
        if (one.service, one.version) not in known and (not services or one.service in services)
    ]
    return [*told, *seen]


def services_of(filter: Node | None) -> set[str]:
    """What a filter asks to be the service, for all that it finds."""
    nodes = filter.children if isinstance(filter, And) else [filter]
    return {str(one.value) for one in nodes if isinstance(one, Term) and one.field == "service" and one.op == "="}


def read_heads(project_id: int) -> list[VersionHead]:
    return find_version_heads(project_id)


def undecided_words(undecided: Mapping[str, int]) -> str:
    """A sentence about what had too many values to be told apart; "" where there is none."""
    counts = [f"{count:,} {name.replace('_', ' ')}" for name, count in undecided.items()]
    return f"This filter cannot tell {' and '.join(counts)} apart: they had too many values." if counts else ""
