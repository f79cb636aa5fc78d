"""What was sent, what became of it, and how does an application send here?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.geometry import Column, histogram
from dashboard.ledger_words import REFUSED, REJECTED
from dashboard.links import in_project
from dashboard.listing import Listing, read_listing
from dashboard.pages.asking import answered
from dashboard.snippets import Snippet, otlp_url, snippets
from dashboard.templatetags.units import in_exact
from tracestore.queries.ledger import LedgerRow, LedgerStep, ledger, ledger_steps
from tracestore.queries.search_lag import Lag, index_waiting

STEPS = 96
MINUTE_NS = 60_000_000_000
STRIP_HEIGHT = 20


@dataclass(frozen=True, slots=True)
class Reason:
    reason: str
    count: int
    what_to_do: str


@dataclass(frozen=True, slots=True)
class StepColumn:
    column: Column
    title: str


@dataclass(frozen=True, slots=True)
class SignalView:
    """balanced: sent = accepted + deduplicated + rejected. refused: requests that could not be read, outside sent."""

    row: LedgerRow
    rejected_total: int
    refused_total: int
    balanced: bool
    rejected: list[Reason]
    refused: list[Reason]
    columns: list[StepColumn]


@dataclass(frozen=True, slots=True)
class IngestPage:
    listing: Listing
    signals: list[SignalView]
    search: Lag
    silent: bool
    step_width: float
    strip_height: int
    snippets: list[Snippet]
    chosen: Snippet
    keyless: bool
    endpoint: str
    grpc_endpoint: str
    keys_href: str


@project_page(role="viewer")
@require_safe
@answered
def ingest(request: HttpRequest) -> HttpResponse:
    listing = read_listing(request.path, request.GET, datetime.now(UTC))
    span = (request.project.pk, listing.range.start_ns, listing.range.end_ns)
    step_s = step_seconds(listing.range.start_ns, listing.range.end_ns)
    rows, steps = ledger(*span), ledger_steps(*span, step_s)
    starts = step_starts(listing.range.start_ns, listing.range.end_ns, step_s)
    texts = project_snippets()
    page = IngestPage(
        listing=listing,
        signals=[signal_view(row, steps, starts) for row in rows],
        search=index_waiting(request.project.pk),
        silent=not any(row.sent or row.requests_rejected for row in rows),
        step_width=round(1000 / max(1, len(starts)), 2),
        strip_height=STRIP_HEIGHT,
        snippets=texts,
        chosen=next((one for one in texts if one.id == request.GET.get("sdk")), texts[0]),
        keyless=settings.KEYLESS_FROM_LOOPBACK,
        endpoint=endpoint(),
        grpc_endpoint=f"{'localhost' if settings.BOUND_TO_LOOPBACK else settings.BIND}:{settings.GRPC_PORT}",
        keys_href=in_project(request.project.slug, "settings", "keys"),
    )
    return render(request, "ingest/page.html", {"page": page})


def endpoint() -> str:
    return otlp_url(settings.PUBLIC_URL, settings.BIND, settings.OTLP_PORT)


def project_snippets() -> list[Snippet]:
    """The key decides the project, so all projects have the same address."""
    return snippets(endpoint(), settings.SITE_URL)


def step_seconds(start_ns: int, end_ns: int) -> int:
    """Whole minutes, so that the range has at most STEPS steps."""
    minutes = -(-(end_ns - start_ns) // MINUTE_NS)
    return max(1, -(-minutes // STEPS)) * 60


def step_starts(start_ns: int, end_ns: int, step_s: int) -> list[int]:
    step_ns = step_s * 1_000_000_000
    return list(range(start_ns // step_ns * step_ns, end_ns, step_ns))


def signal_view(row: LedgerRow, steps: Sequence[LedgerStep], starts: Sequence[int]) -> SignalView:
    mine = {step.start_ns: step for step in steps if step.signal == row.signal}
    rejected_total = sum(row.rejected.values())
    return SignalView(
        row=row,
        rejected_total=rejected_total,
        refused_total=sum(row.requests_rejected.values()),
        balanced=row.sent == row.accepted + row.deduplicated + rejected_total,
        rejected=reasons(row.rejected, REJECTED),
        refused=reasons(row.requests_rejected, REFUSED),
        columns=step_columns(mine, starts),
    )


def reasons(counts: Mapping[str, int], words: Mapping[str, str]) -> list[Reason]:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Reason(reason, count, words.get(reason, "")) for reason, count in ordered]


def step_columns(steps: Mapping[int, LedgerStep], starts: Sequence[int]) -> list[StepColumn]:
    counts = [(steps[start].sent, steps[start].rejected) if start in steps else (0, 0) for start in starts]
    columns = histogram(counts, STRIP_HEIGHT, 1000 / max(1, len(starts)))
    return [StepColumn(column, step_title(start, steps)) for start, column in zip(starts, columns, strict=True)]


def step_title(start_ns: int, steps: Mapping[int, LedgerStep]) -> str:
    one = steps.get(start_ns)
    if one is None:
        return f"from {in_exact(start_ns)}: nothing sent"
    return f"from {in_exact(start_ns)}: {one.sent:,} sent, {one.accepted:,} accepted, {one.rejected:,} rejected"
