"""Objectives, their status, alerts and the release gate over HTTP: what they say, and to whom."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse

from dashboard.api import slo_schemas
from tests.api.shop import Api
from tests.world import World, make_world
from tracestore import db
from tracestore.models import AuditEntry
from tracestore.models.alerts import Alert
from tracestore.models.slo import GateOverride, Objective

BODY = {"name": "fast", "service": "shop", "part_q": "duration:<2s", "total_q": "service:shop", "target": 0.999}


def send(api: Api, method: str, path: str, body: Any) -> HttpResponse:
    headers = {"Authorization": f"Bearer {api.key}"}
    return api.client.generic(method, f"/api/v1{path}", json.dumps(body), "application/json", headers=headers)


@pytest.fixture
def world(database: Any) -> World:
    made = make_world()
    assert made.ours.objective.pk != made.theirs.objective.pk, "they are made when they are asked for"
    return made


@pytest.fixture
def writer(world: World) -> Api:
    return Api(world.ours.keys["write"])


@pytest.fixture
def stranger(world: World) -> Api:
    return Api(world.theirs.keys["write"])


def test_an_objective_is_made_read_replaced_and_deleted(world: World, api: Api, writer: Api, stranger: Api) -> None:
    assert send(api, "POST", "/slos", BODY).status_code == 403
    made = send(writer, "POST", "/slos", BODY)
    assert made.status_code == 201, made.content
    slo = slo_schemas.Slo.model_validate(made.json())
    assert (slo.target, slo.period_days, slo.rules, slo.revision) == (0.999, 28, None, 1)
    path = f"/slos/{slo.id}"
    assert api.get(path).json() == {**made.json(), "warnings": []}
    listed = api.get("/slos", service="shop").json()
    assert [one["id"] for one in listed["items"]] == [slo.id]
    rule = {"name": "quick", "severity": "page", "long_s": 3600, "short_s": 300, "factor": 14.4}
    replaced = send(writer, "PUT", path, {**BODY, "target": 0.99, "rules": [rule], "title": "Fast answers"})
    assert replaced.status_code == 200, replaced.content
    assert (replaced.json()["target"], replaced.json()["title"], replaced.json()["revision"]) == (
        0.99,
        "Fast answers",
        1,
    )
    assert replaced.json()["rules"] == [{**rule, "pending_s": 0}]
    assert send(writer, "PUT", path, {**BODY, "part_q": "duration:<3s"}).json()["revision"] == 2
    for method in ("PUT", "DELETE"):
        assert send(stranger, method, path, BODY).status_code == 404
        assert send(api, method, path, BODY).status_code == 403
    for reading in (path, f"{path}/status"):
        assert stranger.get(reading).content == stranger.get("/slos/999").content
    assert writer.call("DELETE", path).status_code == 204
    assert api.get(path).status_code == writer.call("DELETE", path).status_code == 404
    actions = AuditEntry.objects.filter(action__startswith="objective.", target="fast").order_by("id")
    assert [entry.action.split(".")[1] for entry in actions] == ["create", "change", "change", "delete"]
    assert {entry.actor for entry in actions} == {f"key {world.ours.keys['write'][:11]}"}


def test_what_makes_no_sense_is_refused_with_what_to_do(world: World, writer: Api) -> None:
    for change, says in [
        ({"part_q": "nofield:x"}, "part_q: There is no field nofield"),
        ({"calendar_unit": "month"}, "calendar_first: Say on which day"),
        ({"calendar_unit": "month", "calendar_first": "soon"}, "calendar_first: must be a day"),
        ({"period_days": 7, "calendar_unit": "month", "calendar_first": "2026-01-01"}, "Choose either"),
        ({"name": world.ours.objective.name}, "There is an objective"),
        ({"notify": ["nobody"]}, "There is no channel nobody"),
        ({"target": 1}, "target: "),
        ({"target": 1e-12}, "target: "),
        ({"colour": "red"}, "colour: "),
        ({"name": "a\x00"}, "name: "),
        ({"rules": [{"name": "a", "severity": "page", "long_s": 3600, "short_s": 300, "factor": 5e3}]}, "never fire"),
    ]:
        answer = send(writer, "POST", "/slos", {**BODY, **change})
        assert (answer.status_code, says in answer.json()["detail"]) == (400, True), (change, answer.json())


def test_a_channel_of_another_project_is_no_channel(world: World, writer: Api) -> None:
    from tracestore.models.alerts import Channel

    Channel.objects.create(project=world.theirs.project, name="on call", kind="email", target="a@example.org")
    answer = send(writer, "POST", "/slos", {**BODY, "notify": ["on call"]})
    assert (answer.status_code, "There is no channel on call" in answer.json()["detail"]) == (400, True)


def test_lists_go_on_where_they_ended(world: World, api: Api, writer: Api) -> None:
    for number in range(3):
        assert send(writer, "POST", "/slos", {**BODY, "name": f"fast-{number}"}).status_code == 201
    first = api.get("/slos", limit=3).json()
    rest = api.get("/slos", limit=3, cursor=first["next_cursor"]).json()
    ids = [one["id"] for one in (*first["items"], *rest["items"])]
    assert len(set(ids)) == 4
    assert rest["next_cursor"] is None
    assert api.get("/alerts", cursor=first["next_cursor"]).status_code == 400


def evaluated(objective: Objective, remaining: float | None, at: datetime, state: str = "inactive") -> None:
    """What the evaluator leaves."""
    with db.WRITES.connection() as connection:
        connection.execute("DELETE FROM slo_state WHERE objective_id = %s", [objective.pk])
        connection.execute(
            "INSERT INTO slo_state (objective_id, project, revision, evaluated_s, bad, total, remaining, period_start_s,"
            " period_end_s) VALUES (%s, %s, 1, %s, 5, 1000, %s, 0, 2419200)",
            [objective.pk, objective.project_id, int(at.timestamp()), remaining],
        )
        connection.execute("DELETE FROM slo_rule_state WHERE objective_id = %s", [objective.pk])
        connection.execute(
            "INSERT INTO slo_rule_state (project, objective_id, rule, kind, severity, state, long_burn, short_burn, long_bad,"
            " long_total, short_bad, short_total, long_s, short_s, factor)"
            " VALUES (%s, %s, 'page-quick', 'burn', 'page', %s, 20.5, 31, 20, 100, 10, 30, 3600, 300, 14.4)",
            [objective.project_id, objective.pk, state],
        )


def test_the_status_is_that_of_the_last_evaluation(world: World, api: Api) -> None:
    objective, now = world.ours.objective, datetime.now(UTC).replace(microsecond=0)
    path = f"/slos/{objective.pk}/status"
    assert slo_schemas.SloStatus.model_validate(api.get(path).json()).evaluated_at is None
    evaluated(objective, 0.5, now, "firing")
    status = slo_schemas.SloStatus.model_validate(api.get(path).json())
    assert (status.remaining, status.bad, status.total, status.firing) == (0.5, 5, 1000, "page")
    (rule,) = status.rules
    assert (rule.name, rule.long_burn, rule.short_burn, rule.factor, rule.firing) == (
        "page-quick",
        20.5,
        31,
        14.4,
        True,
    )
    Objective.objects.filter(pk=objective.pk).update(enabled=False)
    assert slo_schemas.SloStatus.model_validate(api.get(path).json()).enabled is False


def test_alerts_are_those_of_the_project(world: World, api: Api, stranger: Api) -> None:
    answer = api.get("/alerts", state="firing", severity="page").json()
    (alert,) = [slo_schemas.Alert.model_validate(one) for one in answer["items"]]
    assert (alert.slo, alert.title, alert.state) == (world.ours.objective.name, "alert CANARY-ours", "firing")
    assert api.get("/alerts", severity="ticket").json()["items"] == []
    assert world.ours.canary in api.get("/slos").content.decode()
    for path in ("/slos", "/alerts", "/release-gate/overrides"):
        assert world.ours.canary not in stranger.get(path).content.decode()


def test_a_machine_acknowledges_and_says_what_became_of_the_action(
    world: World, api: Api, writer: Api, stranger: Api
) -> None:
    path, key = f"/alerts/{world.ours.alert.pk}", f"key {world.ours.keys['write'][:11]}"
    said = {"outcome": "worked", "text": "rolled back by the pipeline"}
    for change, body in (("acknowledge", {}), ("outcome", said)):
        assert send(api, "POST", f"{path}/{change}", body).status_code == 403
        foreign = send(stranger, "POST", f"{path}/{change}", body)
        assert (foreign.status_code, foreign.content) == (404, stranger.get("/alerts/x").content)
    taken = slo_schemas.Alert.model_validate(send(writer, "POST", f"{path}/acknowledge", {}).json())
    assert taken.acknowledged_by == key
    ended = slo_schemas.Alert.model_validate(send(writer, "POST", f"{path}/outcome", said).json())
    assert (ended.outcome, ended.outcome_by) == ("worked", key)
    assert api.get(path).json() == ended.model_dump()
    for wrong in ({"outcome": "proposed"}, {"outcome": "worked", "text": "x" * 301}, {}):
        assert send(writer, "POST", f"{path}/outcome", wrong).status_code == 400
    Alert.objects.filter(pk=world.ours.alert.pk).update(state="resolved")
    assert send(writer, "POST", f"{path}/acknowledge", {}).status_code == 400
    entries = AuditEntry.objects.filter(action__startswith="alert.").order_by("id")
    assert [(entry.action, entry.actor) for entry in entries] == [("alert.acknowledge", key), ("alert.outcome", key)]


def test_exclusions_are_read_those_that_wait_for_a_second_person_too(world: World, api: Api, stranger: Api) -> None:
    path = f"/slos/{world.ours.objective.pk}/exclusions"
    told = [slo_schemas.Exclusion.model_validate(one) for one in api.get(path).json()["items"]]
    assert sorted(one.proposed for one in told) == [False, True]
    assert stranger.get(path).status_code == 404


def gate(api: Api, **query: Any) -> slo_schemas.Gate:
    return slo_schemas.Gate.model_validate(api.get("/release-gate", **query).json())


def test_the_gate_goes_by_budgets_and_pages(world: World, api: Api) -> None:
    objective, now = world.ours.objective, datetime.now(UTC)
    Objective.objects.filter(pk=objective.pk).update(service="shop")
    assert gate(api, service="elsewhere").decision == "warn"
    evaluated(objective, 0.9, now)
    frozen = gate(api, service="shop", version="v2")
    assert (frozen.decision, frozen.reasons[0]) == ("freeze", "A page fires: alert CANARY-ours.")
    Alert.objects.all().update(state="resolved")
    assert gate(api, service="shop").decision == "allow"
    evaluated(objective, 0.9, now, "firing")
    assert gate(api, service="shop").decision == "freeze", "although its alert was not among those that were read"
    evaluated(objective, 0.2, now)
    assert gate(api, service="shop").decision == "warn"
    evaluated(objective, -0.1, now)
    gone = gate(api, service="shop")
    assert (gone.decision, "a security fix" in gone.exceptions_allowed) == ("freeze", True)
    evaluated(objective, 0.9, now - timedelta(minutes=6))
    assert [gate(api, service="shop", caller=caller).decision for caller in ("automated", "human")] == [
        "freeze",
        "warn",
    ]
    assert api.get("/release-gate").status_code == 400


def test_an_override_is_answered_for_expires_and_is_audited(world: World, api: Api, writer: Api, stranger: Api) -> None:
    now = datetime.now(UTC)
    Objective.objects.filter(pk=world.ours.objective.pk).update(service="shop")
    evaluated(world.ours.objective, -0.1, now)
    body = {"service": "shop", "version": "v2", "reason": "stops the loss", "author": "Erin"}
    ahead = {**body, "expires_at": (now + timedelta(hours=2)).isoformat()}
    assert send(api, "POST", "/release-gate/overrides", ahead).status_code == 403
    for wrong in (now + timedelta(hours=25), now - timedelta(minutes=1)):
        refused = send(writer, "POST", "/release-gate/overrides", {**body, "expires_at": wrong.isoformat()})
        assert (refused.status_code, "expires_at" in refused.json()["detail"]) == (400, True)
    assert send(writer, "POST", "/release-gate/overrides", {**ahead, "reason": " "}).status_code == 400
    assert send(stranger, "POST", "/release-gate/overrides", ahead).status_code == 201
    assert gate(api, service="shop", version="v2").decision == "freeze"
    assert send(writer, "POST", "/release-gate/overrides", ahead).status_code == 201
    given = gate(api, service="shop", version="v2")
    assert (given.decision, given.override and given.override.author) == ("allow", "Erin")
    assert given.reasons[0].startswith("Erin answers for a release until")
    assert gate(api, service="shop", version="v3").decision == "freeze"
    (entry,) = AuditEntry.objects.filter(action="gate.override", project=world.ours.project)
    assert (entry.target, entry.detail["reason"], entry.detail["author"]) == ("shop v2", "stops the loss", "Erin")
    told = [slo_schemas.GateOverride.model_validate(one) for one in api.get("/release-gate/overrides").json()["items"]]
    assert [(one.service, one.version, one.author) for one in told] == [("shop", "v2", "Erin")]
    GateOverride.objects.all().update(created_at=now - timedelta(hours=2), expires_at=now - timedelta(seconds=1))
    assert gate(api, service="shop", version="v2").decision == "freeze"
