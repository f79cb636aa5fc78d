"""What sums under a filter ought to be: each row of tests/store/oracle.py is asked for itself, and what passes is summed."""

import random
from types import SimpleNamespace as Row
from typing import Any

from tests.queries.filter_oracle import ask_trace, holds, is_number, is_text, is_version
from tests.store.oracle import Derived
from tests.store.oracle_sums import NS, sums_of
from tracestore.analysis.filters import Node, Term

SUMMED = [
    "service:shop", "service:m*", "service:*", "environment:prod", "environment:*", "version:v1", "version:v*", "version:*",
    "operation:tool", "operation:em*", "operation:nothing", "model:haiku", "model:gpt*", "model:*", "tool:search", "tool:b*",
    "tool:*", "tool:nothing",
]  # fmt: skip
OF_ROWS = [
    "status:error",
    "user:ann",
    "tenant:*",
    "duration:>60s",
    "cost:>0",
    "tokens:>4",
    "session:s1",
    "provider:openai",
]


def random_filter(r: random.Random, sets: list[str]) -> str:
    """Sometimes of terms that sums do not know."""
    known = SUMMED + [f"version:{r.choice(sets)[: r.choice([6, 8, 32])]}"] if sets else SUMMED
    known = known + OF_ROWS if r.random() < 0.2 else known
    terms = [r.choice(["", "", "-"]) + r.choice(known) for _ in range(r.randrange(1, 5))]
    return (
        r.choice(["{} {} {}", "{} OR {} {}", "-({} {}) {}", "({} OR {}) -{}", "{}"])
        .format(*(terms * 3)[:3])
        .replace("--", "")
    )


def find_sums(
    derived: Derived, table: str, start_ns: int, end_ns: int, by: str, step_s: int, filter: Node
) -> dict[tuple[int, Any], dict[str, Any]]:
    """(start of the step, value of one dimension) -> measures and histograms."""
    traces, calls, tools = derived
    rows, ask = {
        "request_rollup": (traces, _ask_request),
        "call_rollup": ([call for call in calls if call.billable], _ask_call),
        "tool_rollup": (tools, _ask_tool),
    }[table]
    groups: dict[tuple[int, Any], list[Row]] = {}
    for row in rows:
        if start_ns <= row.end_ns < end_ns and holds(filter, vars(row), ask):
            groups.setdefault((row.end_ns // NS // step_s * step_s, getattr(row, by)), []).append(row)
    return {key: sums_of(table, group) for key, group in groups.items()}


def _ask_request(trace: dict[str, Any], term: Term) -> bool:
    spans = [vars(span) | {"set": trace["sets"].get(span.service), "trace_attrs": {}} for span in trace["spans"]]
    return ask_trace(trace | {"spans": spans, "attrs": {}}, term)


_OWN = {
    "service": "service", "environment": "environment", "operation": "operation", "provider": "provider", "user": "user_id",
    "session": "session_id", "tenant": "tenant_id", "error": "error_type",
}  # fmt: skip


def _ask_row(row: dict[str, Any], term: Term, names: dict[str, str]) -> bool:
    if term.field == "version":
        return is_version([row["service_version"]], [row["version_set"]], term)
    if term.field in names:
        return is_text(row[names[term.field]], term)
    tokens = [row[name] for name in ("input_tokens", "output_tokens") if row[name] is not None]
    numbers = {
        "status": row["status"],
        "duration": max(0, row["end_ns"] - row["start_ns"]),
        "cost": row["cost_nanousd"],
        "tokens": sum(tokens) if tokens else None,
    }
    return is_number(numbers[term.field], term)


def _ask_call(call: dict[str, Any], term: Term) -> bool:
    """A call is no tool."""
    return term.field != "tool" and _ask_row(call, term, _OWN | {"model": "model"})


def _ask_tool(tool: dict[str, Any], term: Term) -> bool:
    """Its model is the one that asked for it."""
    return _ask_row(tool, term, _OWN | {"model": "asked_by", "tool": "tool_name"})
