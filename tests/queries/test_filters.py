"""The filter language on a real database: random filters over random rows, against a naive oracle; and hostile text."""

import functools
import operator
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from tests.conftest import Database
from tests.queries import filter_oracle as oracle
from tests.rows import NOW, NOW_NS, insert, span_row, trace_row
from tracestore import db
from tracestore.analysis.filters import FilterError, Node, parse
from tracestore.analysis.signals import POLICY_CHECKED, POLICY_VIOLATED, REFUSED
from tracestore.jobs import search
from tracestore.queries.filter_targets import LOG, SPAN, TRACE
from tracestore.queries.filters import condition
from tracestore.queries.row_targets import CALL
from tracestore.queries.sessions import find_sessions
from tracestore.queries.trace_list import find_traces

WORDS = ["shop", "shop-eu", "gpt-4o", "gpt-4o-mini", "it's", 'a"b', "50%", "a_b", "Sess 1", "x\\y", "ä", "true", "7"]
SETS = ["ab" * 16, "abcdef" + "12" * 13]
ATTR_KEYS = ["plan", "my.key", "a'b", "k:v", "flag"]
FIELDS = "service environment operation model provider tool agent session user tenant name error prompt".split()


@dataclass
class Rows:
    traces: list[dict[str, Any]]
    spans: list[dict[str, Any]]
    calls: list[dict[str, Any]]
    logs: list[dict[str, Any]]
    sessions: list[dict[str, Any]]


def _maybe(chance: random.Random, values: list[Any]) -> Any:
    return chance.choice([None, *values])


def _span(chance: random.Random, trace_id: str, attrs: dict[str, Any], set_id: str | None) -> dict[str, Any]:
    texts = ["environment", "provider", "request_model", "response_model", "tool_name", "agent_name", "session_id"]
    texts += ["user_id", "tenant_id", "error_type", "prompt_name", "status_message", "service_version"]
    fields: dict[str, Any] = {name: _maybe(chance, WORDS) for name in texts}
    numbers = ["input_tokens", "output_tokens", "cost_nanousd", "reported_cost_nanousd"]
    fields |= {name: _maybe(chance, [0, 1, 10, 10**9]) for name in numbers}
    fields |= {"name": chance.choice(WORDS), "service": "shop", "operation": chance.choice(["chat", "tool"])}
    row = span_row(
        trace_id, start_ns=NOW_NS + chance.randrange(3), duration_ns=chance.choice([-5, 0, 10**6, 2 * 10**9]), **fields
    )
    status = chance.choice([0, 1, 2])
    error = {"error_type": row["error_type"] if status == 2 else None}  # only what failed has a type of error
    bits = _maybe(chance, [POLICY_CHECKED, POLICY_CHECKED | POLICY_VIOLATED, REFUSED])
    return row | error | {"status": status, "signals": bits, "trace_attrs": attrs, "set": set_id}


def _known(spans: list[dict[str, Any]], *names: str) -> list[str]:
    """What settle collects: the first of the names that is known, of every span."""
    found = {next((span[name] for name in names if span[name] is not None), None) for span in spans}
    return sorted(found - {None})


def _trace(chance: random.Random, number: int) -> dict[str, Any]:
    trace_id = f"{number + 1:032x}"
    attrs = {key: chance.choice([*WORDS, True, False, 7, 1.5]) for key in ATTR_KEYS if chance.random() < 0.5}
    set_id = _maybe(chance, SETS)
    spans = [_span(chance, trace_id, attrs, set_id) for _ in range(chance.randrange(1, 4))]
    fields: dict[str, Any] = {name: _maybe(chance, WORDS) for name in ("session_id", "user_id", "tenant_id")}
    fields |= {name: _maybe(chance, [0, 5, 10**9]) for name in ("cost_nanousd", "input_tokens", "output_tokens")}
    row = trace_row(trace_id, start_ns=NOW_NS + number, duration_ns=chance.choice([0, 10**6, 3 * 10**9]), **fields)
    return row | {
        "name": chance.choice(WORDS),
        "attrs": attrs,
        "spans": spans,
        "services": _known(spans, "service"),
        "environments": _known(spans, "environment"),
        "versions": _known(spans, "service_version"),
        "version_sets": [set_id] if set_id else [],
        "operations": _known(spans, "operation"),
        "tools": _known(spans, "tool_name"),
        "models": _known(spans, "response_model", "request_model"),
        "error_count": sum(span["status"] == 2 for span in spans),
        "status": spans[0]["status"],
        "signals": functools.reduce(operator.or_, (span["signals"] or 0 for span in spans)) or None,
    }


def _call(span: dict[str, Any]) -> dict[str, Any]:
    same = ["day", "trace_id", "span_id", "start_ns", "end_ns", "operation", "status", "error_type", "provider"]
    same += ["input_tokens", "output_tokens", "service", "service_version", "environment", "session_id", "user_id"]
    same += ["tenant_id", "prompt_name", "project", "signals"]
    cost = span["cost_nanousd"] if span["cost_nanousd"] is not None else span["reported_cost_nanousd"]
    own = {"model": span["response_model"] or span["request_model"], "cost_nanousd": cost, "version_set": span["set"]}
    return {name: span[name] for name in same} | own | {"span": span, "call": True, "billable": True}


def _log(chance: random.Random, number: int, spans: list[dict[str, Any]]) -> dict[str, Any]:
    span = _maybe(chance, spans)
    texts = {name: _maybe(chance, WORDS) for name in ("event_name", "environment", "body_text", "severity_text")}
    ids = {"trace_id": span and span["trace_id"], "span_id": span and span["span_id"]}
    numbers = {"hash": f"{number:032x}", "time_ns": NOW_NS, "severity": chance.choice([0, 5, 16, 17, 24])}
    return {"project": 1, "service": chance.choice(WORDS), "span": span, **texts, **ids, **numbers}


def _session(session_id: str, traces: list[dict[str, Any]]) -> dict[str, Any]:
    def total(name: str) -> int | None:
        known = [trace[name] for trace in traces if trace[name] is not None]
        return sum(known) if known else None

    return {
        "session_id": session_id,
        "start_ns": min(trace["start_ns"] for trace in traces),
        "end_ns": max(trace["end_ns"] for trace in traces),
        "traces": traces,
        **{name: total(name) for name in ("cost_nanousd", "input_tokens", "output_tokens")},
    }


def make_rows(seed: int) -> Rows:
    chance = random.Random(seed)
    traces = [_trace(chance, number) for number in range(40)]
    spans = [span for trace in traces for span in trace["spans"]]
    names = sorted({trace["session_id"] for trace in traces if trace["session_id"]})
    return Rows(
        traces=traces,
        spans=spans,
        calls=[_call(span) for span in spans if span["operation"] == "chat"],
        logs=[_log(chance, number, spans) for number in range(40)],
        sessions=[_session(name, [trace for trace in traces if trace["session_id"] == name]) for name in names],
    )


def _without(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in names} for row in rows]


@pytest.fixture
def rows(database: Database) -> Iterator[Rows]:
    made = make_rows(7)
    insert("version_set", [{"project": 1, "id": set_id, "service": "shop"} for set_id in SETS])
    insert("span", _without(made.spans, "trace_attrs", "set"))
    insert("trace", _without(made.traces, "spans"))
    insert("llm_call", _without(made.calls, "span"))
    insert("log_record", _without(made.logs, "span"))
    search.refill(NOW)
    yield made


@dataclass
class Found:
    id: Any


def select(table: str, alias: str, key: str, tree: Node, target: Any) -> list[Any]:
    where, values = condition(tree, target)
    query = sql.SQL("SELECT {key} AS id FROM {table} AS {alias} WHERE project = 1 AND {where} ORDER BY 1").format(
        key=sql.Identifier(key), table=sql.Identifier(table), alias=sql.Identifier(alias), where=where
    )
    return [found.id for found in db.fetch(query, values, Found)]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_values = st.sampled_from(WORDS).map(quoted) | st.sampled_from(["*", "shop*", "gpt*", "a*", "zzz"])
_text_terms = st.builds("{}:{}".format, st.sampled_from(FIELDS), _values)
_attr_terms = st.builds("attr.{}:{}".format, st.sampled_from(ATTR_KEYS).map(quoted), _values | st.sampled_from(["1.5"]))
_versions = st.sampled_from(["version:ababab", "version:abcdef12*", "version:abc", "version:shop", "version:*"])
_numbers = st.sampled_from(
    "duration:>1ms duration:<=0s duration:3s cost:>0 cost:<=1 cost:* tokens:>1 tokens:0 tokens:* duration:*".split()
)
_status = st.sampled_from(
    "status:ok status:error status:unset outcome:ok outcome:error signal:policy_violated signal:refused".split()
)
_phrases = ['"shop eu"', '"sess 1"', '"x y"', '"y x"', '"sho"*', "GPT-4o", "it", "mini", '"gpt 4o"', '"sess 1"*']
_free = st.sampled_from([*map(quoted, WORDS), *_phrases, "gpt", "gpt*", "o-m", "%", "_", "\\", "1.5"])
_terms = st.one_of(_text_terms, _attr_terms, _versions, _numbers, _status, _free)
filters = st.recursive(
    _terms,
    lambda inner: st.one_of(
        st.builds("{} {}".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("-({})".format, inner),
    ),
    max_leaves=5,
)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(q=filters)
def test_sql_finds_what_the_oracle_finds(rows: Rows, q: str) -> None:
    try:
        tree = parse(q)
    except FilterError:
        return  # too deep
    assert tree is not None
    ids = [trace["trace_id"] for trace in rows.traces if oracle.holds(tree, trace, oracle.ask_trace)]
    page = find_traces(1, NOW_NS, NOW_NS + 100, now_ns=NOW_NS, filter=tree, sort="start", limit=100)
    assert [row.trace_id for row in page.items] == ids
    spans = sorted(span["span_id"] for span in rows.spans if oracle.holds(tree, span, oracle.ask_span))
    assert select("span", "s", "span_id", tree, SPAN) == spans
    calls = sorted(call["span_id"] for call in rows.calls if oracle.holds(tree, call, oracle.ask_call))
    assert select("llm_call", "c", "span_id", tree, CALL) == calls
    logs = sorted(UUID(log["hash"]) for log in rows.logs if oracle.holds(tree, log, oracle.ask_log))
    assert select("log_record", "l", "hash", tree, LOG) == logs
    sessions = {one["session_id"] for one in rows.sessions if oracle.holds(tree, one, oracle.ask_session)}
    assert {row.session_id for row in find_sessions(1, NOW_NS, NOW_NS + 100, filter=tree).items} == sessions


HOSTILE = [
    "' OR 1=1--",
    '"); DROP TABLE span; --"',
    "'; SELECT pg_sleep(9); --",
    "a:b:c",
    "(a+)+$",
    "attr.a'b:x",
    "attr.%(project)s:x",
    "attr.{}:{}",
    "name:%",
    "name:_",
    "%s %(q0)s {0} $1",
    'name:"%(project)s"',
    "attr.x:\\u0000",
    "model:'; --*",
    "version:''''''",
    "tokens:>9223372036854775807",
    "duration:>999999999999999d",
    "attr.n:1e400",
    "attr.n:123456789012345678901234567890",
    "x" * 2000,
    "attr." + "k" * 1500 + ":v",
    "-" * 5 + "a",
]


@pytest.mark.parametrize("q", HOSTILE)
def test_hostile_text_is_text_or_refused(rows: Rows, q: str) -> None:
    try:
        tree = parse(q)
    except FilterError:
        return
    assert tree is not None
    find_traces(1, NOW_NS, NOW_NS + 100, now_ns=NOW_NS, filter=tree)
    find_sessions(1, NOW_NS, NOW_NS + 100, filter=tree)
    for table, alias, key, target in (
        ("span", "s", "span_id", SPAN),
        ("llm_call", "c", "span_id", CALL),
        ("log_record", "l", "hash", LOG),
    ):
        select(table, alias, key, tree, target)


def test_wildcards_of_like_mean_themselves(rows: Rows) -> None:
    """`%` is in the word 50% only, `_` in a_b only."""
    percent = select("span", "s", "name", parse('name:"50%"'), SPAN)  # type: ignore[arg-type]
    assert set(percent) == {"50%"}
    assert select("span", "s", "name", parse("name:%"), SPAN) == []  # type: ignore[arg-type]


def test_the_text_of_a_statement_does_not_depend_on_what_the_user_wrote() -> None:
    """Values travel as parameters only."""
    one, _ = condition(parse("name:a attr.b:c d"), TRACE)
    other, _ = condition(parse("name:'-- attr.e'f:\"g h\" ';d--"), TRACE)
    assert one.as_string(None) == other.as_string(None)
