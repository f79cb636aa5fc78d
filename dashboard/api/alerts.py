"""Alerts, and the release gate, over HTTP."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from dashboard.access import KeyAuth
from dashboard.api import schemas, slo_answers, slo_schemas
from dashboard.api.answers import answer
from dashboard.api.bodies import request_body
from dashboard.api.queries import Cursor, Limit
from dashboard.api.releases import moment_of
from dashboard.api.slo_bodies import override_shape, read_override
from dashboard.api.slos import key_actor
from dashboard.params import BadParam, answerable, parse_cursor
from tracestore.actions.access import Refused
from tracestore.actions.gate import OverrideDraft, override_gate
from tracestore.analysis.slo.gate import Override
from tracestore.queries.alerts import STATES, find_alerts
from tracestore.queries.gate import ask_gate, find_overrides

router = Router(tags=["Alerts"])
Service = Annotated[str, Field(max_length=256)]


class AlertsQuery(Schema):
    state: Annotated[Literal["firing", "resolved"] | None, Field(description="Both if left out")] = None
    severity: Literal["page", "ticket"] | None = None
    service: Service | None = None
    limit: Limit = 100
    cursor: Cursor = None


class GateQuery(Schema):
    service: Annotated[str, Field(min_length=1, max_length=256, description="Whose version it is")]
    version: Annotated[str, Field(max_length=256, description="What is to be released")] = ""
    caller: Annotated[
        Literal["automated", "human"],
        Field(description="What cannot be told freezes an automated caller and warns a person"),
    ] = "automated"


class OverridesQuery(Schema):
    service: Service | None = None
    limit: Limit = 100


@router.get("/alerts", auth=KeyAuth("read"), response=schemas.Items[slo_schemas.Alert])
def list_alerts(request: HttpRequest, query: Query[AlertsQuery]) -> HttpResponse:
    """Alerts, the last that fired first. Numbers are of when it last changed."""
    with answerable():
        page = find_alerts(
            request.auth.project_id,
            timezone.now(),
            states=[query.state] if query.state else STATES,
            severity=query.severity or "",
            service=query.service or "",
            limit=query.limit,
            cursor=parse_cursor(query.cursor or ""),
        )
    return answer({"items": [slo_answers.alert(row) for row in page.items], "next_cursor": page.next_cursor})


@router.get("/release-gate", auth=KeyAuth("read"), response=slo_schemas.Gate)
def show_gate(request: HttpRequest, query: Query[GateQuery]) -> HttpResponse:
    """May this version be released? By the error budgets of the service and the pages that fire for it."""
    decision = ask_gate(request.auth.project_id, query.service, query.version, query.caller, timezone.now())
    return answer(slo_answers.gate(query.service, query.version, decision))


@router.get("/release-gate/overrides", auth=KeyAuth("read"), response=schemas.Items[slo_schemas.GateOverride])
def list_overrides(request: HttpRequest, query: Query[OverridesQuery]) -> HttpResponse:
    """Who answered for which releases, newest first; those that have ended too."""
    rows = find_overrides(request.auth.project_id, query.service, query.limit)
    return answer({"items": [slo_answers.override_row(row) for row in rows], "next_cursor": None})


@router.post(
    "/release-gate/overrides",
    auth=KeyAuth("write"),
    response={201: slo_schemas.GateOverride},
    openapi_extra=request_body(shape=override_shape()),
)
def post_override(request: HttpRequest) -> HttpResponse:
    """Somebody answers for a release that the gate freezes, for at most 24 hours. It goes to the audit log."""
    sent = read_override(request)
    draft = OverrideDraft(
        **sent.model_dump(exclude={"expires_at"}), expires_at=moment_of("expires_at", sent.expires_at)
    )
    try:
        made = override_gate(request.auth.project_id, draft, key_actor(request), timezone.now())
    except Refused as refusal:
        raise BadParam(str(refusal)) from refusal
    row = Override(made.pk, made.version, made.reason, made.author, made.expires_at)
    return answer(slo_answers.override(made.service, row), 201)
