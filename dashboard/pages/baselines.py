"""What is a range compared with? The period before it, or the same hours of yesterday or of last week."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.links import with_query
from dashboard.listing import Choice, Listing
from tracestore.queries.movers import Span

DAY_NS = 86_400 * 10**9
SHIFTS = {"before": 0, "day": DAY_NS, "week": 7 * DAY_NS}
WORDS = {"before": "the period before", "day": "the day before", "week": "the week before"}


@dataclass(frozen=True, slots=True)
class Baseline:
    """name: of WORDS. span: as long as the range, and before it."""

    name: str
    words: str
    span: Span
    choices: list[Choice]


def baseline_of(query: Mapping[str, str], listing: Listing) -> Baseline:
    """compare=before|day|week. A shift shorter than the range would overlap it: then the period before."""
    here = listing.range
    length_ns = here.end_ns - here.start_ns
    possible = [name for name, shift_ns in SHIFTS.items() if not shift_ns or shift_ns >= length_ns]
    asked = query.get("compare", "")
    name = asked if asked in possible else "before"
    shift_ns = SHIFTS[name] or length_ns
    choices = [
        Choice(WORDS[one], with_query(listing.path, query, compare=None if one == "before" else one), one == name)
        for one in possible
    ]
    return Baseline(name, WORDS[name], Span(max(0, here.start_ns - shift_ns), max(0, here.end_ns - shift_ns)), choices)
