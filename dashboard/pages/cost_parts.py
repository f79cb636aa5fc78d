"""What of the cost page asks for itself: hints where money is lost, and the dearest requests."""

from dataclasses import dataclass, field

from django.http import HttpRequest

from dashboard.links import in_project, with_query
from dashboard.listing import Listing
from dashboard.params import Range
from dashboard.spend import DearLine, HintView, dear_lines, hint_views
from tracestore.analysis.hints import find_hints
from tracestore.queries.call_sample import draw_calls, read_prompts, spent_calls
from tracestore.queries.spend import Dearest, find_dearest, rows_from, spent_by

TALKS = ("chat", "completion")


@dataclass(frozen=True, slots=True)
class HintsPart:
    """href: where to ask for it, "" when it is here. looked_at: which calls were, in words."""

    href: str
    hints: list[HintView] = field(default_factory=list)
    looked_at: str = ""


@dataclass(frozen=True, slots=True)
class DearestPart:
    """lines: the dearest of the summed up, at most ten. list_href: more of them. top_share: of the cost, 0-1."""

    href: str
    summed: Dearest | None = None
    top_share: float | None = None
    lines: list[DearLine] = field(default_factory=list)
    list_href: str = ""
    since: str = ""
    now_ns: int = 0


def shown_at(request: HttpRequest, part: str) -> str:
    """The page with this part in it, for those without scripts; with them the part alone is fetched from there."""
    return with_query(request.path, request.GET, show=part)


def rows_note(chosen: Range, of_rows: bool) -> str:
    if not of_rows or rows_from(chosen.start_ns, chosen.end_ns) == chosen.start_ns:
        return ""
    return "The last 7 days of the range: this is read from rows, not from sums."


def hints_part(request: HttpRequest, listing: Listing) -> HintsPart:
    """A sample of calls of the range, at most its last 7 days, and the hints it gives."""
    project_id, end_ns, filter = request.project.pk, listing.range.end_ns, listing.filter
    start_ns = rows_from(listing.range.start_ns, end_ns)
    talks = [one for one in spent_by(project_id, start_ns, end_ns, "operation", filter) if one.key in TALKS]
    calls = sum(one.calls for one in talks)
    rows = draw_calls(project_id, start_ns, end_ns, filter=filter, of_calls=calls)
    prompts = read_prompts(project_id, rows)
    hints = find_hints(spent_calls(project_id, rows, prompts), sum(one.cost_nanousd or 0 for one in talks))
    is_whole = len(rows) >= calls
    note = rows_note(listing.range, of_rows=True)
    drawn = "all of them" if is_whole else "whole requests, drawn by a hash of their id"
    looked_at = (
        f"{len(rows):,} of {calls:,} calls were looked at ({drawn}), and the prompts of {len(prompts):,}. {note}"
    )
    return HintsPart("", hint_views(hints, request.project.slug, is_whole), looked_at.strip())


def dearest_part(request: HttpRequest, listing: Listing) -> DearestPart:
    slug, end_ns = request.project.slug, listing.range.end_ns
    start_ns = rows_from(listing.range.start_ns, end_ns)
    summed, requests = find_dearest(request.project.pk, start_ns, end_ns, listing.filter)
    kept = {name: request.GET[name] for name in ("range", "from", "to", "tz", "q") if request.GET.get(name)}
    return DearestPart(
        href="",
        summed=summed,
        top_share=summed.top_nanousd / summed.cost_nanousd if summed.cost_nanousd else None,
        lines=dear_lines(requests, slug, summed.cost_nanousd),
        list_href=with_query(in_project(slug, "traces"), kept, sort="-cost"),
        since=rows_note(listing.range, of_rows=True),
        now_ns=listing.now_ns,
    )
