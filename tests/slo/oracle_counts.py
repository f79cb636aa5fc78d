"""What is to be counted for an objective, told naively: every event is asked for itself and put under its minute."""

from types import SimpleNamespace as Row
from typing import Any

from tests.queries.filter_oracle import ask_trace, holds, is_number, is_text, tokens
from tests.store import oracle, oracle_filters, oracle_scores
from tracestore.analysis.filters import Term, parse
from tracestore.queries.slo import ObjectiveRow

NS = 10**9
WEEK_NS = 7 * 86_400 * NS
Counts = dict[tuple[int, str], tuple[int, int]]  # (minute, version set) -> bad, total


def counts(objective: ObjectiveRow, derived: oracle.Derived, grain_s: int = 60) -> Counts:
    ask, events = EVENTS[objective.unit](objective.project_id, derived)
    total, part = parse(objective.total_q), parse(objective.part_q)
    found: Counts = {}
    for event in events:
        if total is not None and not holds(total, vars(event), ask):
            continue
        assert part is not None
        bad = holds(part, vars(event), ask) == (objective.part == "bad")
        key = event.end_ns // NS // grain_s * grain_s, event.version_set or ""
        was = found.get(key, (0, 0))
        found[key] = was[0] + bad, was[1] + 1
    return found


def _sessions(project: int, derived: oracle.Derived) -> tuple[Any, list[Row]]:
    """Requests of one session that no week without any lies between, at the end of the last."""
    by_session: dict[str, list[Row]] = {}
    for trace in derived[0]:
        if trace.session_id is not None:
            by_session.setdefault(trace.session_id, []).append(trace)
    events = []
    for traces in by_session.values():
        traces.sort(key=lambda trace: (trace.end_ns, trace.trace_id.bytes))
        for at, last in enumerate(traces):
            if any(other.end_ns <= last.end_ns + WEEK_NS for other in traces[at + 1 :]):
                continue
            events.append(_session([one for one in traces[: at + 1] if one.end_ns > last.end_ns - WEEK_NS], last))
    return _ask_session, events


def _session(traces: list[Row], last: Row) -> Row:
    costs = [one.cost_nanousd for one in traces if one.cost_nanousd is not None]
    return Row(
        traces=traces,
        session_id=last.session_id,
        end_ns=last.end_ns,
        version_set=last.version_set,
        duration_ns=last.end_ns - min(one.start_ns for one in traces),
        cost_nanousd=sum(costs) if costs else None,
        input_tokens=_known(traces, "input_tokens"),
        output_tokens=_known(traces, "output_tokens"),
    )


def _known(traces: list[Row], name: str) -> int | None:
    values = [value for one in traces if (value := getattr(one, name)) is not None]
    return sum(values) if values else None


def _ask_session(session: dict[str, Any], term: Term) -> bool:
    if term.field == "session":
        return is_text(session["session_id"], term)
    if term.field in ("duration", "cost"):
        return is_number(session[{"duration": "duration_ns", "cost": "cost_nanousd"}[term.field]], term)
    if term.field == "tokens":
        return is_number(tokens(session), term)
    return any(oracle_filters._ask_request(vars(trace), term) for trace in session["traces"])


def _ask_score(score: dict[str, Any], term: Term) -> bool:
    names = ("service", "environment", "operation", "model", "name")
    if term.field in names:
        return is_text(score[term.field], term)
    if term.field in ("status", "outcome"):
        return {0: score["passed"] is None, 1: score["passed"] is True, 2: score["passed"] is False}[int(term.value)]
    trace = score["trace"]
    return trace is not None and ask_trace(trace, term)


def _scores(project: int, derived: oracle.Derived) -> tuple[Any, list[Row]]:
    scores = oracle_scores.scores(project, derived)
    return _ask_score, [Row(**{**vars(one), "trace": None}) for one in scores]


EVENTS: dict[str, Any] = {
    "request": lambda _, derived: (oracle_filters._ask_request, derived[0]),
    "llm_call": lambda _, derived: (oracle_filters._ask_call, [one for one in derived[1] if one.call and one.billable]),
    "tool_call": lambda _, derived: (oracle_filters._ask_tool, derived[2]),
    "session": _sessions,
    "evaluation": _scores,
}
