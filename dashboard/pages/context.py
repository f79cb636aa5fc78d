"""How large are prompts, what are they made of, how do they grow, and which come near the window of their model?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.composition import (
    BucketLine,
    FullLine,
    GrowthLine,
    KeyLine,
    Turns,
    bucket_lines,
    draw_turns,
    full_lines,
    growth_lines,
    key,
)
from dashboard.links import in_project, with_query
from dashboard.listing import Choice, Listing
from dashboard.pages.asking import answered
from dashboard.pages.cost import asked_of, tabs
from dashboard.params import in_ns
from tracestore.analysis.context import Prompt
from tracestore.analysis.context_growth import (
    GROWTH_CALLS_MIN,
    HISTORY_MAX,
    WINDOW_MAX,
    Growth,
    Measured,
    TurnBucket,
    by_turn,
    growth,
    slope,
)
from tracestore.analysis.context_windows import SOURCE, context_window
from tracestore.analysis.spent import ERROR
from tracestore.queries.call_sample import CallRow, draw_calls, read_prompts, session_calls
from tracestore.queries.context import (
    ConversationRow,
    find_conversations,
    find_full_prompts,
    models_called,
)
from tracestore.queries.sessions import get_session
from tracestore.queries.spend import rows_from, total_spent

PARTS_ID: Final = "parts"  # the part of the page that asks for itself
TURNS_ID: Final = "turns"  # of the page of a session
CALLS_MOST: Final = 600
FULL_MOST: Final = 20
GROWTH_MOST: Final = 20
SESSION_CALLS: Final = 120


@dataclass(frozen=True, slots=True)
class PartsPart:
    """href: where to ask for it, "" when it is here. looked_at: which calls were, in words. facts: what stands out."""

    href: str
    lines: list[BucketLine] = field(default_factory=list)
    key: list[KeyLine] = field(default_factory=list)
    growth: list[GrowthLine] = field(default_factory=list)
    looked_at: str = ""
    facts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ContextPage:
    """unknown: models whose window is not known. source: of the windows. limit: percent of a window. note: of which days, if not
    of the whole range."""

    listing: Listing
    tabs: list[Choice]
    calls: int
    full: list[FullLine]
    full_hidden: int
    unknown: list[str]
    source: str
    limit: int
    note: str
    parts: PartsPart
    wider_href: str


@dataclass(frozen=True, slots=True)
class TurnsPage:
    """turns: None where no call of the session reports its tokens."""

    turns: Turns | None
    session_id: str
    session_href: str


@project_page(role="viewer")
@require_safe
@answered
def context(request: HttpRequest) -> HttpResponse:
    listing = asked_of(request)
    if request.headers.get("HX-Target") == PARTS_ID:
        return render(request, "context/parts.html", {"part": parts_part(request, listing)})
    return render(request, "context/page.html", {"page": context_page(request, listing)})


def context_page(request: HttpRequest, listing: Listing) -> ContextPage:
    project_id, end_ns = request.project.pk, listing.range.end_ns
    start_ns = rows_from(listing.range.start_ns, end_ns)
    calls = total_spent(project_id, start_ns, end_ns, listing.filter).calls
    windows = {model: context_window(*model) for model in models_called(project_id, start_ns, end_ns)}
    known = {model: window for model, window in windows.items() if window}
    full = find_full_prompts(project_id, start_ns, end_ns, known, WINDOW_MAX, listing.filter)
    shown = request.GET.get("show") == PARTS_ID
    return ContextPage(
        listing=listing,
        tabs=tabs(request.project.slug, request.GET, "context"),
        calls=calls,
        full=full_lines(full[:FULL_MOST], request.project.slug),
        full_hidden=max(0, len(full) - FULL_MOST),
        unknown=sorted({name for (_, name), window in windows.items() if not window}),
        source=SOURCE,
        limit=round(WINDOW_MAX * 100),
        note=""
        if start_ns == listing.range.start_ns
        else "The last 7 days of the range: prompts are read, not summed up.",
        parts=parts_part(request, listing)
        if shown
        else PartsPart(with_query(request.path, request.GET, show=PARTS_ID)),
        wider_href=with_query(request.path, request.GET, range="7d", from_=None, to=None),
    )


def parts_part(request: HttpRequest, listing: Listing) -> PartsPart:
    """What a sample of prompts is made of, and how a sample of conversations grows."""
    project_id, end_ns, filter = request.project.pk, listing.range.end_ns, listing.filter
    start_ns = rows_from(listing.range.start_ns, end_ns)
    calls = total_spent(project_id, start_ns, end_ns, filter).calls
    rows = draw_calls(project_id, start_ns, end_ns, filter=filter, of_calls=calls, most=CALLS_MOST)
    prompts = read_prompts(project_id, rows, CALLS_MOST)
    calls_read = measured(rows, prompts)
    talks = find_conversations(project_id, start_ns, end_ns, GROWTH_CALLS_MIN, filter)
    return PartsPart(
        href="",
        lines=bucket_lines(by_turn(calls_read), flags(calls_read)),
        key=key(),
        growth=growth_lines(by_version(talks)[:GROWTH_MOST]),
        looked_at=f"{len(prompts):,} prompts of {len(rows):,} calls, of {calls:,} in the range: whole requests, drawn by a "
        f"hash of their id; {len(talks):,} conversations of at least {GROWTH_CALLS_MIN} calls.",
        facts=facts(rows, prompts),
    )


def measured(rows: Sequence[CallRow], prompts: Mapping[tuple[str, int], Prompt]) -> list[Measured]:
    pairs = ((row, prompts.get((row.trace_id, row.span_id))) for row in rows)
    return [Measured(prompt.composition, row.input_tokens, row.service) for row, prompt in pairs if prompt]


def flags(calls: Sequence[Measured]) -> dict[int, list[str]]:
    """Hard facts by the first turn of a bucket: what is mostly history, and which service retrieves nothing any more."""
    found: dict[int, list[str]] = {}
    for service in sorted({one.service for one in calls}):
        own = by_turn(one for one in calls if one.service == service)
        for low, words in (*_mostly_history(own), *_retrieves_no_more(own)):
            found.setdefault(low, []).append(f"{service}: {words}")
    return found


def _mostly_history(buckets: Sequence[TurnBucket]) -> list[tuple[int, str]]:
    return [(one.low, "mostly history") for one in buckets if one.shares and one.shares["history"] > HISTORY_MAX]


def _retrieves_no_more(buckets: Sequence[TurnBucket]) -> list[tuple[int, str]]:
    shares = [one.shares["retrieved"] if one.shares else 0 for one in buckets]
    return [
        (one.low, "retrieves nothing any more")
        for number, one in enumerate(buckets)
        if not shares[number] and any(shares[:number])
    ]


def facts(rows: Sequence[CallRow], prompts: Mapping[tuple[str, int], Prompt]) -> list[str]:
    """How many of the sampled prompts are mostly history, or fill their window: counts, with what they are of."""
    shares = [share for one in prompts.values() if (share := one.composition.share("history")) is not None]
    history = sum(share > HISTORY_MAX for share in shares)
    filled = [used for row in rows if (used := window_share(row)) is not None]
    full = sum(used > WINDOW_MAX for used in filled)
    return [
        f"{history:,} of {len(shares):,} prompts are more than {round(HISTORY_MAX * 100)} % history",
        f"{full:,} of {len(filled):,} fill more than {round(WINDOW_MAX * 100)} % of the window of their model",
    ]


def window_share(row: CallRow) -> float | None:
    window = context_window(row.provider, row.model) if row.model else None
    return row.input_tokens / window if window and row.input_tokens is not None else None


def by_version(talks: Sequence[ConversationRow]) -> list[tuple[str, Growth]]:
    """(service, growth of one of its versions), by service and most conversations first."""
    of_service: dict[str, list[tuple[str | None, Sequence[int]]]] = {}
    for one in talks:
        of_service.setdefault(one.service, []).append((one.service_version, one.input_tokens))
    return [(service, one) for service, values in sorted(of_service.items()) for one in growth(values)]


@project_page(role="viewer")
@require_safe
@answered
def session_turns(request: HttpRequest, session_id: str) -> HttpResponse:
    """The prompts of one session call by call: a part of its page, and a page of its own without scripts."""
    project_id, now_ns = request.project.pk, in_ns(datetime.now(UTC))
    found = get_session(project_id, session_id, now_ns=now_ns, limit=1)
    if found is None:
        raise Http404("No trace of this session is kept.")
    session = found.session
    rows = session_calls(project_id, session_id, session.start_ns, session.end_ns + 1, SESSION_CALLS)
    prompts = read_prompts(project_id, rows, SESSION_CALLS)
    answered_sizes = [row.input_tokens for row in rows if row.input_tokens is not None and row.status != ERROR]
    known = any(row.input_tokens is not None for row in rows)
    turns = draw_turns(rows, prompts, request.project.slug, session.llm_calls, slope(answered_sizes)) if known else None
    page = TurnsPage(turns, session_id, in_project(request.project.slug, "sessions", session_id))
    is_part = request.headers.get("HX-Target") == TURNS_ID
    return render(request, "context/turns.html" if is_part else "context/session.html", {"page": page})
