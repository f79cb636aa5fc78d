"""Alerts and what becomes of them, and the release gate, over HTTP."""

import re
from collections.abc import Callable
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from dashboard.access import KeyAuth
from dashboard.api import schemas, slo_answers, slo_schemas
from dashboard.api.answers import answer, not_found
from dashboard.api.bodies import request_body
from dashboard.api.queries import Cursor, Limit
from dashboard.api.releases import moment_of
from dashboard.api.slo_bodies import outcome_shape, override_shape, read_outcome, read_override
from dashboard.api.slos import key_actor
from dashboard.params import BadParam, answerable, parse_cursor
from tracestore.actions.access import Refused
from tracestore.actions.alerts import acknowledge, record_outcome
from tracestore.actions.gate import OverrideDraft, override_gate
from tracestore.analysis.slo.gate import Override
from tracestore.queries.alerts import STATES, AlertRow, find_alerts, get_alert
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


@router.get("/alerts/{alert_id}", auth=KeyAuth("read"), response=slo_schemas.Alert)
def show_alert(request: HttpRequest, alert_id: str) -> HttpResponse:
    """One alert."""
    row = _find(request, alert_id)
    return answer(slo_answers.alert(row)) if row else not_found()


@router.post("/alerts/{alert_id}/acknowledge", auth=KeyAuth("write"), response=slo_schemas.Alert)
def acknowledge_alert(request: HttpRequest, alert_id: str) -> HttpResponse:
    """Somebody is at it: no reminders any more. Safe to repeat; whoever did it first stays named."""
    return _changed(
        request, alert_id, lambda row: acknowledge(row.id, row.project_id, key_actor(request), timezone.now())
    )


@router.post(
    "/alerts/{alert_id}/outcome",
    auth=KeyAuth("write"),
    response=slo_schemas.Alert,
    openapi_extra=request_body(shape=outcome_shape()),
)
def post_outcome(request: HttpRequest, alert_id: str) -> HttpResponse:
    """What became of the action that the alert proposes: for the machine that a webhook told of it. The last word counts."""
    sent = read_outcome(request)

    def change(row: AlertRow) -> None:
        record_outcome(row.id, row.project_id, sent.outcome, key_actor(request), timezone.now(), sent.text)

    return _changed(request, alert_id, change)


def _find(request: HttpRequest, alert_id: str) -> AlertRow | None:
    whole = re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", alert_id)
    return get_alert(request.auth.project_id, alert_id, timezone.now()) if whole else None


def _changed(request: HttpRequest, alert_id: str, change: Callable[[AlertRow], None]) -> HttpResponse:
    """The alert as it is then; 404 where it is not of the key's project."""
    row = _find(request, alert_id)
    if row is None:
        return not_found()
    try:
        change(row)
    except Refused as refusal:
        raise BadParam(str(refusal)) from refusal
    return show_alert(request, alert_id)


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
