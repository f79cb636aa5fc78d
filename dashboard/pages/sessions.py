"""Which conversations were there, and how did one of them go, request by request?"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.geometry import share
from dashboard.links import in_project, quoted, with_query
from dashboard.listing import Listing, read_listing
from dashboard.pages.asking import answered
from dashboard.pages.traces import BAR, TraceLine, both_tokens, full_bar, trace_lines
from dashboard.params import in_ns
from tracestore.queries.sessions import SessionRow, find_sessions, get_session
from tracestore.queries.versions import version_sets_by_id

ROWS = 50
TRACES = 100


@dataclass(frozen=True, slots=True)
class SessionLine:
    session: SessionRow
    href: str
    tokens: int | None
    bar: int


@dataclass(frozen=True, slots=True)
class SessionsPage:
    listing: Listing
    lines: list[SessionLine]
    next_href: str
    wider_href: str
    context_href: str


@dataclass(frozen=True, slots=True)
class SessionPage:
    """lines: its traces, oldest first, as a conversation reads. turns_href: its prompts call by call, "" without calls."""

    session: SessionRow
    tokens: int | None
    lines: list[TraceLine]
    list_href: str
    filter_href: str
    user_href: str
    next_href: str
    first_href: str
    turns_href: str
    now_ns: int


@project_page(role="viewer")
@require_safe
@answered
def sessions(request: HttpRequest) -> HttpResponse:
    slug = request.project.slug
    listing = read_listing(request.path, request.GET, datetime.now(UTC))
    found = find_sessions(
        request.project.pk, listing.range.start_ns, listing.range.end_ns, filter=listing.filter, limit=ROWS,
        cursor=listing.cursor,
    )  # fmt: skip
    longest_ns = full_bar([one.duration_ns for one in found.items])
    page = SessionsPage(
        listing=listing,
        lines=[session_line(one, slug, longest_ns) for one in found.items],
        next_href=with_query(request.path, request.GET, cursor=found.next_cursor) if found.next_cursor else "",
        wider_href=with_query(request.path, request.GET, range="30d", from_=None, to=None, cursor=None),
        context_href=with_query(in_project(slug, "context"), request.GET, cursor=None, live=None),
    )
    return render(request, "sessions/page.html", {"page": page})


def session_line(row: SessionRow, slug: str, longest_ns: int) -> SessionLine:
    return SessionLine(
        session=row,
        href=in_project(slug, "sessions", row.session_id),
        tokens=both_tokens(row.input_tokens, row.output_tokens),
        bar=share(row.duration_ns, longest_ns, BAR),
    )


@project_page(role="viewer")
@require_safe
@answered
def session(request: HttpRequest, session_id: str) -> HttpResponse:
    project, now_ns = request.project, in_ns(datetime.now(UTC))
    cursor = request.GET.get("cursor") or None
    found = get_session(project.pk, session_id, now_ns=now_ns, limit=TRACES, cursor=cursor)
    if found is None:
        raise Http404("No trace of this session is kept.")
    sets = version_sets_by_id(project.pk, sorted({one for row in found.traces for one in row.version_sets}))
    page = SessionPage(
        session=found.session,
        tokens=both_tokens(found.session.input_tokens, found.session.output_tokens),
        lines=trace_lines(found.traces, project.slug, sets),
        list_href=in_project(project.slug, "sessions"),
        filter_href=traces_href(project.slug, "session", session_id),
        user_href=traces_href(project.slug, "user", found.session.user_id or ""),
        next_href=with_query(request.path, {}, cursor=found.next_cursor) if found.next_cursor else "",
        first_href=request.path if cursor else "",
        turns_href=in_project(project.slug, "context", session_id) if found.session.llm_calls and not cursor else "",
        now_ns=now_ns,
    )
    return render(request, "sessions/session.html", {"page": page})


def traces_href(slug: str, name: str, value: str) -> str:
    return with_query(in_project(slug, "traces"), {}, q=f"{name}:{quoted(value)}", range="30d")
