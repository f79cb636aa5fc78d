"""Feedback and evaluations over HTTP."""

from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from ninja.errors import HttpError
from pydantic import Field

from dashboard.access import KeyAuth, Meter
from dashboard.api import schemas
from dashboard.api.answers import answer
from dashboard.api.bodies import FeedbackBody, feedback_shape, read_feedback, request_body
from dashboard.api.forms import Json, fields, in_time, names_of
from dashboard.api.queries import Cursor, Limit, RangeQuery, range_of
from dashboard.params import BadParam, answerable, in_ns, parse_cursor, parse_time
from tracestore.actions.access import Refused
from tracestore.actions.evaluations import Feedback, keep_feedback
from tracestore.queries.evaluations import EvaluationRow, find_evaluations

router = Router(tags=["Feedback"])
POSTS = Meter(6_000)  # requests a minute of one key, in each web worker


class FeedbackQuery(RangeQuery):
    name: Annotated[str | None, Field(max_length=256, description="Of the evaluation")] = None
    source: Annotated[Literal["people", "code", "judge", "otlp"] | None, Field(description="Who gave it")] = None
    limit: Limit = 100
    cursor: Cursor = None


class Kept(schemas.Strict):
    accepted: int
    deduplicated: int


@router.post(
    "/feedback", auth=KeyAuth("ingest"), response={201: Kept}, openapi_extra=request_body(shape=feedback_shape())
)
def post_feedback(request: HttpRequest) -> HttpResponse:
    """What people, code or a judge say of an answer: one, or a list of up to 1,000. An ingest key suffices.

    201: stored for good. The trace may come later. `deduplicated` counts what was there already under the same `id`.
    """
    allow_post(request)
    given = [_feedback(one) for one in read_feedback(request)]
    try:
        receipt = keep_feedback(request.auth.project_id, given, in_ns(timezone.now()))
    except Refused as refusal:
        raise BadParam(str(refusal)) from refusal
    if receipt.rejected:
        raise BadParam(
            f"{sum(receipt.rejected.values())} of them hold what the database cannot keep; check their texts."
        )
    return answer({"accepted": receipt.accepted, "deduplicated": receipt.deduplicated}, 201)


def allow_post(request: HttpRequest) -> None:
    """Raises HttpError 429 for a key that posts too often: an ingest key may be in many hands."""
    if not POSTS.allow(request.auth.prefix, timezone.now().timestamp()):
        raise HttpError(429, "Too many requests with this key within a minute; send lists, or wait.")


def _feedback(sent: FeedbackBody) -> Feedback:
    known = sent.model_dump(exclude={"trace_id", "span_id", "time"})
    return Feedback(
        trace_id=bytes.fromhex(sent.trace_id),
        span_id=int.from_bytes(bytes.fromhex(sent.span_id), "big", signed=True) if sent.span_id else None,
        time_ns=parse_time("time", sent.time) if sent.time else None,
        **known,
    )


@router.get("/feedback", auth=KeyAuth("read"), response=schemas.Page[schemas.Evaluation])
def list_feedback(request: HttpRequest, query: Query[FeedbackQuery]) -> HttpResponse:
    """What was said of answers in the range, newest first: feedback, and evaluations that came as telemetry."""
    chosen = range_of(query, timezone.now())
    with answerable():
        page = find_evaluations(
            request.auth.project_id,
            chosen.start_ns,
            chosen.end_ns,
            name=query.name or None,
            source=query.source,
            limit=query.limit,
            cursor=parse_cursor(query.cursor or ""),
        )
    body: dict[str, Any] = {"items": [in_json(row) for row in page.items], "next_cursor": page.next_cursor}
    return answer(body)


_SHOWN = names_of(EvaluationRow, without="time_ns received_ns")


def in_json(row: EvaluationRow) -> Json:
    times = {"time_unix_nano": str(row.time_ns), "received_unix_nano": str(row.received_ns)}
    return {**fields(row, _SHOWN), "time": in_time(row.time_ns), **times}
