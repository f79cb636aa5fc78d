"""With what is a range compared? The parameter `compare` of pages and API; pure.

previous        the period before, as long as the range
week            the same hours a week before
version:v11     the same period on version v11: in place of what the filter says of versions
FROM/TO         another period, two times as in `from` and `to`
"""

from dataclasses import dataclass
from datetime import UTC, tzinfo

from dashboard.params import NS, BadParam, Range, parse_filter, parse_time
from tracestore.analysis.filters import Node, Term, with_only

_WEEK_NS = 7 * 86_400 * NS


@dataclass(frozen=True, slots=True)
class Other:
    """What to read beside the range. words: what it is, for "compared with ..."."""

    start_ns: int
    end_ns: int
    filter: Node | None
    words: str


def parse_compare(text: str, of: Range, step_s: int, filter: Node | None, zone: tzinfo = UTC) -> Other | None:
    """None without a comparison. Another period begins as far into a step as the range does. Raises BadParam."""
    text = text.strip()
    if not text:
        return None
    if text.startswith("version:"):
        return Other(of.start_ns, of.end_ns, with_only(filter, _version(text)), text.replace(":", " ", 1))
    if text in ("previous", "week"):
        back_ns = _WEEK_NS if text == "week" else of.end_ns - of.start_ns
        words = "the week before" if text == "week" else "the period before"
        return _back(of, back_ns, of.end_ns - of.start_ns, step_s, filter, words)
    start, slash, end = text.partition("/")
    if not slash:
        raise BadParam("compare: must be previous, week, version:NAME or two times FROM/TO.")
    start_ns, end_ns = parse_time("compare", start, zone), parse_time("compare", end, zone)
    if start_ns >= end_ns:
        raise BadParam("compare: the first time must lie before the second.")
    return Other(start_ns, end_ns, filter, f"{start.strip()} to {end.strip()}")


def _back(of: Range, back_ns: int, length_ns: int, step_s: int, filter: Node | None, words: str) -> Other:
    """So far back that it does not overlap and that steps lie on steps."""
    step_ns = step_s * NS
    start_ns = of.start_ns - -(-back_ns // step_ns) * step_ns
    if start_ns < 0:
        raise BadParam("compare: there is no such time before the range.")
    return Other(start_ns, start_ns + length_ns, filter, words)


def _version(text: str) -> Term:
    node = parse_filter(text)
    if not isinstance(node, Term) or node.field != "version":
        raise BadParam("compare: a version is written version:v11, one of it.")
    return node
