"""What scores ought to be, told naively from the evaluations that were sent, the stored spans and the rows of oracle.py."""

from types import SimpleNamespace as Row
from typing import Any

from tests.store.oracle import Derived, _stored
from tests.store.oracle_sums import NS, WHO, known_sum
from tracestore import db

KEYS = (*WHO, "operation", "model", "name", "source")


def scores(project: int, derived: Derived) -> list[Row]:
    """One row an evaluation that counts."""
    spans = {(span.trace_id, span.span_id): span for span in _stored(project)}
    by_hash: dict[Any, Row] = {}
    for one in sorted(_given(project), key=lambda e: (e.time_ns, e.digest, -e.received_ns)):
        by_hash[one.hash] = one
    return [_score(one, spans, derived) for one in by_hash.values() if _counts(one, spans)]


def _given(project: int) -> list[Row]:
    with db.JOBS.connection() as connection:
        cursor = connection.execute("SELECT * FROM evaluation WHERE project = %s", [project])
        names = [column.name for column in cursor.description or ()]
        return [Row(**dict(zip(names, row, strict=True))) for row in cursor]


def _counts(one: Row, spans: dict[Any, Row]) -> bool:
    if one.record_hash is None:
        return True
    return bool(spans[one.trace_id, one.carrier_id].record_hash == one.record_hash)


def _score(one: Row, spans: dict[Any, Row], derived: Derived) -> Row:
    trace = next((trace for trace in derived[0] if trace.trace_id == one.trace_id), None)
    calls = [call for call in derived[1] if call.trace_id == one.trace_id and call.call]
    named = [c for c in calls if c.span_id == one.span_id] or [
        c for c in calls if one.response_id and spans[c.trace_id, c.span_id].response_id == one.response_id
    ]
    return Row(
        end_ns=one.received_ns if one.flags & 2 else one.time_ns,
        model=named[0].model if named else None,
        name=one.name,
        source=one.source,
        passed=one.passed,
        adoption=None if trace and trace.words & {"ADOPTED", "EDITED", "REJECTED"} else one.adoption,
        millionths=None if one.score is None else round(one.score * 1_000_000),
        **{name: getattr(trace, name, None) for name in (*WHO, "operation")},
    )


def measures(rows: list[Row]) -> dict[str, Any]:
    numbers = [row.millionths for row in rows if row.millionths is not None]
    return {
        "scores": len(rows),
        "passed": sum(row.passed is True for row in rows),
        "failed": sum(row.passed is False for row in rows),
        "scored": len(numbers),
        "score_sum_millionths": known_sum(numbers),
        "score_squares_millionths": known_sum(number * number // 1_000_000 for number in numbers),
        **{name: sum(row.adoption == name for row in rows) for name in ("adopted", "edited", "rejected")},
    }


def rollup(rows: list[Row], grain_s: int) -> dict[tuple[Any, ...], dict[str, Any]]:
    """(start, dimensions) -> measures."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        start = row.end_ns // NS // grain_s * grain_s
        groups.setdefault((start, *(getattr(row, name) for name in KEYS)), []).append(row)
    return {key: measures(group) for key, group in groups.items()}
