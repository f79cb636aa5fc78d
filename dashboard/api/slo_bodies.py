"""What may be posted about objectives, alerts and the gate?"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja.errors import HttpError
from pydantic import AfterValidator, Field, TypeAdapter

from dashboard.api.bodies import Body, Name, Text, body_of, checked, storable
from tracestore.actions.objectives import ObjectiveDraft
from tracestore.analysis.slo.drafts import DECIMALS, MOST_DAYS

LONGEST_WINDOW_S = MOST_DAYS * 86_400


class RuleBody(Body):
    """Fires while the burn rate is above `factor` over both windows."""

    name: Annotated[str, Field(min_length=1, max_length=63), AfterValidator(storable)]
    severity: Literal["page", "ticket"]
    long_s: Annotated[int, Field(ge=180, le=LONGEST_WINDOW_S, multiple_of=60, description="Seconds, whole minutes")]
    short_s: Annotated[int, Field(ge=120, le=LONGEST_WINDOW_S, multiple_of=60, description="Seconds, whole minutes")]
    factor: Annotated[float, Field(ge=1, le=1e9, allow_inf_nan=False)]
    pending_s: Annotated[int, Field(ge=0, le=86_400, description="How long it must hold before it fires")] = 0


class ObjectiveBody(Body):
    """All of an objective: what is left out is as it is by default, also when one is replaced."""

    name: Annotated[
        str, Field(pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="A label, one of the project")
    ]
    title: Annotated[str, Field(max_length=120), AfterValidator(storable)] = ""
    description: Annotated[str, Field(max_length=1050), AfterValidator(storable)] = ""
    service: Annotated[Text, Field(description="Whom it is about; it does not filter")] = ""
    unit: Literal["request", "llm_call", "tool_call", "session", "evaluation"] = "request"
    total_q: Annotated[str, Field(max_length=2000, description="Filter of the events that count; all if empty")] = ""
    part_q: Annotated[str, Field(min_length=1, max_length=2000, description="Filter of the good (or bad) ones of them")]
    part: Literal["good", "bad"] = "good"
    target: Annotated[float, Field(gt=0, lt=1, description="Share of good events, to 8 decimals, such as 0.999")]
    period_days: Annotated[int | None, Field(ge=1, le=MOST_DAYS, description="28 if there is no calendar_unit")] = None
    calendar_unit: Literal["", "day", "week", "month", "quarter", "year"] = ""
    calendar_count: Annotated[int, Field(ge=1, le=366)] = 1
    calendar_first: Annotated[str | None, Field(max_length=10, description="First day, such as 2026-01-01")] = None
    time_zone: Annotated[str, Field(max_length=64, description="IANA zone of calendar periods")] = "UTC"
    no_data: Literal["ignore", "good", "bad"] = "ignore"
    action: Literal["degrade", "rate-limit", "rollback", "look"] = "look"
    rules: Annotated[
        list[RuleBody] | None, Field(min_length=1, max_length=10, description="null: the default ones")
    ] = None
    notify: Annotated[list[Name], Field(max_length=20, description="Channels or addresses; all channels if empty")] = []
    runbook_url: Annotated[str, Field(max_length=500), AfterValidator(storable)] = ""
    owner: Annotated[str, Field(max_length=254), AfterValidator(storable)] = ""
    enabled: bool = True


class OverrideBody(Body):
    """Somebody answers for a release that the gate freezes."""

    service: Name
    version: Annotated[Text, Field(description="Any version of the service if empty")] = ""
    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(storable)]
    author: Annotated[
        str, Field(min_length=1, max_length=254, description="Who answers for it"), AfterValidator(storable)
    ]
    expires_at: Annotated[str, Field(max_length=64, description="RFC 3339; at most 24 hours ahead")]


class OutcomeBody(Body):
    """What became of the action that an alert proposes."""

    outcome: Literal["taken", "worked", "failed", "declined"]
    text: Annotated[
        str, Field(max_length=300, description="In words, for the alert's page"), AfterValidator(storable)
    ] = ""


_objective = TypeAdapter(ObjectiveBody)
_outcome = TypeAdapter(OutcomeBody)
_override = TypeAdapter(OverrideBody)


def read_objective(request: HttpRequest, origin: dict[str, Any]) -> ObjectiveDraft:
    """origin: of the objective that is replaced, which a body cannot say. Raises BadParam, HttpError 413."""
    sent = checked(_objective, body_of(request))
    given = sent.model_dump(exclude={"target", "calendar_first", "notify", "period_days"})
    days = sent.period_days or (None if sent.calendar_unit else 28)
    return ObjectiveDraft(
        **given,
        target=round(Decimal(str(sent.target)), DECIMALS),
        period_days=days,
        calendar_first=_day(sent.calendar_first),
        notify=tuple(sent.notify),
        origin=origin,
    )


def read_override(request: HttpRequest) -> OverrideBody:
    """Raises BadParam, HttpError 413."""
    return checked(_override, body_of(request))


def read_outcome(request: HttpRequest) -> OutcomeBody:
    """Raises BadParam, HttpError 413."""
    return checked(_outcome, body_of(request))


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise HttpError(400, "calendar_first: must be a day such as 2026-01-01.") from error


def objective_shape() -> dict[str, Any]:
    return _inlined(ObjectiveBody.model_json_schema())


def override_shape() -> dict[str, Any]:
    return OverrideBody.model_json_schema()


def outcome_shape() -> dict[str, Any]:
    return OutcomeBody.model_json_schema()


def _inlined(shape: dict[str, Any]) -> dict[str, Any]:
    """Without references into itself: the shape stands in the middle of another document."""
    rules = shape.pop("$defs", {}).get("RuleBody")
    for option in shape["properties"]["rules"]["anyOf"]:
        if "items" in option:
            option["items"] = rules
    return shape
