"""What is read for the page of a budget: its period, what was counted in it, by whom, and what is left out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tracestore.analysis.slo.blame import total_of
from tracestore.analysis.slo.burn import Count, burn_rate, exhaustion_s, remaining_share
from tracestore.analysis.slo.evaluation import INGEST_DELAY_S
from tracestore.analysis.slo.periods import Rolling, Span, period_at, projected_total
from tracestore.analysis.slo.promise import YOUNG
from tracestore.facts import DAY_S, HOUR_S, MINUTE_S
from tracestore.queries.slo import ObjectiveRow, VersionCounts, Window, count_windows
from tracestore.queries.slo_evaluation import find_positions
from tracestore.queries.slo_series import find_series, windows_excluded
from tracestore.queries.slo_status import StatusRow, get_status

WEEKS_LOOKED_BACK: Final = 4


@dataclass(frozen=True, slots=True)
class Budget:
    """As of until_s, a whole minute. counts: of the period by version set; counts_with_excluded: as if nothing were left out.

    pace_s: the stretch before until_s whose pace is gone on with; pace_counts, hour: its events, and those of the last hour.
    projected: what the events of a calendar period will have been at its end, a projection; None for a rolling one.
    oldest_s: the hour of its first event ever, None = none.
    """

    objective: ObjectiveRow
    status: StatusRow | None
    period: Span
    until_s: int
    counts: VersionCounts
    counts_with_excluded: VersionCounts
    excluded: Sequence[Window]
    pace_s: int
    pace_counts: VersionCounts
    hour: Count
    projected: float | None
    oldest_s: int | None = None

    @property
    def target(self) -> float:
        return float(self.objective.target)

    @property
    def start_s(self) -> int:
        return int(self.period.start.timestamp()) // MINUTE_S * MINUTE_S

    @property
    def count(self) -> Count:
        return total_of(self.counts.values())

    @property
    def pace(self) -> Count:
        return total_of(self.pace_counts.values())

    @property
    def remaining(self) -> float | None:
        return remaining_share(self.count, self.target)

    @property
    def remaining_with_excluded(self) -> float | None:
        return remaining_share(total_of(self.counts_with_excluded.values()), self.target)

    @property
    def remaining_projected(self) -> float | None:
        """Of what the whole calendar period is expected to allow."""
        if not self.projected:
            return None
        return 1 - self.count.bad / ((1 - self.target) * self.projected)

    @property
    def elapsed(self) -> float:
        """The share of the period that has events behind it: what began yesterday has hardly begun."""
        since_s = max(self.start_s, self.oldest_s or self.start_s)
        return min(1.0, max(0.0, self.until_s - since_s) / max(1, self.period.seconds))

    @property
    def spent_of_whole(self) -> float | None:
        """Of the budget of a whole period, at the traffic that there was; for a calendar period of the projected one."""
        if self.projected:
            return None if self.remaining_projected is None else 1 - self.remaining_projected
        return None if self.remaining is None else (1 - self.remaining) * self.elapsed

    @property
    def is_young(self) -> bool:
        """A rolling period of which the most has no events yet."""
        return self.projected is None and self.elapsed < YOUNG

    @property
    def pace_rate(self) -> float | None:
        return burn_rate(self.pace, self.target)

    @property
    def left_s(self) -> float:
        """How long a calendar period still goes on; a rolling one always has its whole length before it."""
        rolling = isinstance(self.objective.period(), Rolling)
        return self.period.seconds if rolling else self.period.end.timestamp() - self.until_s

    @property
    def runs_out_s(self) -> float | None:
        """Seconds until it is gone at the pace; None: it lasts, or that cannot be told."""
        if self.spent_of_whole is None or self.pace_rate is None:
            return None
        found = exhaustion_s(1 - self.spent_of_whole, self.pace_rate, self.period.seconds)
        return found if found is not None and found < self.left_s else None


def read_budget(objective: ObjectiveRow, now: datetime) -> Budget:
    """As of the last evaluation, so that the page says what the rules saw; as of now less the delay where there was none."""
    status = get_status(objective.project_id, objective.id)
    position = find_positions([objective.id]).get(objective.id)
    until_s = _until(status, now)
    until = datetime.fromtimestamp(until_s, UTC)
    period = period_at(objective.period(), until)
    pace_s = min(DAY_S, max(MINUTE_S, period.seconds // 7 // MINUTE_S * MINUTE_S))
    whole = (int(period.start.timestamp()) // MINUTE_S * MINUTE_S, until_s)
    excluded = windows_excluded(objective, *whole)
    windows = [whole, (until_s - pace_s, until_s), (until_s - HOUR_S, until_s)]
    found = count_windows([objective.id], windows, excluded)
    counts = found.get((objective.id, 0), {})
    every = count_windows([objective.id], [whole]) if excluded else {(objective.id, 0): counts}
    return Budget(
        objective=objective,
        status=status,
        period=period,
        until_s=until_s,
        counts=counts,
        counts_with_excluded=every.get((objective.id, 0), {}),
        excluded=excluded,
        pace_s=pace_s,
        pace_counts=found.get((objective.id, 1), {}),
        hour=total_of(found.get((objective.id, 2), {}).values()),
        oldest_s=position.oldest_s if position else None,
        projected=_projected(objective, period, until, total_of(counts.values())),
    )


def _until(status: StatusRow | None, now: datetime) -> int:
    if status is not None and status.evaluated_at is not None:
        return int(status.evaluated_at.timestamp()) // MINUTE_S * MINUTE_S
    return int(now.timestamp() - INGEST_DELAY_S) // MINUTE_S * MINUTE_S


def _projected(objective: ObjectiveRow, period: Span, until: datetime, count: Count) -> float | None:
    if isinstance(objective.period(), Rolling):
        return None
    today_s = int(until.timestamp()) // DAY_S * DAY_S
    days = find_series(objective, today_s - WEEKS_LOOKED_BACK * 7 * DAY_S, today_s, DAY_S)
    usual = by_weekday((one.start_s, one.total) for one in days)
    return projected_total(count.total, Span(period.start, until), period, usual)


def by_weekday(days: Iterable[tuple[int, int]]) -> dict[int, float]:
    """(start of a UTC day, its events) -> mean events of each weekday, 0 = Monday, of the days that had any."""
    found: dict[int, list[int]] = {}
    for start_s, total in days:
        found.setdefault(datetime.fromtimestamp(start_s, UTC).weekday(), []).append(total)
    return {weekday: sum(totals) / len(totals) for weekday, totals in found.items()}


def coverage(budget: Budget) -> float | None:
    """Which share of the period until now is counted at all; None = not counted yet."""
    status = budget.status
    if status is None or status.covered_from is None:
        return None
    if status.history_done:
        return 1.0
    length = timedelta(seconds=max(1, budget.until_s - budget.start_s))
    covered = datetime.fromtimestamp(budget.until_s, UTC) - max(status.covered_from, budget.period.start)
    return min(1.0, max(0.0, covered / length))
