"""What everything derived ought to be, told naively from the stored spans: no clever walk, every pair of spans is compared.

Written from docs and the design, not from the code it checks. It knows the cases that the histories of test_rollups.py
make; tests/analysis has the odd ones. A row is a plain object of the columns that tables and rollups have.
"""

import re
from collections.abc import Iterable
from itertools import combinations
from types import SimpleNamespace as Row
from typing import Any

from tests.store import oracle_signals
from tracestore import db
from tracestore.analysis.versions import set_id

CANDIDATES = {"chat", "completion", "embedding", "rerank"}
WRAPPERS = {"agent", "workflow", "task"}
DAY_NS = 86_400 * 10**9
Derived = tuple[list[Row], list[Row], list[Row]]


def derive(project: int) -> Derived:
    """(traces, calls, tool calls) of a project."""
    spans = _stored(project)
    by_key = {(s.trace_id, s.span_id): s for s in spans}
    for span in spans:
        parent = by_key.get((span.trace_id, span.parent_span_id))
        span.parent = None if parent is span else parent
    for span in spans:
        span.above = list(_above(span))
    for span in spans:
        span.below = [other for other in spans if span in other.above]
    for span in spans:
        span.who = {name: _inherited(span, name) for name in ("session_id", "user_id", "tenant_id", "environment")}
    groups = _twin_groups(spans)
    calls = [call for group in groups for call in _calls(group)] + [_wrapper(s) for s in spans if _counts_usage(s)]
    members: dict[Any, list[Row]] = {}
    for span in spans:
        members.setdefault(span.trace_id, []).append(span)
    sets = {trace: _sets(project, own) for trace, own in members.items()}
    tools = [_tool(span) for span in spans if _executes(span)]
    _ask(tools, spans)
    oracle_signals.judge_tools([(tool, tool.span, _inside(tool.span)) for tool in tools])
    for row in [*calls, *tools]:
        row.version_set = sets[row.trace_id].get(row.service)
    return [_trace(own, calls, tools, sets[trace]) for trace, own in members.items()], calls, tools


def _stored(project: int) -> list[Row]:
    with db.JOBS.connection() as connection:
        cursor = connection.execute("SELECT * FROM span WHERE project = %s", [project])
        names = [column.name for column in cursor.description or ()]
        records = [Row(**dict(zip(names, row, strict=True))) for row in cursor]
    best: dict[Any, Row] = {}
    for record in sorted(records, key=lambda r: (r.end_ns, r.attribute_count, r.record_hash)):
        best[record.trace_id, record.span_id] = record
    spans = sorted(best.values(), key=lambda s: (s.start_ns, s.span_id % 2**64))
    for span in spans:
        late = span.end_ns > span.received_ns + 600 * 10**9 or span.end_ns < span.start_ns - DAY_NS
        span.ended = span.received_ns if late else span.end_ns
        span.model = span.response_model or span.request_model
        span.cost = span.reported_cost_nanousd if span.cost_nanousd is None else span.cost_nanousd
        span.usage = span.input_tokens is not None or span.output_tokens is not None
        oracle_signals.read(span)
    return spans


def _above(span: Row) -> Iterable[Row]:
    while span.parent is not None:
        span = span.parent
        yield span


def _inherited(span: Row, name: str) -> Any:
    return next((value for one in [span, *span.above] if (value := getattr(one, name))), None)


def _twins(one: Row, other: Row) -> bool:
    overlap = one.start_ns <= other.end_ns and other.start_ns <= one.end_ns
    if one.response_id and one.response_id == other.response_id and overlap:
        return True
    for outer, inner in ((one, other), (other, one)):
        if outer in inner.above and outer.model == inner.model:
            tokens = [(span.input_tokens, span.output_tokens) for span in (outer, inner)]
            if inner.usage and outer.usage and tokens[0] == tokens[1]:
                return True
            if not inner.usage and outer.usage and inner.status != 2:
                return True
    return False


def _twin_groups(spans: list[Row]) -> list[list[Row]]:
    groups = [[span] for span in spans if span.operation in CANDIDATES]
    joined = True
    while joined:
        joined = False
        for one, other in combinations(groups, 2):
            if any(_twins(a, b) for a in one for b in other):
                groups = [group for group in groups if group is not one and group is not other] + [one + other]
                joined = True
                break
    return groups


def _calls(group: list[Row]) -> list[Row]:
    def rank(span: Row) -> Any:
        inner = any(one.operation in CANDIDATES for one in span.below)
        return (not span.usage, inner, span.span_id % 2**64, span.trace_id)

    first = min(group, key=rank)
    rest = sorted((s for s in group if s is not first), key=lambda s: (s.trace_id.bytes, s.span_id))
    rows = [_row(span, call=True, billable=span is first) for span in group]
    billable = next(row for row in rows if row.billable)
    billable.words = oracle_signals.together([first, *rest])
    tiers = (span.own_tier for span in [first, *rest])
    billable.signals = oracle_signals.bits_of(billable.words, oracle_signals.first(tiers))
    shared = "cache_read_tokens cache_creation_tokens reasoning_tokens ttft_ns queue_ns prompt_name prompt_version"
    for name in shared.split():
        known = (getattr(span, name) for span in [first, *rest])
        setattr(billable, name, next((value for value in known if value is not None), None))
    for name in ("session_id", "user_id", "tenant_id", "environment"):
        setattr(billable, name, next((s.who[name] for s in [first, *rest] if s.who[name]), None))
    return rows


def _row(span: Row, **more: Any) -> Row:
    same = (
        "trace_id span_id operation status error_type provider model service service_version retry_count start_ns day"
        " prompt_name prompt_version"
    )
    same += " input_tokens output_tokens cache_read_tokens cache_creation_tokens reasoning_tokens ttft_ns queue_ns"
    row = Row(**{name: getattr(span, name) for name in same.split()}, **span.who, **more)
    row.end_ns, row.cost_nanousd, row.span, row.words = span.ended, span.cost, span, span.words
    row.signals = oracle_signals.bits_of(row.words, span.own_tier)
    return row


def _counts_usage(span: Row) -> bool:
    below = [one for one in span.below if one.operation in CANDIDATES or (one.operation in WRAPPERS and one.usage)]
    return span.operation in WRAPPERS and span.usage and not below


def _wrapper(span: Row) -> Row:
    return _row(span, call=False, billable=True)


def _executes(span: Row) -> bool:
    return span.operation == "tool" and not _mirrors(span)


def _mirrors(span: Row) -> bool:
    """Whether the tool span next above, without an agent or a call between, is the same execution."""
    for outer in span.above:
        if outer.operation in ("agent", "chat", "completion"):
            return False
        if outer.operation == "tool":
            return bool(outer.tool_name == span.tool_name)
    return False


def _tool(span: Row) -> Row:
    row = _row(span)
    row.tool_name = span.tool_name or span.name
    inside = _inside(span)
    last = max(inside, key=lambda one: (one.end_ns, one.start_ns, one.span_id % 2**64), default=None)
    if last is not None and last.status == 2 and row.status != 2:
        row.status, row.error_type = 2, last.error_type
    return row


def _inside(span: Row) -> list[Row]:
    """Other reports of the same execution, in reading order."""
    below = [one for one in span.below if one.operation == "tool" and _mirrors(one)]
    return sorted(below, key=lambda one: (one.start_ns, one.span_id % 2**64))


def _ask(tools: list[Row], spans: list[Row]) -> None:
    """The model of the call that started last before a tool, in its trace."""
    order = {id(span): place for place, span in enumerate(spans)}
    for tool in tools:
        own = next(s for s in spans if (s.trace_id, s.span_id) == (tool.trace_id, tool.span_id))
        calls = [s for s in spans if s.trace_id == tool.trace_id and s.operation in ("chat", "completion") and s.model]
        earlier = [s for s in calls if order[id(s)] < order[id(own)]]
        tool.asked_by = earlier[-1].model if earlier else None


def _sets(project: int, spans: list[Row]) -> dict[str, str]:
    """Service -> hex id of what its spans know together."""
    with db.JOBS.connection() as connection:
        rows = connection.execute("SELECT id, parts FROM version_part WHERE project = %s", [project]).fetchall()
    known = dict(rows)
    found: dict[str, dict[str, set[str]]] = {}
    for span in spans:
        for name, value in known.get(span.version_part_id, {}).items():
            found.setdefault(span.service, {}).setdefault(name, set()).add(value)
    return {
        service: set_id(service, {name: tuple(sorted(values)) for name, values in sorted(parts.items())}).hex
        for service, parts in found.items()
    }


def known_sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _trace(spans: list[Row], calls: list[Row], tools: list[Row], sets: dict[str, str]) -> Row:
    roots = [span for span in spans if span.parent_span_id is None]
    root = roots[0] if roots else spans[0]
    trace = Row(trace_id=root.trace_id, spans=spans, sets=sets, service=root.service, operation=root.operation)
    trace.service_version, trace.version_set = root.service_version, sets.get(root.service)
    trace.other_sets = None if [*sets.values()] == [trace.version_set] else ",".join(sorted(sets.values()))
    trace.environment = root.environment
    _add_known(trace)
    trace.start_ns, trace.end_ns = min(s.start_ns for s in spans), max(s.ended for s in spans)
    trace.end_ns = max(trace.start_ns, trace.end_ns)
    trace.duration_ns = trace.end_ns - trace.start_ns
    trace.span_count, trace.error_count = len(spans), sum(s.status == 2 for s in spans)
    trace.status = root.status if roots else 2 if trace.error_count else 0
    for name in ("session_id", "user_id", "tenant_id"):
        found = (s.who[name] if name == "session_id" else getattr(s, name) for s in spans)
        setattr(trace, name, root.who[name] or next(filter(None, found), None))
    own = [call for call in calls if call.trace_id == trace.trace_id and call.billable]
    _count_calls(trace, own)
    oracle_signals.judge_request(trace, own, [tool for tool in tools if tool.trace_id == trace.trace_id])
    trace.queue_ns = _queue_ns(spans, own, calls, tools)
    trace.signals = oracle_signals.bits_of(trace.words)
    trace.tool_calls = sum(tool.trace_id == trace.trace_id for tool in tools)
    trace.tool_errors = sum(tool.trace_id == trace.trace_id and tool.status == 2 for tool in tools)
    return trace


def _add_known(trace: Row) -> None:
    """What its spans know together, as Postgres writes an array; None where the root knows as much alone."""
    for name, column in (("services", "service"), ("environments", "environment"), ("versions", "service_version")):
        known = {getattr(span, column) for span in trace.spans} - {None}
        alone = {getattr(trace, column)} - {None}
        setattr(trace, f"other_{name}", None if known == alone else written(known))
    for name, column in (("models", "model"), ("operations", "operation"), ("tools", "tool_name")):
        setattr(trace, f"all_{name}", written({getattr(span, column) for span in trace.spans} - {None}))


def written(texts: set[str]) -> str:
    """As Postgres writes an array of texts."""
    quoted = (text if re.fullmatch(r"[\w.:/@+-]+", text) else f'"{text}"' for text in sorted(texts))
    return "{" + ",".join(quoted) + "}"


def _count_calls(trace: Row, billable: list[Row]) -> None:
    for name, value in call_sums(billable).items():
        setattr(trace, name, value)
    chats = sorted((c for c in billable if is_chat(c)), key=lambda c: (c.start_ns, c.span_id % 2**64))
    trace.ttft_ns = next((call.ttft_ns for call in chats if call.ttft_ns is not None), None)


def _queue_ns(spans: list[Row], billable: list[Row], calls: list[Row], tools: list[Row]) -> int | None:
    """Each call and each execution once, and every other span."""
    counted = [*billable, *(tool for tool in tools if tool.trace_id == spans[0].trace_id)]
    apart = {id(row.span) for row in (*calls, *tools)}
    others = [span for span in spans if id(span) not in apart and not (span.operation == "tool" and _mirrors(span))]
    return known_sum(row.queue_ns for row in (*counted, *others))


def is_chat(call: Row) -> bool:
    return call.call and call.operation in ("chat", "completion")


def call_sums(billable: list[Row]) -> dict[str, Any]:
    """What usage says of these billable calls."""
    counted = [call for call in billable if not call.call or is_chat(call)]
    embeddings = [call for call in billable if call.call and call.operation == "embedding"]
    tokens = "input_tokens output_tokens cache_read_tokens cache_creation_tokens reasoning_tokens".split()
    return {
        "llm_calls": sum(map(is_chat, billable)),
        "llm_errors": sum(is_chat(call) and call.status == 2 for call in billable),
        "embedding_calls": len(embeddings),
        "embedding_tokens": known_sum(call.input_tokens for call in embeddings),
        "cost_nanousd": known_sum(call.cost_nanousd for call in billable),
        "unpriced_calls": sum(map(_unpriced, billable)),
    } | {name: known_sum(getattr(call, name) for call in counted) for name in tokens}


def _unpriced(call: Row) -> bool:
    reported = call.input_tokens is not None or call.output_tokens is not None
    return bool(call.call and call.cost_nanousd is None and reported)
