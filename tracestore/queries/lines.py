"""How do the four lines move? Each fact is read once, by steps, and every member that is made of it computed from that."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tracestore import db
from tracestore.analysis.filters import FilterTooWide, Node
from tracestore.analysis.line_forms import Fact, Reading
from tracestore.analysis.line_steps import NS, Period, Series, series_of, unanswered
from tracestore.analysis.line_sums import Together, together
from tracestore.analysis.lines import MEMBERS, Member
from tracestore.facts import OTHER, Rollup
from tracestore.queries.line_facts import ROLLUP_OF, wanted_sums
from tracestore.queries.line_readings import find_reading
from tracestore.queries.rollups import Sums, find_sums
from tracestore.queries.sum_targets import summed

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
MOST_KEYS: Final = 6
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
    before its values. A member of a fact that cannot answer the filter over so long is unanswered, and says why.
    Raises KeyError for an unknown member or split, ValueError for a step that is not whole minutes, TooFine, FilterTooWide
    where no member can be answered, and what else find_sums raises.
    """
    wanted = [MEMBERS[name] for name in members] if members is not None else list(MEMBERS.values())
    asked = _Question(project_id, start_ns, end_ns, step_s, filter, SPLITS[split_by] if split_by else None, wanted)
    facts = dict.fromkeys(fact for one in wanted if not isinstance(one.form, Reading) for fact in one.facts)
    read, too_wide = _read_facts(asked, facts)
    period = Period(start_ns, end_ns, step_s, _since_ns(asked, read), now_ns)
    kept = _largest(read)
    added = {fact: _Added(one, kept) for fact, one in read.items()}
    found: list[Series] = []
    for member in wanted:
        if isinstance(member.form, Reading):
            found.append(find_reading(project_id, member, period, narrowed=filter is not None))
            continue
        if refused := [too_wide[fact] for fact in member.facts if fact in too_wide]:
            found.append(unanswered(member, period, refused[0]))
            continue
        of, split = [added[fact] for fact in member.facts], all(read[fact].split for fact in member.facts)
        if with_whole or not split:
            found.append(_series(member, [one.steps(member.sources) for one in of], period))
        if split:
            found += _split(member, of, period, split_by)
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

    rollup: Rollup
    rows: list[Sums]
    split: bool


def _read_facts(asked: _Question, facts: Iterable[Fact]) -> tuple[dict[Fact, _Read], dict[Fact, str]]:
    """(what was read, why the others cannot answer the filter). Raises FilterTooWide where none can."""
    read: dict[Fact, _Read] = {}
    refused: dict[Fact, FilterTooWide] = {}
    for fact in facts:
        try:
            read[fact] = _read_fact(asked, fact)
        except FilterTooWide as wide:
            refused[fact] = wide
    if refused and not read:
        raise next(iter(refused.values()))
    return read, {fact: str(wide) for fact, wide in refused.items()}


def _read_fact(asked: _Question, fact: Fact) -> _Read:
    rollup = ROLLUP_OF[fact]
    split = asked.dimension in {one.name for one in rollup.dimensions}
    of_fact = [one for one in asked.members if fact in one.facts]
    sourced = any(one.sources for one in of_fact)
    by = [name for name, wanted in ((asked.dimension, split), ("source", sourced)) if name and wanted]
    rows = find_sums(
        rollup, asked.project_id, asked.start_ns, asked.end_ns, by,
        step_s=asked.step_s, filter=asked.filter, only=wanted_sums(rollup, of_fact),
    )  # fmt: skip
    if len(rows) >= _MOST_ROWS:
        raise TooFine(f"there are more than {_MOST_ROWS} values in this range; use a longer step, or no split")
    return _Read(rollup, rows, split)


def _largest(read: Mapping[Fact, _Read]) -> set[str | None]:
    """The same values in every fact, so that charts beside each other show the same."""
    weights: Counter[str | None] = Counter()
    for one in read.values():
        if one.split:
            for row in one.rows:
                weights[row.key[0]] += row.measures.get(one.rollup.weight) or 0
    return {key for key, _ in weights.most_common(MOST_KEYS)}


@dataclass(frozen=True, slots=True)
class _Steps:
    """by_start: sums of a step by its start in seconds. whole: of all of them."""

    by_start: dict[int, Together]
    whole: Together


class _Added:
    """Rows of a fact, added up by step once for all members that read the same of them. kept: values of a split."""

    def __init__(self, read: _Read, kept: set[str | None]) -> None:
        self._rows, self._kept = read.rows, kept
        self._found: dict[tuple[str, ...], dict[str | None, _Steps]] = {}
        self._whole: dict[tuple[str, ...], _Steps] = {}

    def steps(self, sources: tuple[str, ...]) -> _Steps:
        if sources not in self._whole:
            self._whole[sources] = _steps(self._of(sources))
        return self._whole[sources]

    def split(self, sources: tuple[str, ...]) -> dict[str | None, _Steps]:
        """By value of the split, which every row has first in its key."""
        if sources not in self._found:
            groups: dict[str | None, list[Sums]] = {}
            for row in self._of(sources):
                groups.setdefault(row.key[0] if row.key[0] in self._kept else OTHER, []).append(row)
            self._found[sources] = {key: _steps(rows) for key, rows in groups.items()}
        return self._found[sources]

    def _of(self, sources: tuple[str, ...]) -> list[Sums]:
        return [row for row in self._rows if not sources or row.key[-1] in sources]


def _steps(rows: Iterable[Sums]) -> _Steps:
    found: dict[int, list[Sums]] = {}
    for row in rows:
        found.setdefault(row.start_s, []).append(row)
    by_start = {start_s: together(of_step) for start_s, of_step in found.items()}
    return _Steps(by_start, together(list(by_start.values())))


def _split(member: Member, of: Sequence[_Added], period: Period, split_by: str | None) -> list[Series]:
    parts = [one.split(member.sources) for one in of]
    keys = sorted({key for part in parts for key in part}, key=lambda key: (key == OTHER, key is None, key or ""))
    return [_series(member, [part[key] for part in parts if key in part], period, key, split_by) for key in keys]


def _series(
    member: Member, parts: Sequence[_Steps], period: Period, key: str | None = None, split_by: str | None = None
) -> Series:
    """parts: of each fact that the member is made of."""
    by_step: dict[int, list[Together]] = {}
    for part in parts:
        for start_s, sums in part.by_start.items():
            by_step.setdefault(start_s, []).append(sums)
    return series_of(member, by_step, period, key, split_by, whole=[part.whole for part in parts])


@dataclass(frozen=True, slots=True)
class _Since:
    minute_s: int | None
    hour_s: int | None
    day_s: int | None
    mark_s: int | None
    minutes_from_s: int
    frozen_before_s: int


# The first of each grain, by usage_rollup_fill: minutes go first, days stay longest.
_SINCE = """
SELECT
  (SELECT min(start_s) FROM usage_rollup WHERE project = %(project)s AND grain_s = 60) AS minute_s,
  (SELECT min(start_s) FROM usage_rollup WHERE project = %(project)s AND grain_s = 3600) AS hour_s,
  (SELECT min(start_s) FROM usage_rollup WHERE project = %(project)s AND grain_s = 86400) AS day_s,
  (SELECT min(start_s) FROM rollup_mark WHERE project = %(project)s AND grain_s = 60) AS mark_s,
  coalesce((SELECT minutes_from_s FROM rollup_state WHERE project = %(project)s), 0) AS minutes_from_s,
  coalesce((SELECT frozen_before_s FROM rollup_state WHERE project = %(project)s), 0) AS frozen_before_s
"""


def finest_step_s(project_id: int, start_ns: int) -> int:
    """The finest step that a range from then on can be told in: 60, or 3600 where minutes are no longer kept."""
    return 60 if start_ns >= _since(project_id).minutes_from_s * NS else 3_600


def _since(project_id: int) -> _Since:
    return db.fetch(_SINCE, {"project": project_id}, _Since)[0]


def _since_ns(asked: _Question, facts: Iterable[Fact]) -> int | None:
    """When the first thing ended, to the minute, or the hour or day where finer sums of it are no longer kept.

    What is too young to be summed is marked. Steps that are not whole hours know nothing before minutes_from_s, and a
    filter that rows must answer nothing before frozen_before_s.
    """
    found = _since(asked.project_id)
    since_s, reach_s = None, 0
    for start_s, grain_s in ((found.day_s, 86_400), (found.hour_s, 3_600), (found.minute_s, 60)):
        if start_s is not None and (since_s is None or start_s < since_s + reach_s):
            since_s, reach_s = start_s, grain_s
    starts = [start_s for start_s in (since_s, found.mark_s) if start_s is not None]
    if not starts:
        return None
    of_rows = any(summed(ROLLUP_OF[fact], asked.filter) is None for fact in facts)
    bounds = [found.minutes_from_s] * (asked.step_s % 3_600 > 0) + [found.frozen_before_s] * of_rows
    return max(min(starts), *bounds, 0) * NS
