"""Which traces stand behind a point of a chart? Charts count what ended in a time, lists show what started in it: by=end."""

from collections.abc import Mapping
from dataclasses import replace

from dashboard.listing import Listing
from dashboard.params import Range
from tracestore.analysis.filters import And, Node, Term

LONGEST_NS = 86_400_000_000_000  # a request that took longer is not looked for
FAILED = 2  # status of a trace: its root failed


def by_end(listing: Listing, query: Mapping[str, str]) -> Listing:
    """What to ask the list for: with by=end requests that ended in the range, with failed=1 those whose root failed."""
    found, nodes = listing.range, [] if listing.filter is None else [listing.filter]
    if query.get("by") == "end":
        nodes += [Term("ended", ">=", found.start_ns), Term("ended", "<", found.end_ns)]
        found = Range(max(0, found.start_ns - LONGEST_NS), found.end_ns)
    if query.get("failed") == "1":
        nodes.append(Term("outcome", "=", FAILED))
    return replace(listing, range=found, filter=_all_of(nodes))


def _all_of(nodes: list[Node]) -> Node | None:
    return And(tuple(nodes)) if len(nodes) > 1 else next(iter(nodes), None)


def end_words(query: Mapping[str, str]) -> str:
    """What such a list holds; "" for the ordinary one."""
    whose = "whose root failed" if query.get("failed") == "1" else ""
    ended = "that ended in this range (and took a day at most)" if query.get("by") == "end" else ""
    words = " and ".join(one for one in (ended, whose) if one)
    return f"Requests {words}." if words else ""
