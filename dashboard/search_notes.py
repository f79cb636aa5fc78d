"""What should one know before believing the answer to a free-text search: what is not indexed yet, cut, or no word at all?"""

from collections.abc import Iterator

from dashboard.templatetags.units import NANO, counted, in_gap
from tracestore.analysis.filters import Node, free_text
from tracestore.analysis.text_terms import sought_by
from tracestore.queries.search_lag import CUT_MAX, LOOKED_AT, Lag, cut_traces, index_lag
from tracestore.queries.trace_list import TracePage


def search_notes(
    project_id: int, start_ns: int, end_ns: int, now_ns: int, node: Node | None, page: TracePage
) -> list[str]:
    """Sentences; none without free text in the filter."""
    if not free_text(node):
        return []
    return [
        *_not_yet(index_lag(project_id, start_ns, end_ns), now_ns),
        *_cut(cut_traces(project_id, start_ns, end_ns)),
        *_no_words(node),
        *(
            ["A page looks a phrase up in a limited number of traces, so it may be short: the next page goes on."]
            if page.stopped
            else []
        ),
    ]


def sums_note(node: Node | None) -> list[str]:
    """The sums of a list ask the index only, which does not know where words stand."""
    if any(sought_by(term).is_phrase for term in free_text(node)):
        return ["Sums and bars count every trace that holds the words of the phrase, together or apart."]
    return []


def _not_yet(lag: Lag, now_ns: int) -> Iterator[str]:
    if lag.more:
        yield f"The index of texts is far behind: more than {LOOKED_AT:,} traces are not searchable yet."
    elif lag.traces:
        waited = in_gap(max(0, now_ns - (lag.oldest_ns or now_ns)) // NANO)
        are, has = ("is", "it has") if lag.traces == 1 else ("are", "the first has")
        yield f"{counted(lag.traces, 'trace')} of this range {are} not searchable yet: {has} waited for {waited}."


def _cut(count: int) -> Iterator[str]:
    if count:
        some = f"{CUT_MAX:,} or more traces" if count >= CUT_MAX else counted(count, "trace")
        hold = "holds" if count == 1 else "hold"
        yield f"{some} of these days {hold} texts that are too long to be searched to their end."


def _no_words(node: Node | None) -> Iterator[str]:
    for term in free_text(node):
        if not sought_by(term).words:
            shown = str(term.value)
            shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
            yield f"“{shown}” holds no word that can be searched for, so no text matches it."
