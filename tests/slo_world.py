"""An objective with a history, put straight into the tables: counts by minute and version, an evaluation, an alert."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tests.rows import insert
from tracestore import db, slo_counts
from tracestore.analysis.slo.notice import AlertNotice, VersionBlame, Window
from tracestore.analysis.slo.rules import rules_for
from tracestore.models import Project
from tracestore.models.alerts import Alert, AlertEvent
from tracestore.models.slo import Objective

MINUTE_S = 60
DAY_S = 86_400
OLD, NEW = "a" * 32, "b" * 32  # version sets v11 and v12

Minute = tuple[int, str, int, int]  # start_s, version set, bad, total


def minute_of(now: datetime) -> int:
    return int(now.timestamp()) // MINUTE_S * MINUTE_S


def promise(project: Project, **fields: Any) -> Objective:
    """99 % of the requests of shop succeed, over 28 days, unless a test says otherwise."""
    told = {
        "name": "success",
        "title": "Requests succeed",
        "service": "shop",
        "unit": "request",
        "part_q": "-outcome:error",
    }
    told |= {"target": "0.99", "period_days": 28, "action": "rollback"}
    return Objective.objects.create(project=project, **told | fields)


def versions(project: Project, now: datetime) -> None:
    """v11 of shop for weeks, v12 since two hours."""
    seen = {OLD: ("v11", 27 * DAY_S, 0), NEW: ("v12", 7_200, 0)}
    rows = [
        {
            "project": project.pk,
            "id": set_id,
            "service": "shop",
            "service_version": version,
            "parts": {"service.version": [version]},
            "first_seen_ns": (minute_of(now) - since_s) * 10**9,
            "last_seen_ns": minute_of(now) * 10**9,
        }
        for set_id, (version, since_s, _) in seen.items()
    ]
    insert("version_set", rows)


def count(objective: Objective, minutes: Iterable[Minute]) -> None:
    """As if they had been counted, hours and days as well."""
    told = list(minutes)
    rows = [(objective.project_id, objective.pk, *one, []) for one in told]
    with db.connect(60_000) as mine, mine.transaction():
        cursor = mine.cursor()
        cursor.executemany(
            "INSERT INTO slo_count (project, objective_id, grain_s, start_s, version_set, bad, total, bad_traces)"
            " VALUES (%s, %s, 60, %s, %s, %s, %s, %s)",
            rows,
        )
        slo_counts.fold(mine, [objective.pk], {start_s for start_s, *_ in told})


def a_month(now: datetime, every_s: int = 1_800) -> list[Minute]:
    """A good month with a bad hour in it, then v12, which fails one request in five."""
    here = minute_of(now)
    past = range(here - 27 * DAY_S, here - 7_200, every_s)
    old = [
        (at, OLD, int(at // every_s % 4 == 0) + 8 * (here - 9 * DAY_S < at < here - 9 * DAY_S + 7_200), 60)
        for at in past
    ]
    new = [(at, NEW, 12, 60) for at in range(here - 7_200, here - MINUTE_S, 300)]
    beside = [(at, OLD, 0, 20) for at in range(here - 7_200, here - MINUTE_S, 300)]
    return [*old, *new, *beside]


def evaluated(objective: Objective, now: datetime, **fields: Any) -> None:
    """The rows that an evaluation leaves, the quickest rule firing."""
    state = {"objective_id": objective.pk, "project": objective.project_id, "revision": objective.revision}
    state |= {"counted_from_s": minute_of(now) - 28 * DAY_S, "history_done": True, "evaluated_s": minute_of(now)}
    insert("slo_state", [state | fields])
    insert(
        "slo_rule_state",
        [
            _rule(objective, one, number, now)
            for number, one in enumerate(rules_for(float(objective.target), 28 * DAY_S))
        ],
    )


def _rule(objective: Objective, rule: Any, number: int, now: datetime) -> dict[str, Any]:
    burn = (20.0, 8.0, 3.3, 0.9)[number]
    return {
        "project": objective.project_id, "objective_id": objective.pk, "rule": rule.name, "kind": "burn",
        "severity": rule.severity, "state": "firing" if burn > rule.factor else "inactive",
        "since": now - timedelta(minutes=20), "long_burn": burn,
        "short_burn": burn / 2 if number else 22.0, "long_bad": 144, "long_total": 720, "long_s": rule.long_s,
        "short_s": rule.short_s,
        "factor": rule.factor,
    }  # fmt: skip


BLAME = VersionBlame(
    verdict="version",
    reason="v12 was worse than v11 in the same minutes.",
    first_bad="v12",
    first_bad_set=NEW,
    last_good="v11",
    last_good_set=OLD,
    plausible=("v12",),
    before_bad=480,
    before_total=77_000,
    after_bad=276,
    after_total=1_380,
)


def notice(alert_id: str, objective: Objective, now: datetime, **fields: Any) -> AlertNotice:
    here = minute_of(now)
    told: dict[str, Any] = {
        "id": alert_id, "title": "Requests succeed: v12 burns 20 x", "severity": "page", "state": "firing",
        "objective": objective.name, "objective_title": objective.title, "promise": "99 % of requests succeed, over 28 days",
        "service": objective.service, "rule": "page-quick", "factor": 13.44,
        "long": Window(seconds=3_600, bad=144, total=720, burn=20.0), "short": Window(seconds=300, bad=12, total=60, burn=22.0),
        "target": 0.99, "remaining": 0.31, "exhaustion_s": 26_000.0, "fired_at": here - 1_200, "peak_burn": 24.0,
        "budget_spent": 0.11, "blame": BLAME, "action": "rollback", "action_text": "Roll back shop from v12 to v11.",
        "traces": ("1" * 32, "2" * 32), "runbook_url": "https://runbooks.example/shop",
        "burn_down": tuple((here - (40 - n) * 16 * 3_600, 1 - n / 60 - (0.03 if n > 38 else 0)) for n in range(41)),
    }  # fmt: skip
    return AlertNotice(**told | fields)


def an_alert(objective: Objective, now: datetime, **fields: Any) -> Alert:
    told: dict[str, Any] = {
        "rule": "page-quick", "severity": "page", "title": "Requests succeed: v12 burns 20 x", "group": "shop",
        "fired_at": now - timedelta(minutes=20), "changed_at": now - timedelta(minutes=20), "action": "rollback",
        "blame": msgspec.to_builtins(BLAME),
    }  # fmt: skip
    alert = Alert.objects.create(project=objective.project, objective=objective, **told | fields)
    alert.evidence = msgspec.to_builtins(notice(str(alert.pk), objective, now))
    alert.save()
    AlertEvent.objects.create(alert=alert, at=alert.fired_at, kind="fired", text="20 x over 1 h, 22 x over 5 min")
    return alert
