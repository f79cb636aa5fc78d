"""How do the four lines move? Each fact is read once, by steps, and every member that is made of it computed from that."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tracestore import db
from tracestore.analysis.filters import Node
from tracestore.analysis.line_forms import Reading
from tracestore.analysis.line_steps import NS, Period, Series, series_of
from tracestore.analysis.lines import MEMBERS, Member
from tracestore.facts import FACTS, OTHER, Rollup
from tracestore.queries.line_readings import find_reading
from tracestore.queries.rollups import Sums, find_sums

ROLLUPS: Final[Mapping[str, Rollup]] = {one.fact: one for one in FACTS}
SPLITS: Final[Mapping[str, str]] = {
    "version": "service_version",
    "version_set": "version_set",
    "service": "service",
    "environment": "environment",
    "operation": "operation",
    "provider": "provider",
    "model": "model",
    "tool": "tool",
    "name": "name",
    "source": "source",
}
MOST_KEYS: Final = 8
_MOST_ROWS: Final = 100_000  # that find_sums answers with


class TooFine(ValueError):
    """A split has too many values for so many steps; the message says what to do."""


def find_lines(
    project_id: int,
    start_ns: int,
    end_ns: int,
    step_s: int,
    filter: Node | None = None,
    members: Iterable[str] | None = None,
    split_by: str | None = None,
    *,
    now_ns: int,
    with_whole: bool = False,
) -> list[Series]:
    """The members (by name; None = all), in their order, over [start_ns, end_ns) in steps of whole minutes.

    split_by: a key of SPLITS: one series a value, the MOST_KEYS largest by requests and calls, the rest as OTHER. A member of
    a fact that does not know it stays one series, with split_by None. with_whole: that one as well for each split member,
    before its values.
    Raises KeyError for an unknown member or split, ValueError for a step that is not whole minutes, TooFine, and what
    find_sums raises.
    """
    wanted = [MEMBERS[name] for name in members] if members is not None else list(MEMBERS.values())
    asked = _Question(project_id, start_ns, end_ns, step_s, filter, SPLITS[split_by] if split_by else None, wanted)
    facts = dict.fromkeys(one.fact for one in wanted if not isinstance(one.form, Reading))
    read = {str(fact): _read_fact(asked, fact) for fact in facts}
    period = Period(start_ns, end_ns, step_s, _since_ns(project_id, read.values()), now_ns)
    kept = _largest(read)
    found: list[Series] = []
    for member in wanted:
        if isinstance(member.form, Reading):
            found.append(find_reading(project_id, member, period, narrowed=filter is not None))
            continue
        of = read[member.fact]
        if with_whole or not of.split:
            found.append(series_of(member, _by_step(member, of.rows), period))
        if of.split:
            found += _split(member, of, period, kept, split_by)
    return found


@dataclass(frozen=True, slots=True)
class _Question:
    project_id: int
    start_ns: int
    end_ns: int
    step_s: int
    filter: Node | None
    dimension: str | None
    members: Sequence[Member]


@dataclass(frozen=True, slots=True)
class _Read:
    """rows: sums whose key is (value of the split, source), each where it was asked for."""

    rollup: Rollup | None
    rows: list[Sums]
    split: bool


def _read_fact(asked: _Question, fact: str) -> _Read:
    rollup = ROLLUPS.get(fact)
    if rollup is None:
        return _Read(None, [], False)
    split = asked.dimension in {one.name for one in rollup.dimensions}
    sourced = any(one.sources for one in asked.members if one.fact == fact)
    by = [name for name, wanted in ((asked.dimension, split), ("source", sourced)) if name and wanted]
    chosen: dict[str, Any] = {} if asked.filter is None else {"filter": asked.filter}
    rows = find_sums(rollup, asked.project_id, asked.start_ns, asked.end_ns, by, step_s=asked.step_s, **chosen)
    if len(rows) >= _MOST_ROWS:
        raise TooFine(f"there are more than {_MOST_ROWS} values in this range; use a longer step, or no split")
    return _Read(rollup, rows, split)


def _largest(read: Mapping[str, _Read]) -> set[str | None]:
    """The same values in every fact, so that charts beside each other show the same."""
    weights: Counter[str | None] = Counter()
    for one in read.values():
        if one.split and one.rollup is not None:
            for row in one.rows:
                weights[row.key[0]] += row.measures.get(one.rollup.weight) or 0
    return {key for key, _ in weights.most_common(MOST_KEYS)}


def _split(member: Member, read: _Read, period: Period, kept: set[str | None], split_by: str | None) -> list[Series]:
    groups: dict[str | None, list[Sums]] = {}
    for row in read.rows:
        groups.setdefault(row.key[0] if row.key[0] in kept else OTHER, []).append(row)
    keys = sorted(groups, key=lambda key: (key == OTHER, key is None, key or ""))
    return [series_of(member, _by_step(member, groups[key]), period, key, split_by) for key in keys]


def _by_step(member: Member, rows: Iterable[Sums]) -> dict[int, list[Sums]]:
    found: dict[int, list[Sums]] = {}
    for row in rows:
        if not member.sources or row.key[-1] in member.sources:
            found.setdefault(row.start_s, []).append(row)
    return found


@dataclass(frozen=True, slots=True)
class _Since:
    minute_s: int | None
    hour_s: int | None
    day_s: int | None


# The first of each grain, by request_rollup_start: minutes go first (see minutes_from_s), days stay longest.
_SINCE = """
SELECT
  (SELECT min(start_s) FROM request_rollup WHERE project = %(project)s AND grain_s = 60) AS minute_s,
  (SELECT min(start_s) FROM request_rollup WHERE project = %(project)s AND grain_s = 3600) AS hour_s,
  (SELECT min(start_s) FROM request_rollup WHERE project = %(project)s AND grain_s = 86400) AS day_s
"""


def _since_ns(project_id: int, read: Iterable[_Read]) -> int | None:
    """When the first request ended, to the minute, or the hour or day where finer sums of it are no longer kept.

    What was read may be too young to be summed.
    """
    found = db.fetch(_SINCE, {"project": project_id}, _Since)[0]
    since_s, reach_s = None, 0
    for start_s, grain_s in ((found.day_s, 86_400), (found.hour_s, 3_600), (found.minute_s, 60)):
        if start_s is not None and (since_s is None or start_s < since_s + reach_s):
            since_s, reach_s = start_s, grain_s
    starts = [row.start_s for one in read for row in one.rows] + ([] if since_s is None else [since_s])
    return min(starts) * NS if starts else None
