"""What was sent, what was kept, what was refused, and why?"""

from dataclasses import dataclass
from typing import Any, Final

from tracestore import db
from tracestore.queries.ranges import NS

SIGNALS: Final = ("traces", "logs", "metrics")


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One signal. sent == accepted + deduplicated + sum(rejected.values()); requests_rejected lies outside sent."""

    signal: str
    sent: int
    accepted: int
    deduplicated: int
    rejected: dict[str, int]
    requests_rejected: dict[str, int]
    last_received_ns: int | None


@dataclass(frozen=True, slots=True)
class LedgerStep:
    """The same per signal and step, for the chart of the ingest page. start_ns is the step's beginning."""

    signal: str
    start_ns: int
    sent: int
    accepted: int
    deduplicated: int
    rejected: int


@dataclass(frozen=True, slots=True)
class _Sums:
    signal: str
    sent: int
    accepted: int
    deduplicated: int
    last_minute: int | None
    rejected: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class _Refusal:
    signal: str
    reason: str
    requests: int


# Folded minutes and the batches that settle has not folded yet, in one statement: one moment, nothing twice.
_MINUTES = """
WITH minutes AS (
  SELECT m.signal, m.minute, m.sent, m.accepted, m.deduplicated, m.rejected
  FROM ledger_minute AS m
  WHERE m.project = %(project)s AND m.minute >= %(start_minute)s AND m.minute < %(end_minute)s
  UNION ALL
  SELECT l.signal, l.received_ns / 60000000000, l.sent, l.accepted, l.deduplicated, coalesce(l.rejected, '{}')
  FROM ingest_ledger AS l
  WHERE l.project = %(project)s
    AND l.received_ns / 60000000000 >= %(start_minute)s
    AND l.received_ns / 60000000000 < %(end_minute)s
)"""
_SUMS = f"""{_MINUTES}
, reasons AS (
  SELECT m.signal, reason.key, sum(reason.value::bigint)::bigint AS n
  FROM minutes AS m
  CROSS JOIN jsonb_each_text(m.rejected) AS reason
  WHERE m.rejected <> '{{}}'
  GROUP BY m.signal, reason.key
)
SELECT
  m.signal,
  sum(m.sent)::bigint AS sent,
  sum(m.accepted)::bigint AS accepted,
  sum(m.deduplicated)::bigint AS deduplicated,
  max(m.minute) FILTER (WHERE m.sent > 0) AS last_minute,
  (SELECT jsonb_object_agg(r.key, r.n) FROM reasons AS r WHERE r.signal = m.signal) AS rejected
FROM minutes AS m
GROUP BY m.signal
LIMIT 10
"""  # noqa: S608  # constants only
_STEPS = f"""{_MINUTES}
SELECT
  m.signal,
  m.minute / %(minutes)s * %(minutes)s * 60000000000 AS start_ns,
  sum(m.sent)::bigint AS sent,
  sum(m.accepted)::bigint AS accepted,
  sum(m.deduplicated)::bigint AS deduplicated,
  coalesce(sum((SELECT sum(reason.value::bigint) FROM jsonb_each_text(m.rejected) AS reason))
    FILTER (WHERE m.rejected <> '{{}}'), 0)::bigint AS rejected
FROM minutes AS m
GROUP BY 1, 2
ORDER BY 2, 1
LIMIT 100000
"""  # noqa: S608  # constants only
_REFUSALS = """
SELECT r.signal, r.reason, sum(r.requests)::bigint AS requests
FROM ledger_refusal AS r
WHERE r.project = %(project)s AND r.minute >= %(start_minute)s AND r.minute < %(end_minute)s
GROUP BY r.signal, r.reason
ORDER BY r.signal, r.reason
LIMIT 1000
"""


def ledger(project_id: int, start_ns: int, end_ns: int) -> list[LedgerRow]:
    """One row for each of SIGNALS, of what was received in the whole minutes that [start_ns, end_ns) touches."""
    parameters = _minutes(project_id, start_ns, end_ns)
    sums = {row.signal: row for row in db.fetch(_SUMS, parameters, _Sums)}
    refusals = db.fetch(_REFUSALS, parameters, _Refusal)
    return [
        _row(sums.get(signal) or _Sums(signal, 0, 0, 0, None, None), [r for r in refusals if r.signal == signal])
        for signal in SIGNALS
    ]


def ledger_steps(project_id: int, start_ns: int, end_ns: int, step_s: int) -> list[LedgerStep]:
    """The same by steps of step_s seconds (whole minutes) that begin at its multiples; without the empty steps."""
    parameters = _minutes(project_id, start_ns, end_ns) | {"minutes": max(1, step_s // 60)}
    return db.fetch(_STEPS, parameters, LedgerStep)


def _minutes(project_id: int, start_ns: int, end_ns: int) -> dict[str, Any]:
    return {"project": project_id, "start_minute": start_ns // (60 * NS), "end_minute": -(-end_ns // (60 * NS))}


def _row(sums: _Sums, refusals: list[_Refusal]) -> LedgerRow:
    return LedgerRow(
        signal=sums.signal,
        sent=sums.sent,
        accepted=sums.accepted,
        deduplicated=sums.deduplicated,
        rejected=dict(sorted((sums.rejected or {}).items())),
        requests_rejected={one.reason: one.requests for one in refusals},
        last_received_ns=None if sums.last_minute is None else sums.last_minute * 60 * NS,
    )
