"""How often was a tool executed? Each execution once, although two instrumentations or both ends of MCP report it."""

from collections.abc import Sequence

import msgspec

from tracestore.analysis.ancestry import Ancestry, Key, distinct

# Below one of these a tool span is an execution of its own, even of the same tool (a tool that runs an agent).
_BARRIERS = frozenset({"agent", "chat", "completion"})
_U64 = 1 << 64


class ToolSpan(msgspec.Struct, frozen=True, gc=False):
    """What the rule needs to know of a span. executes: its flag TOOL_EXECUTION."""

    trace_id: bytes
    span_id: int
    parent_span_id: int | None
    operation: str
    start_ns: int
    end_ns: int
    executes: bool = False
    tool_name: str | None = None
    tool_call_id: str | None = None

    @property
    def key(self) -> Key:
        return (self.trace_id, self.span_id)


def executions(spans: Sequence[ToolSpan], tree: Ancestry[ToolSpan] | None = None) -> dict[Key, Key | None]:
    """Every tool span -> None when it is an execution, else the key of the span that stands for it.

    A tool span mirrors the nearest tool span above it, when no agent or model call lies between and both name the same
    call id, or the same tool without contradicting call ids (MCP client over server, wrapper over implementation). It
    also mirrors a span of the same trace, call id and tool whose interval encloses its own. The outer span stands;
    attempts that follow one another are executions of their own. spans: all spans of the traces asked about, in any
    order. tree: of the same spans, each once, where the caller has built it already.
    """
    tree = tree or Ancestry(distinct(spans, _order))
    stands: dict[Key, Key | None] = {}
    nearest: dict[Key, ToolSpan | None] = {}
    for span in tree.preorder:
        above = _above(span, tree, nearest)
        nearest[span.key] = span if span.executes else None if span.operation in _BARRIERS else above
        if span.executes:
            stands[span.key] = above.key if above is not None and _same_call(above, span) else None
    _fold_enclosed([tree.spans[key] for key, outer in stands.items() if outer is None], stands)
    return {key: _outermost(key, stands) for key in stands}


def _order(span: ToolSpan) -> tuple[object, ...]:
    named = (span.operation, span.tool_name or "", span.tool_call_id or "", span.executes, span.parent_span_id or 0)
    return (span.start_ns, -span.end_ns, span.span_id % _U64, span.trace_id, *named)


def _above(span: ToolSpan, tree: Ancestry[ToolSpan], nearest: dict[Key, ToolSpan | None]) -> ToolSpan | None:
    parent = tree.parent.get(span.key)
    return None if parent is None else nearest[parent]


def _same_call(outer: ToolSpan, inner: ToolSpan) -> bool:
    if outer.tool_call_id is not None and inner.tool_call_id is not None:
        return outer.tool_call_id == inner.tool_call_id
    return outer.tool_name == inner.tool_name


def _fold_enclosed(spans: list[ToolSpan], stands: dict[Key, Key | None]) -> None:
    """Siblings of one call id: a span inside the interval of another one is the same execution."""
    calls: dict[tuple[bytes, str, str | None], list[ToolSpan]] = {}
    for span in spans:
        if span.tool_call_id is not None:
            calls.setdefault((span.trace_id, span.tool_call_id, span.tool_name), []).append(span)
    for reported in calls.values():
        if len(reported) == 1:
            continue
        outer: ToolSpan | None = None
        for span in sorted(reported, key=_order):
            if outer is not None and span.end_ns <= outer.end_ns:
                stands[span.key] = outer.key
            else:
                outer = span


def _outermost(key: Key, stands: dict[Key, Key | None]) -> Key | None:
    """Follow mirrors of mirrors to the one that stands; None when `key` stands itself."""
    outer = stands[key]
    while outer is not None and stands[outer] is not None:
        outer = stands[outer]
    return outer
