"""Which evaluations does a span or a log record carry? OpenTelemetry's events and attributes, OpenInference's lists. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from tracestore.analysis.evaluations import evaluation, says_something, source_of
from tracestore.records import Attributes, Evaluation, LogRecord, RawSpan

RESULT = "gen_ai.evaluation.result"
NAME = "gen_ai.evaluation.name"
SOURCE = "fourline.evaluation.source"
MOST = 100  # of one span

# OpenInference: lists flattened into attributes of the span that is judged, or of a span of the trace that is.
LISTS = (
    ("evaluations", "evaluation", False),
    ("annotations", "annotation", False),
    ("trace.evaluations", "evaluation", True),
    ("trace.annotations", "annotation", True),
)
_FIRST = tuple((f"{one}.0.{item}.name", one, item, of_trace) for one, item, of_trace in LISTS)


def of_span(raw: RawSpan, operation: str) -> tuple[Evaluation, ...]:
    """What the span's events and attributes say, in their order; nothing for nearly every span."""
    attributes = raw.attributes
    found = [
        one for event in raw.events if event.name == RESULT for one in _of_event(raw, event.attributes, event.time_ns)
    ]
    if NAME in attributes:
        found += _otel(attributes, raw.end_ns, (raw.trace_id, _judged(raw)))
    for first, prefix, item, of_trace in _FIRST:
        if first in attributes:
            found += _listed(raw, prefix, item, None if of_trace else raw.span_id)
    if operation == "evaluator" and not found:
        found += _evaluator(raw)
    return tuple(found[:MOST])


def of_log(record: LogRecord) -> Evaluation | None:
    """The evaluation that a log record is, if it is one. Its body may hold what its attributes do not."""
    named = record.event_name or record.attributes.get("event.name")
    if named != RESULT:
        return None
    said = record.body | record.attributes if isinstance(record.body, dict) else record.attributes
    about = (record.trace_id, record.span_id if record.trace_id else None)
    return next(iter(_otel(said, record.time_ns, about, record.hash)), None)


def _of_event(raw: RawSpan, said: Attributes, time_ns: int) -> list[Evaluation]:
    return _otel(said, time_ns or raw.end_ns, (raw.trace_id, raw.span_id))


def _judged(raw: RawSpan) -> int | None:
    """A span that is nothing but an evaluation stands below the one that it is about."""
    return raw.parent_span_id if raw.name == RESULT else raw.span_id


def _otel(
    said: Attributes, time_ns: int, about: tuple[bytes | None, int | None], hash: bytes = b""
) -> list[Evaluation]:
    """[] for one that failed to evaluate (error.type, and neither score nor label): it says nothing of the answer."""
    value = said.get("gen_ai.evaluation.score.value")
    one = evaluation(
        _text(said.get(NAME)) or "evaluation",
        source_of(said.get(SOURCE)),
        time_ns,
        about,
        hash,
        score=float(value) if type(value) is bool else value,
        passed=value if type(value) is bool else None,
        label=_text(said.get("gen_ai.evaluation.score.label")),
        comment=_text(said.get("gen_ai.evaluation.explanation")),
        user_id=_text(said.get("user.id") or said.get("enduser.id")),
        response_id=_text(said.get("gen_ai.response.id")),
    )
    return [one] if one.score is not None or one.label or one.passed is not None else []


def _listed(raw: RawSpan, prefix: str, item: str, span_id: int | None) -> Iterator[Evaluation]:
    """`<prefix>.N.<item>.{name,score,label,explanation,annotator_kind}`, counted from 0 without a gap."""
    for n in range(MOST):
        of_item = f"{prefix}.{n}.{item}."
        name = _text(raw.attributes.get(f"{of_item}name"))
        if name is None:
            return
        one = evaluation(
            name,
            source_of(raw.attributes.get(f"{of_item}annotator_kind")),
            raw.end_ns,
            (raw.trace_id, span_id),
            score=raw.attributes.get(f"{of_item}score"),
            label=_text(raw.attributes.get(f"{of_item}label")),
            comment=_text(raw.attributes.get(f"{of_item}explanation")),
        )
        if says_something(one):
            yield one


def _evaluator(raw: RawSpan) -> list[Evaluation]:
    """A span that ran an evaluator, with its verdict as JSON output: it judges the span it stands below, or its trace."""
    verdict = _json(raw.attributes.get("output.value"))
    if verdict is None or not ({"score", "label"} & verdict.keys()):
        return []
    label = verdict.get("label")
    one = evaluation(
        _text(verdict.get("name")) or raw.name,
        source_of(verdict.get("kind") or verdict.get("source")),
        raw.end_ns,
        (raw.trace_id, raw.parent_span_id),
        score=verdict.get("score"),
        label=_text(label),
        comment=_text(verdict.get("explanation")),
    )
    return [one] if one.score is not None or one.label else []


def _json(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str) and value.startswith("{") and len(value) < 20_000:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _text(value: Any) -> str | None:
    """Texts alone; a label that is a number or a truth value is written out."""
    if isinstance(value, str):
        return value.replace("\x00", "") or None
    return str(value).lower() if type(value) in (bool, int, float) else None
