"""What a filter means, told naively in Python: the tests hold the SQL to it.

A row is a dict. Traces have "spans" (dicts), sessions have "traces"; logs may have "span". None = unknown.
"""

from collections.abc import Callable
from typing import Any

from tracestore.analysis.filters import And, Node, Not, Or, Term
from tracestore.analysis.words import holds as text_holds
from tracestore.analysis.words import wanted

Row = dict[str, Any]
Ask = Callable[[Row, Term], bool]
_COMPARE = {
    ">": int.__gt__,
    ">=": int.__ge__,
    "<": int.__lt__,
    "<=": int.__le__,
    "=": int.__eq__,
}


def holds(node: Node, row: Row, ask: Ask) -> bool:
    if isinstance(node, Term):
        return ask(row, node)
    if isinstance(node, Not):
        return not holds(node.child, row, ask)
    if isinstance(node, And):
        return all(holds(child, row, ask) for child in node.children)
    assert isinstance(node, Or)
    return any(holds(child, row, ask) for child in node.children)


def is_text(value: str | None, term: Term) -> bool:
    if value is None:
        return False
    return {"any": True, "prefix": value.startswith(str(term.value)), "=": value == term.value}[term.op]


def is_number(value: int | None, term: Term) -> bool:
    if value is None:
        return False
    return term.op == "any" or _COMPARE[term.op](value, int(term.value))


def tokens(row: Row) -> int | None:
    known = [row[name] for name in ("input_tokens", "output_tokens") if row[name] is not None]
    return sum(known) if known else None


def is_version(own: list[str | None], sets: list[str | None], term: Term) -> bool:
    if any(is_text(value, term) for value in own):
        return True
    prefix = str(term.value).replace("-", "").lower()
    is_hex = 6 <= len(prefix) <= 32 and all(c in "0123456789abcdef" for c in prefix)
    return term.op != "any" and is_hex and any(one is not None and one.startswith(prefix) for one in sets)


def is_attr(attrs: Row, term: Term) -> bool:
    value = attrs.get(str(term.key))
    if value is None:
        return False
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    if term.op != "=":
        return is_text(shown, term)
    return shown == term.value


_SPAN_COLUMNS = {
    "service": "service",
    "environment": "environment",
    "operation": "operation",
    "provider": "provider",
    "tool": "tool_name",
    "agent": "agent_name",
    "session": "session_id",
    "user": "user_id",
    "tenant": "tenant_id",
    "name": "name",
    "error": "error_type",
    "prompt": "prompt_name",
}


def ask_span(span: Row, term: Term) -> bool:
    if term.field in _SPAN_COLUMNS:
        return is_text(span[_SPAN_COLUMNS[term.field]], term)
    if term.field == "model":
        return is_text(span["response_model"] or span["request_model"], term)
    if term.field == "version":
        return is_version([span["service_version"]], [span["set"]], term)
    if term.field == "attr":
        return is_attr(span["trace_attrs"], term)
    if term.field == "text":
        names = ("name", "session_id", "user_id", "tenant_id", "error_type", "status_message")
        return any(str(term.value) in (span[name] or "") for name in names)
    cost = span["cost_nanousd"] if span["cost_nanousd"] is not None else span["reported_cost_nanousd"]
    if term.field == "signal":
        return bool((span["signals"] or 0) & int(term.value))
    numbers = {
        "status": span["status"],
        "outcome": span["status"],
        "duration": max(0, span["end_ns"] - span["start_ns"]),
        "cost": cost,
    }
    return is_number({**numbers, "tokens": tokens(span)}[term.field], term)


def ask_trace(trace: Row, term: Term) -> bool:
    own = {"session": "session_id", "user": "user_id", "tenant": "tenant_id"}
    numbers = {"duration": "duration_ns", "cost": "cost_nanousd", "outcome": "status"}
    if term.field == "signal":
        return bool((trace["signals"] or 0) & int(term.value))
    if term.field in own:
        return is_text(trace[own[term.field]], term)
    if term.field in numbers:
        return is_number(trace[numbers[term.field]], term)
    if term.field == "tokens":
        return is_number(tokens(trace), term)
    if term.field == "attr":
        return is_attr(trace["attrs"], term)
    if term.field == "text":
        return any(text_holds(text, wanted(str(term.value), term.op == "prefix")) for text in trace_texts(trace))
    return any(ask_span(span, term) for span in trace["spans"])


_SPAN_TEXTS = ("name", "session_id", "user_id", "tenant_id", "error_type", "status_message")


def trace_texts(trace: Row) -> list[str]:
    """What free text is looked for in, of a trace whose spans have no payload."""
    own = [_shown(value) for value in trace["attrs"].values()]
    return own + [span[name] for span in trace["spans"] for name in _SPAN_TEXTS if span[name]]


def has_name(trace: Row, term: Term) -> bool:
    """Free text on sessions: as it is written, in names, ids and attributes of the trace or of a span."""
    own = [trace[name] or "" for name in ("name", "session_id", "user_id", "tenant_id")]
    own += [_shown(value) for value in trace["attrs"].values()]
    return any(str(term.value) in text for text in own) or any(ask_span(span, term) for span in trace["spans"])


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def ask_call(call: Row, term: Term) -> bool:
    """A call is its span, as llm_call has it."""
    return ask_span(call["span"], term)


def ask_session(session: Row, term: Term) -> bool:
    if term.field == "session":
        return is_text(session["session_id"], term)
    if term.field == "duration":
        return is_number(session["end_ns"] - session["start_ns"], term)
    if term.field == "cost":
        return is_number(session["cost_nanousd"], term)
    if term.field == "tokens":
        return is_number(tokens(session), term)
    ask = has_name if term.field == "text" else ask_trace
    return any(ask(trace, term) for trace in session["traces"])


def ask_log(log: Row, term: Term) -> bool:
    own = {"service": "service", "environment": "environment", "name": "event_name"}
    if term.field in own:
        return is_text(log[own[term.field]], term)
    if term.field == "status":
        severity = log["severity"]
        return int(term.value) == (0 if severity == 0 else 2 if severity >= 17 else 1)
    if term.field == "text":
        return any(str(term.value) in (log[name] or "") for name in ("body_text", "event_name", "severity_text"))
    return log["span"] is not None and ask_span(log["span"], term)
