"""What do the traces that match come to, and how did that go over time?"""

from dataclasses import dataclass

from psycopg import sql

from tracestore import db
from tracestore.analysis.filters import Node
from tracestore.queries.filter_targets import TRACE
from tracestore.queries.filters import condition
from tracestore.queries.ranges import day_bounds

_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class StripBucket:
    """Traces that started in [start_ns, start_ns + the strip's bucket_ns). error_traces and failed_traces: TraceStrip."""

    start_ns: int
    traces: int
    error_traces: int
    failed_traces: int
    p95_duration_ns: int | None
    cost_nanousd: int | None


@dataclass(frozen=True, slots=True)
class TraceStrip:
    """What a filter matches, in one line: over [start_ns, end_ns) of the trace starts.

    error_traces have a failed span, as the filter status:error asks; failed_traces failed as a whole: their root did.
    cost_nanousd sums the traces whose cost is known; unpriced_traces counts those with a call that has no price.
    """

    start_ns: int
    end_ns: int
    bucket_ns: int
    traces: int
    error_traces: int
    failed_traces: int
    p50_duration_ns: int | None
    p95_duration_ns: int | None
    input_tokens: int | None
    output_tokens: int | None
    cost_nanousd: int | None
    unpriced_traces: int
    buckets: list[StripBucket]


# One grouping set for the whole, one for the buckets: a single pass over the range.
_STRIP = sql.SQL("""
SELECT
  (t.start_ns - %(start_ns)s) / %(bucket_ns)s AS bucket,
  count(*) AS traces,
  count(*) FILTER (WHERE t.error_count > 0) AS error_traces,
  count(*) FILTER (WHERE t.status = 2) AS failed_traces,
  percentile_disc(0.5) WITHIN GROUP (ORDER BY t.duration_ns) AS p50_duration_ns,
  percentile_disc(0.95) WITHIN GROUP (ORDER BY t.duration_ns) AS p95_duration_ns,
  bounded(sum(t.input_tokens)) AS input_tokens,
  bounded(sum(t.output_tokens)) AS output_tokens,
  bounded(sum(t.cost_nanousd)) AS cost_nanousd,
  count(*) FILTER (WHERE t.unpriced_calls > 0) AS unpriced_traces
FROM trace AS t
WHERE t.project = %(project)s
  AND t.day BETWEEN %(first_day)s AND %(last_day)s
  AND t.start_ns >= %(start_ns)s
  AND t.start_ns < %(end_ns)s
  AND {matches}
GROUP BY GROUPING SETS ((), (1))
ORDER BY 1 NULLS FIRST
LIMIT 1001
""")


@dataclass(frozen=True, slots=True)
class _Sums:
    bucket: int | None
    traces: int
    error_traces: int
    failed_traces: int
    p50_duration_ns: int | None
    p95_duration_ns: int | None
    input_tokens: int | None
    output_tokens: int | None
    cost_nanousd: int | None
    unpriced_traces: int


def summarise_traces(
    project_id: int,
    start_ns: int,
    end_ns: int,
    filter: Node | None = None,
    buckets: int = 60,
) -> TraceStrip:
    """Sums and percentiles over the traces that started in [start_ns, end_ns) and match; every bucket, empty ones too.

    buckets: at most 1000. Raises psycopg QueryCanceled past 5 s.
    """
    bucket_ns = max(1, -(-(end_ns - start_ns) // buckets))
    matches, values = condition(filter, TRACE)
    parameters = values | day_bounds(start_ns, end_ns)
    parameters |= {"project": project_id, "start_ns": start_ns, "end_ns": end_ns, "bucket_ns": bucket_ns}
    whole, *parts = db.fetch(_STRIP.format(matches=matches), parameters, _Sums)
    return TraceStrip(
        start_ns=start_ns,
        end_ns=end_ns,
        bucket_ns=bucket_ns,
        traces=whole.traces,
        error_traces=whole.error_traces,
        failed_traces=whole.failed_traces,
        p50_duration_ns=whole.p50_duration_ns,
        p95_duration_ns=whole.p95_duration_ns,
        input_tokens=whole.input_tokens,
        output_tokens=whole.output_tokens,
        cost_nanousd=whole.cost_nanousd,
        unpriced_traces=whole.unpriced_traces,
        buckets=_fill(start_ns, end_ns, bucket_ns, parts),
    )


@dataclass(frozen=True, slots=True)
class _DayRows:
    day_start_ns: int
    traces: int


_ROWS = """
SELECT
  (to_date(right(child.relname, 8), 'YYYYMMDD') - date '1970-01-01') * 86400000000000 AS day_start_ns,
  greatest(child.reltuples, 0)::bigint AS traces
FROM pg_inherits
JOIN pg_class AS child ON child.oid = pg_inherits.inhrelid
WHERE pg_inherits.inhparent = 'trace'::regclass
LIMIT 1000
"""


def traces_at_most(start_ns: int, end_ns: int) -> int:
    """About how many traces of all projects started in a range: Postgres's own counts of each day, shared out evenly."""
    days = db.fetch(_ROWS, {}, _DayRows)
    return sum(one.traces * _overlap_ns(one.day_start_ns, start_ns, end_ns) // _DAY_NS for one in days)


def _overlap_ns(day_start_ns: int, start_ns: int, end_ns: int) -> int:
    return max(0, min(end_ns, day_start_ns + _DAY_NS) - max(start_ns, day_start_ns))


def _fill(start_ns: int, end_ns: int, bucket_ns: int, sums: list[_Sums]) -> list[StripBucket]:
    known = {one.bucket: one for one in sums}
    return [_bucket(begin, known.get(n)) for n, begin in enumerate(range(start_ns, end_ns, bucket_ns))]


def _bucket(start_ns: int, sums: _Sums | None) -> StripBucket:
    if sums is None:
        return StripBucket(start_ns, 0, 0, 0, None, None)
    return StripBucket(
        start_ns, sums.traces, sums.error_traces, sums.failed_traces, sums.p95_duration_ns, sums.cost_nanousd
    )
