"""What may be posted? Bodies of JSON, checked item by item; what is wrong is said in a sentence."""

import re
from typing import Annotated, Any, Literal, Self, TypeVar

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from ninja import Schema
from ninja.errors import HttpError
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from dashboard.params import BadParam
from tracestore.analysis.evaluations import SCORE_MAX

Kind = TypeVar("Kind")
MOST_ITEMS = 1_000
_HEX = re.compile("0*")


def storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not hold a NUL character")
    return text


def _not_zero(text: str) -> str:
    if _HEX.fullmatch(text):
        raise ValueError("must not be all zero")
    return text.lower()


def _web(text: str) -> str:
    if text and not re.match("https?://", text, re.IGNORECASE):
        raise ValueError("must begin with https:// or http://")
    return text


Text = Annotated[str, Field(max_length=256), AfterValidator(storable)]
Name = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(storable)]
Time = Annotated[str, Field(max_length=64, description="RFC 3339, such as 2026-11-21T09:30:00Z; now if left out")]
TraceId = Annotated[str, Field(pattern="^[0-9a-fA-F]{32}$", description="32 hex digits"), AfterValidator(_not_zero)]
SpanId = Annotated[str, Field(pattern="^[0-9a-fA-F]{16}$", description="16 hex digits"), AfterValidator(_not_zero)]


class Body(Schema):
    """Nothing is guessed: an unknown field is refused, and a number in quotes is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)


class FeedbackBody(Body):
    """What somebody says of an answer. At least one of score, label, passed, rating, adoption and comment is needed."""

    trace_id: TraceId
    span_id: SpanId | None = None
    name: Name = "feedback"
    score: Annotated[float, Field(ge=-SCORE_MAX, le=SCORE_MAX, allow_inf_nan=False)] | None = None
    label: Text | None = None
    passed: bool | None = None
    rating: Literal["up", "down"] | None = None
    adoption: Literal["adopted", "edited", "rejected"] | None = None
    comment: Annotated[str, Field(max_length=20_000), AfterValidator(storable)] | None = None
    user_id: Text | None = None
    source: Literal["people", "code", "judge"] = "people"
    id: (
        Annotated[Text, Field(description="Sent again, it is the same feedback: what it says then replaces it")] | None
    ) = None
    time: Time | None = None

    @model_validator(mode="after")
    def says_something(self) -> Self:
        if all(getattr(self, name) in (None, "") for name in SAYING):
            raise ValueError(f"give at least one of {', '.join(SAYING)}")
        return self


SAYING = ("score", "label", "passed", "rating", "adoption", "comment")


class ReleaseBody(Body):
    """A version of a service went out."""

    service: Name
    version: Name
    environment: Text = ""
    time: Time | None = None
    name: Text = ""
    url: Annotated[str, Field(max_length=1000), AfterValidator(storable), AfterValidator(_web)] = ""
    commit: Text = ""
    description: Annotated[str, Field(max_length=4000), AfterValidator(storable)] = ""
    id: Annotated[Text, Field(description="Sent again, it is the same release")] = ""


_one_feedback = TypeAdapter(FeedbackBody)
_many_feedback = TypeAdapter(Annotated[list[FeedbackBody], Field(min_length=1, max_length=MOST_ITEMS)])
_one_release = TypeAdapter(ReleaseBody)


def read_feedback(request: HttpRequest) -> list[FeedbackBody]:
    """One or a list of at most MOST_ITEMS. Raises BadParam, HttpError 413."""
    body = body_of(request)
    if body.lstrip()[:1] == b"[":
        return checked(_many_feedback, body)
    return [checked(_one_feedback, body)]


def read_release(request: HttpRequest) -> ReleaseBody:
    """Raises BadParam, HttpError 413."""
    return checked(_one_release, body_of(request))


def body_of(request: HttpRequest) -> bytes:
    try:
        return bytes(request.body)
    except RequestDataTooBig as error:
        raise HttpError(413, "The body is larger than 2 MiB; send it in several requests.") from error


def checked(adapter: TypeAdapter[Kind], body: bytes) -> Kind:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise BadParam(_sentence(error)) from error


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong, and where: "item 3: score: Input should be a valid number."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = [f"item {part + 1}" if isinstance(part, int) else str(part)[:64] for part in first["loc"]]
    return ": ".join([*where, f"{first['msg'].removeprefix('Value error, ').rstrip('.')}."])


def request_body(*, shape: dict[str, Any]) -> dict[str, Any]:
    """For OpenAPI, where ninja does not read the body itself."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": shape}}}}


def feedback_shape() -> dict[str, Any]:
    one = FeedbackBody.model_json_schema()
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_ITEMS}]}


def release_shape() -> dict[str, Any]:
    return ReleaseBody.model_json_schema()
