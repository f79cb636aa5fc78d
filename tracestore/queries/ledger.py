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
class _Minute:
    signal: str
    minute: int
    sent: int
    accepted: int
    deduplicated: int
    rejected: dict[str, int] | None


@dataclass(frozen=True, slots=True)
class _Refusal:
    signal: str
    reason: str
    requests: int


# Folded minutes and the batches that settle has not folded yet, in one statement: one moment, nothing twice.
_MINUTES = """
SELECT m.signal, m.minute, m.sent, m.accepted, m.deduplicated, m.rejected
FROM ledger_minute AS m
WHERE m.project = %(project)s AND m.minute >= %(start_minute)s AND m.minute < %(end_minute)s
UNION ALL
SELECT l.signal, l.received_ns / 60000000000, l.sent, l.accepted, l.deduplicated, l.rejected
FROM ingest_ledger AS l
WHERE l.project = %(project)s
  AND l.received_ns / 60000000000 >= %(start_minute)s
  AND l.received_ns / 60000000000 < %(end_minute)s
LIMIT 1000000
"""
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
    minutes = db.fetch(_MINUTES, parameters, _Minute)
    refusals = db.fetch(_REFUSALS, parameters, _Refusal)
    return [
        _row(signal, [m for m in minutes if m.signal == signal], [r for r in refusals if r.signal == signal])
        for signal in SIGNALS
    ]


def ledger_steps(project_id: int, start_ns: int, end_ns: int, step_s: int) -> list[LedgerStep]:
    """The same by steps of step_s seconds (whole minutes) that begin at its multiples; without the empty steps."""
    minutes_a_step = max(1, step_s // 60)
    steps: dict[tuple[int, str], list[_Minute]] = {}
    for one in db.fetch(_MINUTES, _minutes(project_id, start_ns, end_ns), _Minute):
        steps.setdefault((one.minute // minutes_a_step * minutes_a_step, one.signal), []).append(one)
    return [_step(signal, minute, found) for (minute, signal), found in sorted(steps.items())]


def _minutes(project_id: int, start_ns: int, end_ns: int) -> dict[str, Any]:
    return {"project": project_id, "start_minute": start_ns // (60 * NS), "end_minute": -(-end_ns // (60 * NS))}


def _row(signal: str, minutes: list[_Minute], refusals: list[_Refusal]) -> LedgerRow:
    return LedgerRow(
        signal=signal,
        sent=sum(one.sent for one in minutes),
        accepted=sum(one.accepted for one in minutes),
        deduplicated=sum(one.deduplicated for one in minutes),
        rejected=_reasons(minutes),
        requests_rejected={one.reason: one.requests for one in refusals},
        last_received_ns=max((one.minute * 60 * NS for one in minutes if one.sent), default=None),
    )


def _reasons(minutes: list[_Minute]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in minutes:
        for reason, number in (one.rejected or {}).items():
            counts[reason] = counts.get(reason, 0) + number
    return dict(sorted(counts.items()))


def _step(signal: str, minute: int, found: list[_Minute]) -> LedgerStep:
    return LedgerStep(
        signal=signal,
        start_ns=minute * 60 * NS,
        sent=sum(one.sent for one in found),
        accepted=sum(one.accepted for one in found),
        deduplicated=sum(one.deduplicated for one in found),
        rejected=sum(_reasons(found).values()),
    )
