"""Traces, their spans and sessions over HTTP."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router

from dashboard.access import KeyAuth, client_address
from dashboard.api import evaluations, forms, schemas
from dashboard.api.answers import answer, not_found
from dashboard.api.queries import ListQuery, SessionQuery, SpansQuery, TracesQuery, list_of
from dashboard.api.span_form import span_detail
from dashboard.params import answerable, in_ns, parse_cursor
from dashboard.search_notes import search_notes
from tracestore.actions.access import Actor
from tracestore.actions.traces import delete_trace
from tracestore.analysis.filters import free_text
from tracestore.queries.evaluations import evaluations_of_trace
from tracestore.queries.sessions import find_sessions, get_session
from tracestore.queries.span_detail import get_span
from tracestore.queries.trace_detail import get_trace
from tracestore.queries.trace_list import find_traces

router = Router(tags=["Traces"])
_TRACE_ID = re.compile("[0-9a-f]{32}")
_SPAN_ID = re.compile("[0-9a-f]{16}")


@router.get("/traces", auth=KeyAuth("read"), response=schemas.Page[schemas.Trace], by_alias=True)
def list_traces(request: HttpRequest, query: Query[TracesQuery]) -> HttpResponse:
    """Traces that started in the range and match `q`, by `sort`; unknown cost or tokens come last."""
    now = timezone.now()
    chosen, wanted, cursor = list_of(query, now)
    with answerable():
        page = find_traces(
            request.auth.project_id,
            chosen.start_ns,
            chosen.end_ns,
            now_ns=in_ns(now),
            filter=wanted,
            sort=query.sort,
            limit=query.limit,
            cursor=cursor,
        )
    body: dict[str, Any] = {"items": [forms.trace(row) for row in page.items], "next_cursor": page.next_cursor}
    if free_text(wanted):
        range_ = (request.auth.project_id, chosen.start_ns, chosen.end_ns, in_ns(now))
        body["notes"] = search_notes(*range_, wanted, page)
    return answer(body)


@router.get("/traces/{trace_id}", auth=KeyAuth("read"), response=schemas.TraceDetail)
def show_trace(request: HttpRequest, trace_id: str, query: Query[SpansQuery]) -> HttpResponse:
    """A trace and its spans in start order, without payloads. `next_cursor` leads to the spans beyond `spans_limit`."""
    if not _TRACE_ID.fullmatch(trace_id):
        return not_found()
    with answerable():
        detail = get_trace(
            request.auth.project_id,
            trace_id,
            now_ns=in_ns(timezone.now()),
            spans_limit=query.spans_limit,
            cursor=parse_cursor(query.cursor or ""),
        )
    if detail is None:
        return not_found()
    return answer(
        {
            "trace": forms.trace(detail.trace),
            "spans": [forms.span(row) for row in detail.spans],
            "spans_total": detail.spans_total,
            "evaluations": [
                evaluations.in_json(row) for row in evaluations_of_trace(request.auth.project_id, trace_id)
            ],
            "missing_parents": detail.missing_parents,
            "next_cursor": detail.next_cursor,
        }
    )


@router.delete("/traces/{trace_id}", auth=KeyAuth("write"), response={204: None})
def remove_trace(request: HttpRequest, trace_id: str) -> HttpResponse:
    """Deletes a trace with its spans, messages, logs and numbers, for good. Needs a write key; 204 when it is gone."""
    who = Actor(None, f"key fl_{request.auth.prefix}", client_address(request))
    if not _TRACE_ID.fullmatch(trace_id) or not delete_trace(request.auth.project_id, trace_id, timezone.now(), who):
        return not_found()
    return HttpResponse(status=204)


@router.get("/traces/{trace_id}/spans/{span_id}", auth=KeyAuth("read"), response=schemas.SpanDetail)
def show_span(request: HttpRequest, trace_id: str, span_id: str) -> HttpResponse:
    """A span with all that was sent of it: attributes, events, links, messages, and how its price was computed."""
    if not _TRACE_ID.fullmatch(trace_id) or not _SPAN_ID.fullmatch(span_id):
        return not_found()
    detail = get_span(request.auth.project_id, trace_id, span_id)
    return answer(span_detail(detail)) if detail else not_found()


@router.get("/sessions", auth=KeyAuth("read"), response=schemas.Page[schemas.Session])
def list_sessions(request: HttpRequest, query: Query[ListQuery]) -> HttpResponse:
    """Sessions with a trace that started in the range, last active first; sums are of those traces."""
    chosen, wanted, cursor = list_of(query, timezone.now())
    with answerable():
        page = find_sessions(
            request.auth.project_id,
            chosen.start_ns,
            chosen.end_ns,
            filter=wanted,
            limit=query.limit,
            cursor=cursor,
        )
    return answer({"items": [forms.session(row) for row in page.items], "next_cursor": page.next_cursor})


@router.get("/sessions/{text:session_id}", auth=KeyAuth("read"), response=schemas.SessionDetail)
def show_session(request: HttpRequest, session_id: str, query: Query[SessionQuery]) -> HttpResponse:
    """A session over all that is kept, and its traces, oldest first."""
    with answerable():
        detail = get_session(
            request.auth.project_id,
            session_id,
            now_ns=in_ns(timezone.now()),
            limit=query.limit,
            cursor=parse_cursor(query.cursor or ""),
        )
    if detail is None:
        return not_found()
    traces = [forms.trace(row) for row in detail.traces]
    return answer({"session": forms.session(detail.session), "traces": traces, "next_cursor": detail.next_cursor})
