"""What happened in one trace? The tree with its waterfall, and one span beside it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.links import in_project, with_query
from dashboard.listing import Choice
from dashboard.pages.asking import answered
from dashboard.pages.evaluations import Said, load_said
from dashboard.pages.span_panel import SpanPanel, load_panel
from dashboard.pages.trace_header import TraceHeader, load_header
from dashboard.params import in_ns
from dashboard.templatetags.units import counted
from dashboard.trees import WINDOW, Selection, TreeLine, axis, draw, select, span_number, tabs
from tracestore.analysis.retention import oldest
from tracestore.analysis.tree import Tree
from tracestore.queries.access import at_least
from tracestore.queries.retention import has_texts, kept_by
from tracestore.queries.spans import spans_by_id
from tracestore.queries.trace_detail import trace_tree
from tracestore.queries.trace_now import find_trace
from tracestore.queries.traces import TraceRow

KEPT = ("day", "show", "under", "from")


@dataclass(frozen=True, slots=True)
class TracePage:
    """lines: the window; above: where its first line hangs. problems: what is odd about this trace, in sentences."""

    trace: TraceRow
    header: TraceHeader
    above: list[TreeLine]
    lines: list[TreeLine]
    tabs: list[Choice]
    axis: list[str]
    selection: Selection
    previous_href: str
    next_href: str
    whole_href: str
    problems: list[str]
    panel: SpanPanel | None
    panel_missing: bool
    said: Said | None  # of the trace, where no span is chosen
    delete_href: str
    list_href: str
    now_ns: int


@project_page(role="viewer")
@require_safe
@answered
def trace(request: HttpRequest, trace_id: str) -> HttpResponse:
    chosen = request.GET.get("span", "") if span_number(request.GET.get("span", "")) is not None else ""
    panel = load_panel(request, trace_id, chosen) if chosen else None
    if chosen and request.headers.get("HX-Target") == "panel":
        return render(request, "spans/panel.html", {"panel": panel, "close_href": close_href(request)})
    now = datetime.now(UTC)
    found = find_trace(request.project.pk, trace_id, now_ns=in_ns(now), day=day_named(request.GET.get("day", "")))
    if found is None:
        raise Http404("No such trace in this project. It may have been deleted, or be older than the retention.")
    page = build_page(request, found, chosen, panel, now)
    return render(request, "traces/trace.html", {"page": page, "panel": panel, "close_href": close_href(request)})


def build_page(request: HttpRequest, found: TraceRow, chosen: str, panel: SpanPanel | None, now: datetime) -> TracePage:
    project_id, slug, path, query = request.project.pk, request.project.slug, request.path, request.GET
    tree = trace_tree(project_id, found)
    selection = select(
        tree, query.get("show", ""), span_number(query.get("under", "")), offset_of(query.get("from", "")),
        span_number(chosen),
    )  # fmt: skip
    days = (found.first_day, found.last_day)
    shown = [row.span_id for row in [*selection.context, *selection.rows] if not row.missing]
    spans = {span.span_id: span for span in spans_by_id(project_id, found.trace_id, shown, days)}
    kept = {name: query[name] for name in (*KEPT, "span") if query.get(name)}
    return TracePage(
        trace=found,
        header=load_header(project_id, slug, found),
        above=draw(selection.context, tree, spans, path, kept, context=True),
        lines=draw(selection.rows, tree, spans, path, kept, context=False),
        tabs=tabs(tree, path, kept, query.get("show", "")),
        axis=axis(tree),
        selection=selection,
        previous_href=window_href(path, kept, selection, -1),
        next_href=window_href(path, kept, selection, 1),
        whole_href=with_query(path, kept, under=None, from_=None) if query.get("under") else "",
        problems=[*problems(tree), *lost_texts(request, found, now)],
        panel=panel,
        panel_missing=bool(chosen) and panel is None,
        said=None if panel else load_said(request, found.trace_id),
        delete_href=delete_href(slug, found) if at_least(request.role, "editor") else "",
        list_href=in_project(slug, "traces"),
        now_ns=in_ns(now),
    )


def day_named(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def offset_of(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


def close_href(request: HttpRequest) -> str:
    return with_query(request.path, request.GET, span=None)


def delete_href(slug: str, found: TraceRow) -> str:
    return with_query(in_project(slug, "traces", found.trace_id, "delete"), {}, day=found.day.isoformat())


def window_href(path: str, kept: dict[str, str], selection: Selection, step: int) -> str:
    """The window before (-1) or after (1), "" where there is none."""
    offset = selection.first - 1 + step * WINDOW
    if offset < 0 or offset >= selection.total:
        return ""
    return with_query(path, kept, from_=offset, span=None)


def problems(tree: Tree) -> list[str]:
    """What a reader of this tree should know."""
    missing = [row for row in tree.rows if row.missing]
    orphans = sum(row.children for row in missing)
    tops = [row for row in tree.rows if row.parent is None]
    cycles = sum(row.cyclic for row in tops)
    roots = sum(not row.missing and not row.cyclic for row in tops)
    found: list[str] = []
    if missing:
        parents = "a parent" if len(missing) == 1 else f"{len(missing):,} parents"
        found.append(f"{counted(orphans, 'span')} hang{'s' * (orphans == 1)} below {parents} that never arrived.")
    if cycles:
        found.append(
            f"{counted(cycles, 'ring')} of spans that name each other as parents, opened at the earliest span."
        )
    if roots > 1:
        found.append(f"{roots} roots in one trace.")
    return found


def lost_texts(request: HttpRequest, found: TraceRow, now: datetime) -> list[str]:
    """A trace that is kept for longer than its texts. Asked only of traces that are old enough."""
    days = kept_by(request.project).texts
    if found.last_day >= oldest(now.date(), days) or has_texts(
        request.project.pk, found.trace_id, found.first_day, found.last_day
    ):
        return []
    return [
        f"The texts of this trace were dropped after {counted(days, 'day')} (retention); its spans, tokens and cost are kept."
    ]
