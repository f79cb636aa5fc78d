"""Which lines of a trace's tree stand on the page, and what does each of them show? Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from dashboard.geometry import Bar, waterfall
from dashboard.links import with_query
from dashboard.listing import Choice
from dashboard.templatetags.units import in_time
from tracestore.analysis.tree import Row, Tree, ancestors, below, keep
from tracestore.queries.spans import SpanRow

WINDOW = 200  # lines a page; 0.15 ms each to render
DEEPEST = 24  # steps of indentation; deeper lines say their depth
CALLS = frozenset({"chat", "completion", "embedding", "rerank"})
TOOLS = frozenset({"tool"})
AGENTS = frozenset({"agent", "workflow", "task", "handoff"})
DATA = frozenset({"retrieval", "memory", "prompt"})
AXIS_PARTS = 2


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line. key: the span's id in hex, also of a parent that never arrived. kind: llm | tool | agent | data | other.

    span: None for a parent that never arrived. note: the model or tool where the name does not say it.
    money: counted | elsewhere | inside | "" whether tokens and cost of this line are in the trace's sums.
    """

    key: str
    span: SpanRow | None
    name: str
    note: str
    kind: str
    level: int
    indent: int
    href: str
    under_href: str
    bar: Bar
    children: int
    descendants: int
    tokens: int | None
    money: str
    origin: bool
    cyclic: bool
    orphan: bool
    context: bool
    selected: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """The lines asked for: by kind, below one span, from an offset. first, last: 1-based, of total."""

    rows: list[Row]
    context: list[Row]
    first: int
    last: int
    total: int


def span_key(span_id: int) -> str:
    """The 8 bytes as 16 hex digits; storage keeps them as a signed integer."""
    return f"{span_id & 0xFFFFFFFFFFFFFFFF:016x}"


def span_number(key: str) -> int | None:
    """The signed integer of 16 hex digits, None for anything else."""
    if len(key) != 16 or any(character not in "0123456789abcdef" for character in key):
        return None
    number = int(key, 16)
    return number - 2**64 if number >= 2**63 else number


# Name -> its word, and whether a line of this status and operation is one.
SHOWN: Mapping[str, tuple[str, Callable[[int, str], bool]]] = {
    "errors": ("Errors", lambda status, _operation: status == 2),
    "llm": ("Model calls", lambda _status, operation: operation in CALLS),
    "tools": ("Tools", lambda _status, operation: operation in TOOLS),
}


def select(tree: Tree, show: str, under: int | None, offset: int | None, selected: int | None) -> Selection:
    """Without an offset the window that holds the selected span; context: the lines above the window's first."""
    rows = below(tree, under) if under is not None else tree.rows
    rows = rows or tree.rows
    if show in SHOWN:
        _, wanted = SHOWN[show]
        rows = keep(tree, rows, lambda row: wanted(row.status, row.operation))
    if offset is None:
        place = next((index for index, row in enumerate(rows) if row.span_id == selected), 0)
        offset = place // WINDOW * WINDOW
    offset = max(0, min(offset, max(0, len(rows) - 1) // WINDOW * WINDOW))
    window = rows[offset : offset + WINDOW]
    context = ancestors(tree, window[0].position) if window and (offset or under is not None) else []
    return Selection(window, context[-DEEPEST:], offset + 1 if window else 0, offset + len(window), len(rows))


def tabs(tree: Tree, path: str, query: Mapping[str, str], show: str) -> list[Choice]:
    """All, errors, model calls, tools: with how many there are; what is none is left out."""
    kinds = Counter(map(_kind, tree.rows))  # few, of however many lines
    counted = [("", "All", sum(count for (_, _, missing), count in kinds.items() if not missing))]
    for name, (word, wanted) in SHOWN.items():
        counted.append(
            (name, word, sum(count for (status, operation, _), count in kinds.items() if wanted(status, operation)))
        )
    return [
        Choice(f"{word} {count:,}", with_query(path, query, show=name, from_=None, under=None), name == show)
        for name, word, count in counted
        if count or name == show
    ]


_kind = attrgetter("status", "operation", "missing")


def axis(tree: Tree) -> list[str]:
    """Marks from the start of the trace to its end."""
    length = tree.end_ns - tree.start_ns
    return ["0", *(in_time(length * part // AXIS_PARTS) for part in range(1, AXIS_PARTS + 1))]


def draw(
    rows: Sequence[Row], tree: Tree, spans: Mapping[str, SpanRow], path: str, query: Mapping[str, str], context: bool
) -> list[TreeLine]:
    """query: what every line's address keeps (the day, the window)."""
    chosen = query.get("span", "")
    return [_line(row, tree, spans.get(span_key(row.span_id)), path, query, context, chosen) for row in rows]


def _line(
    row: Row, tree: Tree, span: SpanRow | None, path: str, query: Mapping[str, str], context: bool, chosen: str
) -> TreeLine:
    key = span_key(row.span_id)
    return TreeLine(
        key=key,
        span=None if row.missing else span,
        name=span.name if span and not row.missing else f"{key} never arrived",
        note=note_of(span) if span and not row.missing else "",
        kind=kind_of(row.operation),
        level=row.depth + 1,
        indent=min(row.depth, DEEPEST),
        href="" if row.missing else with_query(path, query, span=key),
        under_href=with_query(path, query, under=key, span=None, from_=None, show=None) if row.descendants > 9 else "",
        bar=waterfall(row.start_ns, row.end_ns, tree.start_ns, tree.end_ns),
        children=row.children,
        descendants=row.descendants,
        tokens=tokens_of(span),
        money=money_of(span),
        origin=row.origin,
        cyclic=row.cyclic,
        orphan=bool(span and span.orphan) or (row.parent is not None and tree.rows[row.parent].missing),
        context=context,
        selected=key == chosen,
    )


def kind_of(operation: str) -> str:
    for kind, operations in (("llm", CALLS), ("tool", TOOLS), ("agent", AGENTS), ("data", DATA)):
        if operation in operations:
            return kind
    return "other"


def note_of(span: SpanRow) -> str:
    """What the name leaves out: the model of a call, the name of a tool or agent."""
    kind = kind_of(span.operation)
    model = span.response_model or span.request_model
    word = {"llm": model, "tool": span.tool_name, "agent": span.agent_name}.get(kind)
    return word if word and word not in span.name else ""


def tokens_of(span: SpanRow | None) -> int | None:
    if span is None or (span.input_tokens is None and span.output_tokens is None):
        return None
    return (span.input_tokens or 0) + (span.output_tokens or 0)


def money_of(span: SpanRow | None) -> str:
    """Whether the span's usage is in the trace's sums: counted, at its twin elsewhere, or at the calls inside it."""
    if span is None or (tokens_of(span) is None and span.cost_nanousd is None):
        return ""
    if span.billable:
        return "counted"
    return "elsewhere" if span.duplicate_of else "inside"
