"""Shall this trace be deleted? One page that says what will be lost, one POST that does it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from dashboard.access import actor, project_page
from dashboard.links import in_project
from dashboard.pages.traces import trace_href
from dashboard.params import in_ns
from tracestore.actions.traces import delete_trace
from tracestore.queries.trace_now import find_trace
from tracestore.queries.traces import TraceRow


@dataclass(frozen=True, slots=True)
class TraceDeletePage:
    trace: TraceRow
    trace_href: str


@project_page(role="editor")
@require_http_methods(["GET", "HEAD", "POST"])
def trace_delete(request: HttpRequest, trace_id: str) -> HttpResponse:
    project, now = request.project, datetime.now(UTC)
    found = find_trace(project.pk, trace_id, now_ns=in_ns(now))
    if found is None:
        raise Http404("No such trace in this project.")
    if request.method == "POST":
        delete_trace(project.pk, trace_id, now, actor(request))
        messages.success(request, f"The trace {trace_id[:8]} with its {found.span_count:,} spans was deleted.")
        return HttpResponseRedirect(in_project(project.slug, "traces"))
    page = TraceDeletePage(trace=found, trace_href=trace_href(project.slug, found))
    return render(request, "traces/delete.html", {"page": page})
