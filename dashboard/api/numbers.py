"""Usage, the ledger, logs, metrics and versions over HTTP."""

import re

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router

from dashboard.access import KeyAuth
from dashboard.api import forms, number_schemas, schemas
from dashboard.api.answers import answer, not_found
from dashboard.api.queries import (
    DiffQuery,
    LogsQuery,
    RangeQuery,
    SeriesQuery,
    UsageQuery,
    VersionsQuery,
    list_of,
    range_of,
    step_of,
)
from dashboard.params import BadParam, answerable
from tracestore.queries.ledger import ledger
from tracestore.queries.logs import find_logs
from tracestore.queries.metrics import SeriesSteps, find_series, metric_names, read_series
from tracestore.queries.usage import usage
from tracestore.queries.versions import find_version_sets, get_version_diff, get_version_set

router = Router()
_HEX_32 = re.compile("[0-9a-f]{32}")


@router.get("/usage", auth=KeyAuth("read"), response=schemas.Items[number_schemas.Usage], tags=["Usage"])
def show_usage(request: HttpRequest, query: Query[UsageQuery]) -> HttpResponse:
    """Calls, tokens, cost and tools of what ended in the range, by group, dearest first.

    `llm_calls` are billable chat and completion calls, failed ones included; a call that two instrumentations report
    counts once. `group_by=none` gives one item.
    """
    chosen = range_of(query, timezone.now())
    rows = usage(request.auth.project_id, chosen.start_ns, chosen.end_ns, query.group_by, query.limit)
    return answer({"items": [forms.usage(row) for row in rows], "next_cursor": None})


@router.get("/ledger", auth=KeyAuth("read"), response=dict[str, number_schemas.Ledger], tags=["Ledger"])
def show_ledger(request: HttpRequest, query: Query[RangeQuery]) -> HttpResponse:
    """What was received in the minutes of the range, by signal: sent = accepted + deduplicated + rejected, always."""
    chosen = range_of(query, timezone.now())
    return answer(forms.ledger(ledger(request.auth.project_id, chosen.start_ns, chosen.end_ns)))


@router.get("/logs", auth=KeyAuth("read"), response=schemas.Page[number_schemas.Log], tags=["Logs"])
def list_logs(request: HttpRequest, query: Query[LogsQuery]) -> HttpResponse:
    """Log records of the range that match `q`, newest first."""
    if query.trace_id and not _HEX_32.fullmatch(query.trace_id):
        raise BadParam("trace_id: must be 32 hex digits in lower case.")
    chosen, wanted, cursor = list_of(query, timezone.now())
    with answerable():
        page = find_logs(
            request.auth.project_id,
            chosen.start_ns,
            chosen.end_ns,
            filter=wanted,
            trace_id=query.trace_id or None,
            limit=query.limit,
            cursor=cursor,
        )
    return answer({"items": [forms.log(row) for row in page.items], "next_cursor": page.next_cursor})


@router.get("/metrics", auth=KeyAuth("read"), response=schemas.Items[number_schemas.MetricName], tags=["Metrics"])
def list_metrics(request: HttpRequest) -> HttpResponse:
    """The names of all metrics that were ever received."""
    rows = metric_names(request.auth.project_id)
    return answer({"items": [forms.metric_name(row) for row in rows], "next_cursor": None})


@router.get("/metrics/series", auth=KeyAuth("read"), response=schemas.Items[number_schemas.Series], tags=["Metrics"])
def show_series(request: HttpRequest, query: Query[SeriesQuery]) -> HttpResponse:
    """How the series of a metric moved, in steps. Growing sums tell what they grew by and the rate per second;
    histograms count, sum and percentiles of what was observed in the step."""
    chosen = range_of(query, timezone.now())
    step_s = step_of(query.step, chosen)
    series = find_series(request.auth.project_id, query.name, query.limit)
    if query.name is None:
        found = [SeriesSteps(one, []) for one in series]
    else:
        found = read_series(request.auth.project_id, series, chosen.start_ns, chosen.end_ns, step_s)
    return answer({"items": [forms.series(one) for one in found], "step_s": step_s, "next_cursor": None})


@router.get("/versions", auth=KeyAuth("read"), response=schemas.Items[number_schemas.VersionSetUse], tags=["Versions"])
def list_versions(request: HttpRequest, query: Query[VersionsQuery]) -> HttpResponse:
    """The version sets seen in the range, by service, newest first, with what ran on them in the range."""
    chosen = range_of(query, timezone.now())
    rows = find_version_sets(
        request.auth.project_id, chosen.start_ns, chosen.end_ns, query.service or None, query.limit
    )
    return answer({"items": [forms.version_set_use(row) for row in rows], "next_cursor": None})


@router.get("/versions/diff", auth=KeyAuth("read"), response=number_schemas.VersionDiff, tags=["Versions"])
def show_version_diff(request: HttpRequest, query: Query[DiffQuery]) -> HttpResponse:
    """How version set `b` differs from version set `a`, part by part."""
    if not _HEX_32.fullmatch(query.a) or not _HEX_32.fullmatch(query.b):
        return not_found()
    diff = get_version_diff(request.auth.project_id, query.a, query.b)
    return answer(forms.version_diff(diff)) if diff else not_found()


@router.get("/versions/{set_id}", auth=KeyAuth("read"), response=number_schemas.VersionSet, tags=["Versions"])
def show_version(request: HttpRequest, set_id: str) -> HttpResponse:
    """One version set."""
    found = get_version_set(request.auth.project_id, set_id) if _HEX_32.fullmatch(set_id) else None
    return answer(forms.version_set(found)) if found else not_found()
