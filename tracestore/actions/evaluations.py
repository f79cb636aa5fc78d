"""What somebody says of an answer is kept: redacted like all that is sent, once however often it is sent, durable on return."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import uuid4

from tracestore import writer
from tracestore.actions.access.audit import Actor, Refused, record
from tracestore.analysis.evaluations import evaluation, hash_of
from tracestore.analysis.redaction import Rules
from tracestore.queries import access
from tracestore.records import Batch, Evaluation, Receipt
from tracestore.space import require_space

DEFAULT_NAME = "feedback"
RATINGS = {"up": True, "down": False}
# Under which attribute keys a project's redaction rules know the texts: those of the OpenTelemetry event.
TEXT_KEYS = {
    "name": "gen_ai.evaluation.name",
    "label": "gen_ai.evaluation.score.label",
    "comment": "gen_ai.evaluation.explanation",
    "user_id": "user.id",
}


@dataclass(frozen=True, slots=True)
class Feedback:
    """As it was sent and checked. id: what makes it the same when it is sent again. time_ns: None = now."""

    trace_id: bytes
    span_id: int | None = None
    name: str = DEFAULT_NAME
    score: float | None = None
    label: str | None = None
    passed: bool | None = None
    rating: str | None = None  # up | down
    adoption: str | None = None
    comment: str | None = None
    user_id: str | None = None
    source: str = "people"
    id: str | None = None
    time_ns: int | None = None


def keep_feedback(project_id: int, given: Sequence[Feedback], now_ns: int) -> Receipt:
    """Durable when it returns. accepted: new, or newer than what was kept under its id.

    Raises Refused when the project is deleted, db.Unavailable when it cannot be stored now.
    """
    project = access.project_context_row(project_id)
    if project is None:
        raise Refused("This project is deleted.")
    rules = Rules.compile(project.redaction_rules, access.redaction_secret(project_id))
    require_space()
    return writer.write(
        Batch(
            project_id=project_id,
            signal="feedback",
            received_ns=now_ns,
            sent=len(given),
            evaluations=[_evaluation(one, rules, now_ns) for one in given],
            retention_days=project.retention_days,
            score_days=project.retention_days,
        )
    )


def _evaluation(one: Feedback, rules: Rules, now_ns: int) -> Evaluation:
    said = {name: _redacted(rules, key, getattr(one, name)) for name, key in TEXT_KEYS.items()}
    time_ns = now_ns if one.time_ns is None else one.time_ns
    named = (
        ("id", one.id) if one.id else ("said", time_ns, sorted(asdict(one).items()) if one.time_ns else uuid4().bytes)
    )
    return evaluation(
        said.pop("name") or DEFAULT_NAME,
        one.source,
        time_ns,
        (one.trace_id, one.span_id),
        hash_of(one.trace_id, *named),
        **said | {"label": said["label"] or one.rating},
        score=one.score,
        passed=RATINGS.get(one.rating or "") if one.passed is None else one.passed,
        adoption=one.adoption,
    )


def _redacted(rules: Rules, key: str, text: str | None) -> str | None:
    action = rules.key(key)
    if text is None or action is None:
        return rules.text(text) if text else None
    return None if action.drop else str(action.value(text))


def rate_trace(project_id: int, given: Feedback, now: datetime, now_ns: int, actor: Actor) -> None:
    """What a member says of a trace on its page; one audit entry, which names the trace and not what was said."""
    keep_feedback(project_id, [given], now_ns)
    record(now, actor, project_id, "feedback.give", given.trace_id.hex(), rating=given.rating)
