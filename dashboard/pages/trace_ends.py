"""Which traces stand behind a point of a chart? Charts count what ended in a time, lists show what started in it: by=end."""

from collections.abc import Mapping
from dataclasses import replace

from dashboard.listing import Listing
from dashboard.params import Range
from tracestore.analysis.filters import And, Node, Term

LONGEST_NS = 86_400_000_000_000  # a request that took longer is not looked for


def by_end(listing: Listing, query: Mapping[str, str]) -> Listing:
    """What to ask the list for: with by=end requests that ended in the range, whenever in the day before they started."""
    if query.get("by") != "end":
        return listing
    start_ns, end_ns = listing.range.start_ns, listing.range.end_ns
    ended = And((Term("ended", ">=", start_ns), Term("ended", "<", end_ns)))
    filter: Node = ended if listing.filter is None else And((listing.filter, ended))
    return replace(listing, range=Range(max(0, start_ns - LONGEST_NS), end_ns), filter=filter)


def end_words(query: Mapping[str, str]) -> str:
    """What such a list holds; "" for the ordinary one."""
    return "Requests that ended in this range, and took a day at most." if query.get("by") == "end" else ""
