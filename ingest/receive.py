"""THE PATH of telemetry: decode -> redact -> normalise -> price -> write -> Receipt. Both transports end here.

Redaction comes before meaning, so that nothing derived escapes it. The receipt is given after the commit, never before.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import force_setattr

from ingest import evaluations
from ingest.auth import ProjectContext
from ingest.build import HINTS, Decoded
from ingest.conventions import identity, normalise
from ingest.decode import decode
from ingest.errors import Overloaded
from ingest.redact import Redactor
from ingest.turns import Turn
from tracestore import failpoints, writer
from tracestore.records import Batch, LogRecord, MetricPoint, Price, RawSpan, Receipt, Span
from tracestore.space import require_space

BROKEN = "not_understood"
_log = logging.getLogger("fourline.ingest")


def receive(
    signal: str, project: ProjectContext, body: bytes, content_type: str, now_ns: int, turn: Turn | None = None
) -> Receipt:
    """One request of one project, stored. signal: traces | logs | metrics; body: decompressed OTLP.

    turn: on the processor, see ingest.turns. Raises Rejected when the body is not OTLP, Overloaded when the store cannot
    take it now: then nothing is stored.
    """
    failpoints.reach("received")
    with turn or Turn() as mine:
        decoded = decode(signal, body, content_type, now_ns)
        return explained(store(understood(signal, project, decoded, now_ns), mine.over), decoded)


def understood(signal: str, project: ProjectContext, decoded: Decoded, now_ns: int) -> Batch:
    """What a request held, redacted, with its meaning and its prices. A record that cannot be understood is counted."""
    rejected: Counter[str] = Counter(decoded.rejected)
    prices: dict[int, Price] = {}
    return Batch(
        project_id=project.project_id,
        signal=signal,
        received_ns=now_ns,
        sent=decoded.sent,
        spans=each(lambda raw: span_of(raw, project, prices), decoded.spans, rejected),
        logs=each(lambda record: log_of(record, project.redactor), decoded.logs, rejected),
        points=each(lambda point: point_of(point, project.redactor), decoded.points, rejected),
        rejected=rejected,
        prices=prices,
        retention_days=project.days_kept(signal),
        score_days=project.retention_days,
    )


def span_of(raw: RawSpan, project: ProjectContext, prices: dict[int, Price]) -> Span:
    """What the span means and costs."""
    if project.redactor:
        raw = project.redactor.span(raw)
    span = normalise(raw)
    found = evaluations.of_span(raw, span.operation)
    if found:
        force_setattr(span, "evaluations", found)
    project.price_book.charge(span, prices)
    return span


def log_of(record: LogRecord, redactor: Redactor) -> LogRecord:
    if redactor:
        record = redactor.log(record)
    service, _, environment = identity(record.resource)
    force_setattr(record, "service", service)
    force_setattr(record, "environment", environment)
    force_setattr(record, "evaluation", evaluations.of_log(record))
    return record


def point_of(point: MetricPoint, redactor: Redactor) -> MetricPoint:
    if redactor:
        point = redactor.point(point)
    force_setattr(point, "service", identity(point.resource)[0])
    return point


def each(step: Callable[[Any], Any], records: list[Any], rejected: Counter[str]) -> list[Any]:
    """The step done to each record; one that it cannot take is counted and logged, and costs only itself."""
    try:
        return [step(record) for record in records]
    except Exception:
        done = []
        for record in records:
            try:
                done.append(step(record))
            except Exception:
                rejected[BROKEN] += 1
                _log.exception("a record could not be understood")
        return done


def store(batch: Batch, packed: Callable[[], None]) -> Receipt:
    try:
        require_space()
        receipt = writer.write(batch, packed)
    except writer.Unavailable as error:
        raise Overloaded("store", "the database cannot take it now, send it again") from error
    failpoints.reach("after-commit")
    return receipt


def explained(receipt: Receipt, decoded: Decoded) -> Receipt:
    """The receipt with every reason for a rejection: decode's, ours, and the database's."""
    ours = HINTS[BROKEN] if BROKEN in receipt.rejected else ""
    messages = [message for message in (decoded.message, ours, receipt.message) if message]
    return msgspec.structs.replace(receipt, message="; ".join(messages))
