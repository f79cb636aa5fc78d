"""What would an objective that nobody saved yet have counted? Its events by minute, over what is stored, as far as time allows."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg import sql

from tracestore import db
from tracestore.analysis.slo.backtest import Minutes
from tracestore.analysis.slo.burn import Count
from tracestore.analysis.slo.indicator import Indicator
from tracestore.facts import DAY_S, MINUTE_S
from tracestore.queries.ranges import EVER, NS, days_of_ended, kept_days
from tracestore.queries.slo_targets import TARGETS, EventParameters, answers, events

DAYS_MAX: Final = 31
PATIENCE_S: Final = 5.0  # of all statements together
STEP_TIMEOUT_MS: Final = 4_000  # of one


@dataclass(frozen=True, slots=True)
class MinuteCount:
    start_s: int
    bad: int
    total: int


@dataclass(frozen=True, slots=True)
class Preview:
    """counts: events by minute (Unix seconds) of [start_s, end_s); minutes without events are left out.

    whole: False: there was no time for what lies before start_s.
    """

    counts: dict[int, Count]
    start_s: int
    end_s: int
    whole: bool

    @property
    def minutes(self) -> Minutes:
        return Minutes(self.counts, self.start_s, self.end_s)

    @property
    def count(self) -> Count:
        return sum(self.counts.values(), Count(0, 0))


# Grain: one row a minute with events. OFFSET 0: each filter is asked once of each event.
_PREVIEW = sql.SQL("""
WITH event AS MATERIALIZED (
{events}
),
asked AS (
  SELECT {alias}.minute_s, {counts} AS counts, {bad} AS bad
  FROM event AS {alias}
  OFFSET 0
)
SELECT minute_s AS start_s, count(*) FILTER (WHERE bad) AS bad, count(*) AS total
FROM asked
WHERE counts
GROUP BY minute_s
""")


def preview(project_id: int, indicator: Indicator, end_s: int, days: int = 14) -> Preview:
    """What it would have counted in the `days` (at most DAYS_MAX) before end_s, newest first until the time is up.

    Raises psycopg errors of a filter that the database refuses.
    """
    end_s = end_s // MINUTE_S * MINUTE_S
    first_s = end_s - min(days, DAYS_MAX) * DAY_S
    counts: dict[int, Count] = {}
    stop_at, from_s = time.monotonic() + PATIENCE_S, end_s
    for start_s, until_s in _steps(first_s, end_s):
        left_ms = int((stop_at - time.monotonic()) * 1000)
        if left_ms < 100:
            return Preview(counts, from_s, end_s, whole=False)
        try:
            rows = _count(project_id, indicator, start_s, until_s, min(left_ms, STEP_TIMEOUT_MS))
        except psycopg.errors.QueryCanceled:
            return Preview(counts, from_s, end_s, whole=False)
        counts |= {row.start_s: Count(row.bad, row.total) for row in rows}
        from_s = start_s
    return Preview(counts, from_s, end_s, whole=True)


def _steps(first_s: int, end_s: int) -> Iterator[tuple[int, int]]:
    """Backwards, an hour first: whatever is slow, something is shown."""
    until_s, length_s = end_s, DAY_S // 24
    while until_s > first_s:
        start_s = max(first_s, until_s - length_s)
        yield start_s, until_s
        until_s, length_s = start_s, min(length_s * 2, DAY_S)


def _count(project_id: int, indicator: Indicator, start_s: int, end_s: int, timeout_ms: int) -> list[MinuteCount]:
    unit, parameters = TARGETS[indicator.unit], EventParameters()
    counts, bad = answers(indicator, parameters)
    statement = _PREVIEW.format(
        events=events(indicator.unit, parameters), alias=sql.Identifier(unit.alias), counts=counts, bad=bad
    )
    asked = _asked(project_id, start_s, end_s, unit.days) | parameters.values
    return db.fetch(statement, asked, MinuteCount, timeout_ms, session={"enable_seqscan": "off"})


def _asked(project_id: int, start_s: int, end_s: int, around: int | None) -> dict[str, Any]:
    bounds = days_of_ended(project_id, start_s * NS, end_s * NS)
    days = kept_days(bounds["first_day"], bounds["last_day"])
    first, last = bounds["first_day"], bounds["last_day"]
    wide = EVER if around is None else (first - timedelta(around), last + timedelta(around))
    return {
        "project": project_id,
        "starts": list(range(start_s, end_s, MINUTE_S)),
        "days": days,
        "first_day": wide[0],
        "last_day": wide[1],
        "start_ns": start_s * NS,
        "end_ns": end_s * NS,
    }
