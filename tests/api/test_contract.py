"""The JSON API keeps its contract: names, meanings, null for unknown, and answers that fit the published schema."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from dashboard.api import number_schemas, schemas
from tests.api.shop import FROM, TO, Api, Shop, make_shop
from tests.builders import NOW, NOW_NS, SECOND, span, store, trace_id
from tests.world import Tenant
from tracestore.jobs import search
from tracestore.queries.spans import hex_id

TRACE_FIELDS = set(
    """trace_id name start_time duration_ns span_count error_count llm_calls tool_calls tool_errors
    input_tokens output_tokens cache_read_tokens cost_usd session_id user_id services models environments versions
    complete""".split()
)
SPAN_FIELDS = set(
    """span_id parent_span_id name kind operation status status_message start_unix_nano end_unix_nano
    duration_ns service service_version environment provider request_model response_model input_tokens output_tokens
    cache_read_tokens cache_creation_tokens reasoning_tokens cost_usd cost_source billable duplicate_of ttft_ns
    finish_reasons tool_name tool_call_id agent_name session_id user_id tenant_id prompt_name prompt_version
    rag_index_version error_type version_set""".split()
)
DETAIL_FIELDS = set(
    """attributes resource scope events links input_messages output_messages system_instructions
    tool_arguments tool_result price_receipt""".split()
)
USAGE_FIELDS = set(
    """key traces spans error_spans llm_calls llm_errors input_tokens output_tokens cache_read_tokens
    cache_creation_tokens reasoning_tokens embedding_calls embedding_tokens cost_usd tool_calls tool_errors""".split()
)


def test_a_trace_in_the_list(api: Api, shop: Shop) -> None:
    answer = api.all("/traces")
    assert answer["next_cursor"] is None
    (trace,) = answer["items"]
    schemas.Trace.model_validate(trace)
    assert set(trace) >= TRACE_FIELDS
    assert trace["trace_id"] == trace_id(1)
    assert (trace["span_count"], trace["error_count"]) == (5, 1)
    assert (trace["llm_calls"], trace["tool_calls"], trace["tool_errors"]) == (2, 1, 0)
    assert (trace["input_tokens"], trace["output_tokens"], trace["cache_read_tokens"]) == (100, 20, 40)
    assert trace["cost_usd"] == "0.001234"
    assert trace["duration_ns"] == 3 * SECOND
    assert datetime.fromisoformat(trace["start_time"]) == datetime.fromtimestamp(NOW_NS // SECOND, UTC)
    assert (trace["session_id"], trace["user_id"]) == ("s 1", "u1")
    assert (trace["services"], trace["versions"], trace["environments"]) == (["shop"], ["v12"], ["prod"])
    assert trace["models"] == ["embed-3", "gpt-4o"]


def test_a_trace_with_its_spans_in_start_order(api: Api, shop: Shop) -> None:
    answer = api.get(f"/traces/{trace_id(1)}").json()
    schemas.TraceDetail.model_validate(answer)
    assert [one["span_id"] for one in answer["spans"]] == [hex_id(one.raw.span_id) for one in shop.spans]
    assert answer["trace"] == api.all("/traces")["items"][0]
    root, call, failed, *_ = answer["spans"]
    assert set(call) >= SPAN_FIELDS
    assert call["parent_span_id"] == root["span_id"]
    assert call["start_unix_nano"] == str(NOW_NS + SECOND // 2)
    assert (call["cost_usd"], call["cost_source"], call["billable"]) == ("0.001234", "computed", True)
    assert call["finish_reasons"] == ["stop", "length"]
    assert (failed["status"], failed["error_type"], failed["cost_usd"]) == ("error", "timeout", None)
    assert (root["billable"], root["input_tokens"]) == (None, None)
    assert len({one["version_set"] for one in answer["spans"]}) == 1
    assert root["version_set"] in answer["trace"]["version_sets"]
    assert not DETAIL_FIELDS & set(call), "payloads are of one span only"


def test_one_span_with_its_payload(api: Api, shop: Shop) -> None:
    answer = api.get(f"/traces/{trace_id(1)}/spans/{hex_id(shop.call.raw.span_id)}").json()
    schemas.SpanDetail.model_validate(answer)
    assert set(answer) >= SPAN_FIELDS | DETAIL_FIELDS
    assert answer["attributes"] == shop.call.raw.attributes
    assert answer["resource"]["attributes"] == {"service.name": "shop"}
    assert answer["scope"]["name"] == "tests"
    assert answer["input_messages"][0]["role"] == "user"


def test_attributes_keep_their_types(api: Api, ours: Tenant) -> None:
    sent = {"i": 2**62, "f": 1.5, "b": True, "s": "x", "l": [1, "a", None], "m": {"k": [False]}, "z": b"\xff"}
    one = span(attributes=sent)
    store(ours.project.pk, [one])
    found = api.get(f"/traces/{trace_id(1)}/spans/{hex_id(one.raw.span_id)}").json()["attributes"]
    assert found == sent | {"z": "/w=="}


def test_usage_counts_calls_tokens_and_tools(api: Api, shop: Shop) -> None:
    (row,) = api.all("/usage")["items"]
    assert set(row) >= USAGE_FIELDS
    number_schemas.Usage.model_validate(row)
    expected = {
        "key": None, "traces": 1, "spans": 5, "error_spans": 1, "llm_calls": 2, "llm_errors": 1, "input_tokens": 100,
        "output_tokens": 20, "cache_read_tokens": 40, "cache_creation_tokens": None, "reasoning_tokens": None,
        "embedding_calls": 1, "embedding_tokens": 8, "cost_usd": "0.001234", "tool_calls": 1, "tool_errors": 0,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("group_by", "keys"),
    [
        ("model", {"gpt-4o", "embed-3", None}),
        ("service", {"shop"}),
        ("user", {"u1"}),
        ("session", {"s 1"}),
        ("tenant", {"acme"}),
        ("version", {"v12"}),
        ("operation", {"agent", "chat", "embedding", "tool"}),
    ],
)
def test_usage_by_group_adds_up_to_the_whole(api: Api, shop: Shop, group_by: str, keys: set[str | None]) -> None:
    rows = api.all("/usage", group_by=group_by)["items"]
    (whole,) = api.all("/usage")["items"]
    assert {row["key"] for row in rows} == keys
    for name in ("spans", "error_spans", "llm_calls", "llm_errors", "embedding_calls", "tool_calls"):
        assert sum(row[name] for row in rows) == whole[name], name
    assert sum(row["input_tokens"] or 0 for row in rows) == whole["input_tokens"]
    assert [row["cost_usd"] for row in rows if row["cost_usd"]] == [whole["cost_usd"]]


def test_usage_by_version_set_points_to_the_set(api: Api, shop: Shop) -> None:
    (row,) = api.all("/usage", group_by="version_set")["items"]
    (version,) = api.all("/versions")["items"]
    number_schemas.VersionSetUse.model_validate(version)
    assert row["key"] == version["id"]
    assert (row["spans"], row["llm_calls"], row["traces"]) == (5, 2, 1)
    assert version["parts"] == {"model": ["gpt-4o"], "service_version": ["v12"]}
    assert api.get(f"/versions/{version['id']}").json()["service"] == "shop"
    diff = api.get("/versions/diff", a=version["id"], b=version["id"]).json()
    number_schemas.VersionDiff.model_validate(diff)
    assert all(not part["only_in_a"] and not part["only_in_b"] for part in diff["parts"])


def test_nothing_there_is_unknown_not_zero(api: Api) -> None:
    (row,) = api.all("/usage")["items"]
    assert (row["traces"], row["llm_calls"]) == (0, 0)
    assert (row["input_tokens"], row["cost_usd"]) == (None, None)
    assert api.all("/usage", group_by="model")["items"] == []


def test_usage_counts_what_ended_in_the_range(api: Api, shop: Shop) -> None:
    at = datetime.fromtimestamp((NOW_NS + 2 * SECOND) // SECOND, UTC).isoformat()
    before, after = (
        api.get("/usage", **edge).json()["items"][0] for edge in ({"from": FROM, "to": at}, {"from": at, "to": TO})
    )
    assert (before["llm_calls"], after["llm_calls"]) == (1, 1)
    assert (before["traces"], after["traces"]) == (0, 1)


def test_the_ledger_conserves(api: Api, ours: Tenant) -> None:
    one = span()
    store(ours.project.pk, [one, span()], rejected={})
    store(ours.project.pk, [one])
    answer = api.all("/ledger")
    assert set(answer) == {"traces", "logs", "metrics"}
    for row in answer.values():
        number_schemas.Ledger.model_validate(row)
        assert row["sent"] == row["accepted"] + row["deduplicated"] + sum(row["rejected"].values())
    assert (answer["traces"]["sent"], answer["traces"]["accepted"], answer["traces"]["deduplicated"]) == (3, 2, 1)


def test_a_trace_is_readable_before_it_is_settled(api: Api, ours: Tenant) -> None:
    made = make_shop()
    store(ours.project.pk, made.spans, settle=False)
    early = api.get(f"/traces/{trace_id(1)}").json()
    assert early["trace"]["settled"] is False
    store(ours.project.pk, [])
    late = api.get(f"/traces/{trace_id(1)}").json()
    assert late["trace"]["settled"] is True
    known_later = {"settled", "version_sets", "attributes"}
    for name in set(early["trace"]) - known_later:
        assert early["trace"][name] == late["trace"][name], name


def test_sessions_are_their_traces(api: Api, shop: Shop, ours: Tenant) -> None:
    store(ours.project.pk, make_shop(trace_id(2), at=10).spans, received_ns=NOW_NS + 20 * SECOND)
    (session,) = api.all("/sessions")["items"]
    schemas.Session.model_validate(session)
    assert (session["session_id"], session["trace_count"], session["llm_calls"]) == ("s 1", 2, 4)
    assert session["duration_ns"] == 13 * SECOND
    detail = api.get("/sessions/s%201").json()
    schemas.SessionDetail.model_validate(detail)
    assert [one["trace_id"] for one in detail["traces"]] == [trace_id(1), trace_id(2)]
    first = api.get("/sessions/s%201", limit=1).json()
    second = api.get("/sessions/s%201", limit=1, cursor=first["next_cursor"]).json()
    assert [one["trace_id"] for one in first["traces"] + second["traces"]] == [trace_id(1), trace_id(2)]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "sort", ["-start", "start", "-duration", "duration", "-cost", "cost", "-errors", "tokens", "-tokens"]
)
def test_pages_of_any_order_hold_every_trace_once(api: Api, ours: Tenant, sort: str) -> None:
    spans = []
    for number in range(1, 12):
        known: dict[str, Any] = {} if number % 3 == 0 else {"cost_nanousd": number % 4, "input_tokens": number % 5}
        spans.append(span(trace_id(number), at=number // 2, seconds=number % 3, status=number % 3, model="m", **known))
    store(ours.project.pk, spans)
    whole = [one["trace_id"] for one in api.all("/traces", sort=sort)["items"]]
    assert sorted(whole) == [trace_id(number) for number in range(1, 12)]
    pages: list[str] = []
    query: dict[str, Any] = {}
    for _ in range(10):
        page = api.all("/traces", sort=sort, limit=2, **query)
        pages += [one["trace_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}
    assert pages == whole


def test_a_long_trace_comes_in_windows(api: Api, ours: Tenant) -> None:
    root = span(seconds=100)
    store(ours.project.pk, [root, *(span(parent=root, at=number) for number in range(25))])
    seen: list[str] = []
    query: dict[str, Any] = {}
    for _ in range(5):
        page = api.get(f"/traces/{trace_id(1)}", spans_limit=10, **query).json()
        assert page["spans_total"] == 26
        seen += [one["span_id"] for one in page["spans"]]
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}
    assert len(seen) == len(set(seen)) == 26


def test_equal_starts_show_parents_first_and_orphans_are_marked(api: Api, ours: Tenant) -> None:
    child, parent = span(parent=10**6), span(parent=999, span_id=10**6)
    store(ours.project.pk, [child, parent])
    answer = api.get(f"/traces/{trace_id(1)}").json()
    assert [(one["span_id"], one["orphan"], one["depth"]) for one in answer["spans"]] == [
        (hex_id(10**6), True, 0),
        (hex_id(child.raw.span_id), False, 1),
    ]
    assert answer["missing_parents"] == [hex_id(999)]
    assert answer["trace"]["complete"] is False


def test_a_record_stored_under_two_days_is_one_span(api: Api, ours: Tenant) -> None:
    """Its start moved across midnight; the larger in merge order (end first) is the span."""
    early = span(name="early", at=-86_400, seconds=1)
    moved = msgspec.structs.replace(early.raw, name="late", start_ns=NOW_NS, end_ns=NOW_NS + SECOND)
    store(ours.project.pk, [early])
    store(ours.project.pk, [msgspec.structs.replace(early, raw=moved)])
    answer = api.get(f"/traces/{trace_id(1)}").json()
    assert [one["name"] for one in answer["spans"]] == ["late"]
    assert answer["trace"]["span_count"] == 1
    assert api.get(f"/traces/{trace_id(1)}/spans/{hex_id(early.raw.span_id)}").json()["name"] == "late"


def test_the_filter_language_over_http(api: Api, shop: Shop) -> None:
    search.refill(NOW)
    for q in (
        "service:shop",
        "model:gpt-4*",
        "attr.plan:gold",
        "attr.n:7",
        "tool:search status:error",
        '"took too"',
        "cost:>0.001",
    ):
        assert len(api.all("/traces", q=q)["items"]) == 1, q
    for q in ("-service:shop", "model:claude*", "attr.plan:silver", "duration:>4s", "-status:error"):
        assert api.all("/traces", q=q)["items"] == [], q
