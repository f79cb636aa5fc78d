"""Which hours of a range stood out, compared with what, and why did they cost so much?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tracestore.analysis.anomalies import DAY_H, WEEK_H, WEEKS, is_learning, standouts
from tracestore.analysis.cost_parts import CostParts, Spent, contributors, cost_parts
from tracestore.analysis.cover import NS
from tracestore.analysis.filters import Node
from tracestore.analysis.hourly import WATCHED, Anomaly, anomaly_of, numbers
from tracestore.analysis.line_forms import sums_of
from tracestore.analysis.lines import MEMBERS
from tracestore.facts import CALLS, REQUESTS
from tracestore.queries.rollups import Sums, find_sums

HOUR_NS: Final = 3_600 * NS
LONGEST_DAYS: Final = 31
_MOST_ROWS: Final = 100_000  # that find_sums answers with


@dataclass(frozen=True, slots=True)
class Explained:
    """parts, dearer: of cost alone, against the mean of the hours that the median is of; None and () where not known.

    dearer: ("service / model", by how many nano-USD it cost more), the largest first.
    """

    anomaly: Anomaly
    parts: CostParts | None = None
    dearer: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Anomalies:
    """In time order. learning: members of which less than two weeks are known before the range: nothing is said of them."""

    found: list[Explained]
    learning: list[str]


def find_anomalies(
    project_id: int, start_ns: int, end_ns: int, filter: Node | None = None, *, now_ns: int
) -> Anomalies:
    """The whole hours of [start_ns, end_ns) that are over; of a longer range its last LONGEST_DAYS days.

    filter: as for find_sums, terms that sums answer. Raises what find_sums raises.
    """
    end = min(end_ns, now_ns) // HOUR_NS
    start = max(-(-start_ns // HOUR_NS), end - LONGEST_DAYS * DAY_H)
    if start >= end:
        return Anomalies([], [])
    only = {name for watched in WATCHED for name in sums_of(MEMBERS[watched.member].form)}
    first = start // DAY_H * DAY_H - (WEEKS * WEEK_H + DAY_H)
    rows = find_sums(
        REQUESTS, project_id, max(0, first) * HOUR_NS, end * HOUR_NS, step_s=3_600, filter=filter, only=only
    )
    hours = {row.start_s // 3_600: row for row in rows}
    found, learning = _watch(hours, start, end)
    dear = [one for one in found if one.member == "cost_per_hour"]
    told = _explain(project_id, dear, hours, filter) if dear else {}
    return Anomalies([told.get((one.member, one.hour), Explained(one)) for one in found], learning)


def _watch(hours: Mapping[int, Sums], start: int, end: int) -> tuple[list[Anomaly], list[str]]:
    found: list[Anomaly] = []
    learning: list[str] = []
    for watched in WATCHED:
        of = numbers(watched.member, hours, end)
        scaled = watched.hours(of)
        if is_learning(scaled, end - 1):
            learning.append(watched.member)
            continue
        stood = standouts(scaled, start, end, watched.both_ways)
        found += [one for stand in stood if (one := anomaly_of(watched, of, stand)) is not None]
    return sorted(found, key=lambda one: (one.hour, one.member)), learning


def _explain(
    project_id: int, dear: Iterable[Anomaly], hours: Mapping[int, Sums], filter: Node | None
) -> dict[tuple[str, int], Explained]:
    alike = {
        one.hour: [at for week in range(1, WEEKS + 1) if (at := one.hour - week * WEEK_H) in hours] for one in dear
    }
    wanted = {hour for at, before in alike.items() for hour in (at, *before)}
    rows = find_sums(
        CALLS, project_id, min(wanted) * HOUR_NS, (max(wanted) + 1) * HOUR_NS, ("service", "model"),
        step_s=3_600, filter=filter, only=("cost_nanousd", "input_tokens", "output_tokens"),
    )  # fmt: skip
    if len(rows) >= _MOST_ROWS:
        return {}
    spent = _spent(rows, wanted)
    return {(one.member, one.hour): _explained(one, alike[one.hour], hours, spent) for one in dear}


def _spent(rows: Iterable[Sums], wanted: set[int]) -> dict[int, dict[str, Spent]]:
    """hour -> "service / model" -> what it took."""
    found: dict[int, dict[str, Spent]] = {}
    for row in rows:
        hour = row.start_s // 3_600
        if hour in wanted:
            of = row.measures
            tokens = (of["input_tokens"] or 0) + (of["output_tokens"] or 0)
            key = " / ".join(part or "unknown" for part in row.key)
            found.setdefault(hour, {})[key] = Spent(tokens, of["cost_nanousd"] or 0)
    return found


def _explained(
    one: Anomaly, alike: list[int], hours: Mapping[int, Sums], spent: Mapping[int, Mapping[str, Spent]]
) -> Explained:
    after, before = spent.get(one.hour, {}), _mean([spent.get(at, {}) for at in alike])
    requests = [_requests(hours, [one.hour]), _requests(hours, alike)]
    return Explained(one, cost_parts(requests[1], requests[0], before, after), tuple(contributors(before, after)))


def _requests(hours: Mapping[int, Sums], these: list[int]) -> float:
    return sum(hours[at].measures["requests"] or 0 for at in these if at in hours) / len(these)


def _mean(hours: list[Mapping[str, Spent]]) -> dict[str, Spent]:
    keys = {key for hour in hours for key in hour}
    return {
        key: Spent(
            sum(hour[key].tokens for hour in hours if key in hour) / len(hours),
            sum(hour[key].cost for hour in hours if key in hour) / len(hours),
        )
        for key in keys
    }
