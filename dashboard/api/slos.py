"""Objectives over HTTP: read with a read key, made and changed with a write key."""

import re
from collections.abc import Callable
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from dashboard.access import KeyAuth, client_address
from dashboard.api import schemas, slo_answers, slo_schemas
from dashboard.api.answers import answer, not_found
from dashboard.api.bodies import request_body
from dashboard.api.queries import Cursor, Limit
from dashboard.api.slo_bodies import objective_shape, read_objective
from dashboard.params import BadParam, answerable, parse_cursor
from tracestore.actions.access import Actor, Refused
from tracestore.actions.objectives import check, create_objective, delete_objective, update_objective
from tracestore.analysis.slo.drafts import ObjectiveDraft
from tracestore.models.slo import Objective
from tracestore.queries.slo import ObjectiveRow
from tracestore.queries.slo_exclusions import find_exclusions
from tracestore.queries.slo_list import list_objectives, objective_of
from tracestore.queries.slo_status import get_status

router = Router(tags=["Objectives"])


class SlosQuery(Schema):
    service: Annotated[str | None, Field(max_length=256)] = None
    limit: Limit = 100
    cursor: Cursor = None


def key_actor(request: HttpRequest) -> Actor:
    """A key in the audit log."""
    return Actor(None, f"key fl_{request.auth.prefix}", client_address(request))


def _find(request: HttpRequest, slo_id: str) -> ObjectiveRow | None:
    whole = re.fullmatch("[1-9][0-9]{0,17}", slo_id, re.ASCII)
    return objective_of(request.auth.project_id, int(slo_id)) if whole else None


@router.get("/slos", auth=KeyAuth("read"), response=schemas.Items[slo_schemas.Slo])
def list_slos(request: HttpRequest, query: Query[SlosQuery]) -> HttpResponse:
    """The objectives of the project, oldest first."""
    with answerable():
        page = list_objectives(
            request.auth.project_id,
            service=query.service,
            limit=query.limit,
            cursor=parse_cursor(query.cursor or ""),
        )
    return answer({"items": [slo_answers.slo(row) for row in page.items], "next_cursor": page.next_cursor})


@router.post(
    "/slos",
    auth=KeyAuth("write"),
    response={201: slo_schemas.Slo},
    openapi_extra=request_body(shape=objective_shape()),
)
def post_slo(request: HttpRequest) -> HttpResponse:
    """Make an objective. What is stored is counted for it backwards, from the next minute on."""
    draft = read_objective(request, {})
    made = _saved(lambda: create_objective(request.auth.project_id, draft, key_actor(request), timezone.now()))
    return _shown(request, made, draft, 201)


@router.get("/slos/{slo_id}", auth=KeyAuth("read"), response=slo_schemas.Slo)
def show_slo(request: HttpRequest, slo_id: str) -> HttpResponse:
    """One objective."""
    row = _find(request, slo_id)
    return answer(slo_answers.slo(row)) if row else not_found()


@router.put(
    "/slos/{slo_id}",
    auth=KeyAuth("write"),
    response=slo_schemas.Slo,
    openapi_extra=request_body(shape=objective_shape()),
)
def put_slo(request: HttpRequest, slo_id: str) -> HttpResponse:
    """Replace an objective. When other events count, history is counted again under a new `revision`."""
    row = _find(request, slo_id)
    if row is None:
        return not_found()
    draft = read_objective(request, row.origin)
    saved = _saved(lambda: update_objective(row.project_id, row.name, draft, key_actor(request), timezone.now()))
    return _shown(request, saved, draft, 200)


@router.delete("/slos/{slo_id}", auth=KeyAuth("write"), response={204: None})
def delete_slo(request: HttpRequest, slo_id: str) -> HttpResponse:
    """Delete an objective; its alerts stay to be read on their pages."""
    row = _find(request, slo_id)
    if row is None:
        return not_found()
    try:
        delete_objective(row.project_id, row.name, key_actor(request), timezone.now())
    except Refused:
        return not_found()
    return HttpResponse(status=204)


@router.get("/slos/{slo_id}/status", auth=KeyAuth("read"), response=slo_schemas.SloStatus)
def show_slo_status(request: HttpRequest, slo_id: str) -> HttpResponse:
    """Budget left and the state of each rule, as of the last evaluation (each minute, 90 seconds behind)."""
    row = _find(request, slo_id)
    if row is None:
        return not_found()
    return answer(slo_answers.status(row, get_status(row.project_id, row.id)))


@router.get("/slos/{slo_id}/exclusions", auth=KeyAuth("read"), response=schemas.Items[slo_schemas.Exclusion])
def list_exclusions(request: HttpRequest, slo_id: str) -> HttpResponse:
    """Times that count for nothing, the latest 200; those of the whole project, and those that wait for a second person, too."""
    row = _find(request, slo_id)
    if row is None:
        return not_found()
    found = find_exclusions(row.project_id, row.id)
    return answer({"items": [slo_answers.exclusion(one) for one in found], "next_cursor": None})


def _saved(save: Callable[[], Objective]) -> Objective:
    try:
        return save()
    except Refused as refusal:
        raise BadParam(str(refusal)) from refusal


def _shown(request: HttpRequest, saved: Objective, draft: ObjectiveDraft, status: int) -> HttpResponse:
    row = _find(request, str(saved.pk))
    assert row is not None
    warnings = [f"{problem.field}: {problem.text}" for problem in check(draft) if not problem.is_error]
    return answer(slo_answers.slo(row, warnings), status)
