"""GET /lines: the shape of the contract, money as text, comparisons, splits, CSV, and clear refusals."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from dashboard.api import line_answers, line_schemas
from tests.api.shop import Api, Shop, make_shop
from tests.builders import NOW, NOW_NS, SECOND, store, trace_id
from tests.world import Tenant
from tracestore.analysis.cost_parts import CostParts
from tracestore.analysis.hourly import Anomaly
from tracestore.analysis.lines import MEMBERS
from tracestore.queries.anomalies import Anomalies, Explained

DAY = timedelta(days=1)
WHEN = {"from_": (NOW - DAY).isoformat(), "to": (NOW + timedelta(hours=1)).isoformat()}


def ask(api: Api, **query: Any) -> Any:
    answer = api.get("/lines", **(WHEN | query))
    assert answer.status_code == 200, answer.content
    line_schemas.Lines.model_validate(answer.json())
    return answer.json()


def test_four_lines_and_the_signals(api: Api, shop: Shop) -> None:
    found = ask(api, step="1h")
    assert list(found)[:5] == ["quality", "latency", "cost", "risk", "signals"]
    assert {name for line in list(found)[:5] for name in found[line]} == set(MEMBERS)
    assert found["step_s"] == 3_600
    rate = found["quality"]["success_rate"]
    assert (rate["name"], rate["unit"], rate["value"], rate["n"], rate["hits"]) == ("success_rate", "ratio", 1, 1, 1)
    assert rate["low"] == pytest.approx(0.2065, abs=1e-4)
    assert [point[1:] for point in rate["points"] if point[2]] == [[1, 1]]
    assert len(rate["points"]) == len(rate["intervals"]) == 25
    assert found["signals"]["error_rate"]["formula"] == "requests that failed / requests"
    assert found["compared_with"] is None


def test_money_is_text_and_unknown_is_null(api: Api, shop: Shop) -> None:
    cost = ask(api)["cost"]
    assert (cost["cost_total"]["unit"], cost["cost_total"]["value"]) == ("usd", "0.001234")
    assert cost["cost_per_request"]["value"] == "0.001234"
    assert (cost["reasoning_tokens"]["value"], cost["reasoning_tokens"]["n"]) == (None, 0)
    assert cost["input_tokens"]["value"] == 100


def test_a_century_is_told_in_at_most_2000_steps(api: Api, shop: Shop) -> None:
    found = ask(api, from_="2000-01-01T00:00:00Z", to="2100-01-01T00:00:00Z", members="requests")
    assert found["step_s"] % 86_400 == 0
    assert len(found["signals"]["requests"]["points"]) <= 2_001


def test_a_filter_of_nothing_leaves_gaps_and_counts_of_0(api: Api, shop: Shop) -> None:
    found = ask(api, from_=(NOW + timedelta(minutes=30)).isoformat())
    assert found["quality"]["success_rate"]["value"] is None


def test_a_member_that_cannot_be_asked_under_the_filter_says_why_and_the_others_answer(api: Api, shop: Shop) -> None:
    found = ask(api, from_=(NOW - 20 * DAY).isoformat(), q="-provider:nobody")
    rate, calls = found["quality"]["success_rate"], found["latency"]["model_latency_p95"]
    assert (rate["value"], rate["n"], {point[1] for point in rate["points"]}) == (None, 0, {None})
    assert "provider: cannot be answered from sums: choose at most 7 days" in rate["unanswered"]
    assert (calls["unanswered"], calls["n"]) == (None, 2)
    assert "metrics" in found["signals"]["saturation"]["unanswered"]
    assert found["signals"]["requests"]["value"] is None, "and not 0"
    assert found["undecided"] == {}
    assert ask(api, q="-provider:nobody")["quality"]["success_rate"]["unanswered"] is None, "a day is read from rows"


def test_anomalies_are_told_on_request(api: Api, shop: Shop) -> None:
    assert ask(api)["anomalies"] is None
    assert ask(api, anomalies="true", q="user:u1")["anomalies"] is None, "sums do not know users"
    found = ask(api, anomalies="true", members="requests")
    assert (found["anomalies"], set(found["learning"])) == (
        [],
        {"cost_per_hour", "traffic", "latency_p95", "error_rate"},
    )


def test_an_anomaly_in_json_fits_its_schema() -> None:
    one = Anomaly("cost_per_hour", 5 * 24 + 14, 3.1e9, 5, 1.1e9, 1e9, 1.1, 6, 7.0, 4.0)
    parts = CostParts(2e9, 1e9, 5e8, 0.0, 5e8)
    body = line_answers.anomalies(Anomalies([Explained(one, parts, (("shop / m", 2e9),))], []))
    (told,) = body["anomalies"]
    line_schemas.Anomaly.model_validate(told)
    assert (told["value"], told["parts_usd"]["mix"], told["dearer"]) == ("3.1", "0.5", [["shop / m", "2"]])
    assert told["time"] == "1970-01-06T14:00:00.000000Z"


def test_compared_with_the_week_before(api: Api, ours: Tenant, shop: Shop) -> None:
    earlier = make_shop(trace_id(9), at=-7 * 86_400)
    store(ours.project.pk, earlier.spans, received_ns=NOW_NS + 6 * SECOND)
    found = ask(api, compare="week", members="requests,success_rate")
    assert found["compared_with"]["words"] == "the week before"
    told = found["signals"]["requests"]["compare"]
    assert (told["before"]["value"], told["change"]["value"], told["change"]["relative"]) == (1, 0, 0)
    assert len(told["points"]) == len(found["signals"]["requests"]["points"])
    change = found["quality"]["success_rate"]["compare"]["change"]
    assert change["distinguishable"] is False
    assert change["low"] < 0 < change["high"]


def test_split_by_version_beside_the_whole(api: Api, ours: Tenant, shop: Shop) -> None:
    store(ours.project.pk, make_shop(trace_id(9), at=-60, service_version="v13").spans, received_ns=NOW_NS + 6 * SECOND)
    found = ask(api, split="version", members="requests,tool_success_rate")
    requests = found["signals"]["requests"]
    assert requests["value"] == 2
    assert [(one["key"], one["value"]) for one in requests["split"]] == [("v12", 1), ("v13", 1)]
    assert ask(api, split="tool", members="requests")["signals"]["requests"]["split"] == [], "a request has no tool"


def test_csv_has_a_row_for_each_point(api: Api, ours: Tenant) -> None:
    odd = make_shop(trace_id(9), service_version="=cmd|' /C calc'!A0")
    store(ours.project.pk, odd.spans, received_ns=NOW_NS + 6 * SECOND)
    answer = api.get("/lines", **WHEN, format="csv", step="1h", members="requests", split="version")
    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert len(rows) == 2 * 25
    assert {row["member"] for row in rows} == {"requests"}
    assert [row["value"] for row in rows if row["n"] == "1"] == ["1", "1"]
    assert {row["key"] for row in rows} == {"", "'=cmd|' /C calc'!A0"}, "no formula for a spreadsheet"


REFUSED = [
    ({"step": "90s"}, "whole minutes"),
    ({"step": "x"}, "step"),
    ({"step": "60", "from_": "2026-01-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}, "more than 2000 steps"),
    ({"members": "succes_rate"}, "there is no succes_rate"),
    ({"split": "user"}, "split"),
    ({"compare": "yesterday"}, "compare: must be previous"),
    ({"compare": "2026-02-02T00:00:00Z/2026-02-01T00:00:00Z"}, "before the second"),
    ({"compare": "2020-01-01T00:00:00Z/2026-01-01T00:00:00Z"}, "more than 2000 steps"),
    ({"compare": "version:"}, "q:"),
    ({"q": "user:u1", "from_": (NOW - 20 * DAY).isoformat(), "anomalies": "true"}, "at most 7 days"),
    ({"compare": "version:a tool:b"}, "one of it"),
    ({"q": "service:("}, "q:"),
    ({"format": "xml"}, "format"),
]


def test_what_cannot_be_read_is_refused_with_what_to_write(api: Api, ours: Tenant) -> None:
    for query, said in REFUSED:
        answer = api.get("/lines", **(WHEN | query))
        assert (answer.status_code, said in answer.json()["detail"]) == (400, True), (query, answer.json())


def test_charlie_sees_nothing_of_it(world: Any, shop: Shop) -> None:
    found = ask(Api(world.theirs.keys["read"]))
    assert found["signals"]["requests"]["value"] is None
    assert Api("").get("/lines").status_code == 401
