"""Which tools are called and how do they do; how does one of them fail, and what happens then?"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.estimate_words import Change, Number, change, number
from dashboard.links import in_project, with_query
from dashboard.listing import Listing, read_listing
from dashboard.pages.asking import answered, with_filter
from dashboard.pages.baselines import Baseline, baseline_of
from dashboard.pages.measured import Measured, Trend, measured, trend
from dashboard.pages.narrowing import Narrowing, term_of
from dashboard.templatetags.units import counted
from tracestore.analysis import call_members
from tracestore.analysis.attempts import MORE, Attempts, Recovery
from tracestore.analysis.lines import MEMBERS, Member
from tracestore.queries.breakdowns import Breakdown, Table, find_table, of_tools
from tracestore.queries.movers import Span
from tracestore.queries.tools import CALLS, REACH_NS, FailureMode, find_attempts, find_failure_modes
from tracestore.queries.version_heads import find_version_heads

LIST: Final = of_tools("tool", "tool")
BY_VERSION: Final = of_tools("version", "service", "service_version")
BY_MODEL: Final = of_tools("model", "model")
SUMMARY: Final[tuple[Member, ...]] = (
    MEMBERS["tool_success_rate"], call_members.TOOL_P50, MEMBERS["tool_latency_p95"], call_members.TOOL_P99,
    call_members.TOOL_FAILED_P50, call_members.TOOL_FAILED_P95, call_members.TOOL_FAILED_P99,
    call_members.TOOL_TIMEOUTS, call_members.TOOL_RETRIES, MEMBERS["unknown_state_rate"], MEMBERS["above_tier_rate"],
    MEMBERS["unapproved_rate"],
)  # fmt: skip
_SUMMED: Final = Breakdown(
    "tool", LIST.rollup, ("tool",), LIST.counts, LIST.counted, LIST.failed, SUMMARY, (MEMBERS["duplicate_effect_rate"],)
)


@dataclass(frozen=True, slots=True)
class ToolsPage:
    listing: Listing
    baseline: Baseline
    table: Measured
    wider_href: str
    ingest_href: str


@dataclass(frozen=True, slots=True)
class Tile:
    """change: against the other period, None where there is none."""

    title: str
    line: str
    number: Number
    change: Change | None


@dataclass(frozen=True, slots=True)
class ExampleLink:
    label: str
    href: str


@dataclass(frozen=True, slots=True)
class ModeLine:
    """share: of the failures that were counted."""

    error_type: str | None
    calls: int
    share: float
    last_ns: int
    traces_href: str
    examples: list[ExampleLink]


@dataclass(frozen=True, slots=True)
class AttemptLine:
    words: str
    traces: int
    share: float


@dataclass(frozen=True, slots=True)
class After:
    """What happens after a failure, trace by trace. bound: what of the range was read."""

    traces: int
    tiles: list[Tile]
    lines: list[AttemptLine]
    bound: str


@dataclass(frozen=True, slots=True)
class ToolPage:
    tool: str
    listing: Listing
    baseline: Baseline
    calls: int
    trend: Trend
    tiles: list[Tile]
    unknown: list[Tile]
    modes: list[ModeLine]
    modes_bound: str
    after: After
    by_version: Measured
    by_model: Measured
    list_href: str
    traces_href: str
    wider_href: str


@project_page(role="viewer")
@require_safe
@answered
def tools(request: HttpRequest) -> HttpResponse:
    slug, query = request.project.slug, request.GET
    listing = read_listing(request.path, query, datetime.now(UTC))
    baseline = baseline_of(query, listing)
    here, there = span_of(listing), baseline.span
    table = with_filter(listing, lambda filter: find_table(request.project.pk, LIST, here, there, filter=filter))
    page = ToolsPage(
        listing=listing,
        baseline=baseline,
        table=measured(table, LIST, Narrowing(slug, query), request.path, baseline.words),
        wider_href=with_query(request.path, query, range="30d", from_=None, to=None),
        ingest_href=in_project(slug, "ingest"),
    )
    return render(request, "tools/page.html", {"page": page})


def span_of(listing: Listing) -> Span:
    return Span(listing.range.start_ns, listing.range.end_ns)


@project_page(role="viewer")
@require_safe
@answered
def tool(request: HttpRequest, tool: str) -> HttpResponse:
    slug, project_id = request.project.slug, request.project.pk
    listing = read_listing(request.path, request.GET, datetime.now(UTC), default="7d")
    page = tool_page(project_id, tool, Narrowing(slug, request.GET), listing, baseline_of(request.GET, listing))
    if page is None:
        raise Http404("No call of this tool is known in this project.")
    return render(request, "tools/tool.html", {"page": page})


def tool_page(
    project_id: int, tool: str, narrowing: Narrowing, listing: Listing, baseline: Baseline
) -> ToolPage | None:
    """None where the tool was called neither in the range nor ever within its retention."""
    here, there, where = span_of(listing), baseline.span, {"tool": tool}
    summed = find_table(project_id, _SUMMED, here, there, where)
    if not summed.whole.n and not ever_called(project_id, tool, listing.now_ns):
        return None
    by_version = find_table(project_id, BY_VERSION, here, there, where)
    by_model = find_table(project_id, BY_MODEL, here, there, where)
    attempts = find_attempts(project_id, tool, here.start_ns, here.end_ns)
    modes = find_failure_modes(project_id, tool, here.start_ns, here.end_ns)
    heads, path = find_version_heads(project_id), listing.path
    return ToolPage(
        tool=tool,
        listing=listing,
        baseline=baseline,
        calls=summed.whole.n,
        trend=trend(summed.whole.trend, "calls"),
        tiles=[one for one in tiles(summed) if one.number.known],
        unknown=[one for one in tiles(summed) if not one.number.known],
        modes=mode_lines(modes, tool, narrowing),
        modes_bound=bound_of(here),
        after=after(attempts, here),
        by_version=measured(by_version, BY_VERSION, narrowing, path, baseline.words, heads),
        by_model=measured(by_model, BY_MODEL, narrowing, path, baseline.words),
        list_href=narrowing.at("tools"),
        traces_href=narrowing.traces("tool", tool),
        wider_href=with_query(path, narrowing.query, range="30d", from_=None, to=None),
    )


def ever_called(project_id: int, tool: str, now_ns: int) -> bool:
    ever = Span(now_ns - 90 * 86_400 * 10**9, now_ns)
    return find_table(project_id, _SUMMED, ever, Span(0, 0), {"tool": tool}).whole.n > 0


def tiles(summed: Table) -> list[Tile]:
    return [
        Tile(member.title, member.line, number(member, one), change(member, between))
        for member, one, between in zip(summed.columns, summed.whole.numbers, summed.whole.differences, strict=True)
    ]


def bound_of(here: Span) -> str:
    """What of the range was read row by row; "" = all of it."""
    return "of the last 7 days of this range" if here.end_ns - here.start_ns > REACH_NS else ""


def mode_lines(modes: list[FailureMode], tool: str, narrowing: Narrowing) -> list[ModeLine]:
    total = sum(mode.calls for mode in modes)
    return [
        ModeLine(
            error_type=mode.error_type,
            calls=mode.calls,
            share=mode.calls / total,
            last_ns=mode.last_ns,
            traces_href=narrowing.traces("error", mode.error_type, term=term_of("tool", tool))
            if mode.error_type
            else "",
            examples=[example(narrowing.slug, *one) for one in mode.examples],
        )
        for mode in modes
    ]


def example(slug: str, trace_id: str, day: date) -> ExampleLink:
    return ExampleLink(trace_id[:7], with_query(in_project(slug, "traces", trace_id), {}, day=day.isoformat()))


def after(attempts: Attempts, here: Span) -> After:
    found = [AttemptLine(attempt_words(count), n, n / attempts.traces) for count, n in sorted(attempts.until.items())]
    if attempts.never:
        found.append(AttemptLine("never", attempts.never, attempts.never / attempts.traces))
    return After(
        traces=attempts.traces,
        tiles=[
            Tile("First try succeeded", "quality", number(FIRST_TRY, attempts.first_try), None),
            recovery_tile("Same tool recovered", attempts.same_tool),
            recovery_tile("Any tool recovered", attempts.any_tool),
        ],
        lines=found,
        bound=f"From the newest {CALLS:,} calls at most {bound_of(here)}".strip(),
    )


def attempt_words(count: int) -> str:
    return f"{MORE} or more" if count == MORE else str(count)


FIRST_TRY: Final = Member(
    "first_try", "quality", "First try succeeded", "ratio", "up",
    "traces whose first call of the tool succeeded / traces that called it", "tool_call",
    MEMBERS["tool_success_rate"].form, "traces", "No trace called it in this range.",
)  # fmt: skip
RECOVERED: Final = Member(
    "recovered", "quality", "Recovered", "ratio", "up",
    "traces in which a call after the first failure succeeded / traces that failed and called again", "tool_call",
    MEMBERS["tool_success_rate"].form, "traces", "No trace called again after a failure in this range.",
)  # fmt: skip


def recovery_tile(title: str, recovery: Recovery) -> Tile:
    shown = number(RECOVERED, recovery.rate)
    aside = f"{shown.aside}, {counted(recovery.censored, 'trace')} ended with the failure" if shown.known else ""
    return Tile(title, "quality", Number(shown.text, aside, shown.title, shown.known, shown.value), None)
