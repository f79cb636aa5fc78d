"""Notices as alerting would write them."""

import msgspec

from tracestore.analysis.slo.notice import AlertNotice, Notice, VersionBlame, Window

FIRED = 1_795_659_120  # Thu 26 Nov 2026, 03:12 UTC
ALERT_ID = "5a0d6c1e-6f0b-4f7e-9a51-0d1c2b3a4f5e"
DAY_S = 86_400


def alert(**fields: object) -> AlertNotice:
    given = {
        "id": ALERT_ID,
        "title": "Airline agent answers within 2 s: budget burns fast",
        "severity": "page",
        "state": "firing",
        "objective": "answers-within-2-s",
        "objective_title": "Answers within 2 s",
        "promise": "99 % of requests match duration:<2s, over 28 days",
        "service": "airline-agent",
        "rule": "fast",
        "factor": 13.44,
        "long": Window(seconds=3600, bad=231, total=1043, burn=22.1),
        "short": Window(seconds=300, bad=26, total=88, burn=29.5),
        "target": 0.99,
        "remaining": 0.617,
        "exhaustion_s": 67_500.0,
        "fired_at": FIRED,
        "blame": VersionBlame(
            verdict="version",
            reason="Its share of bad requests rose within 4 minutes of its first request; other services did not change.",
            first_bad="v12",
            first_bad_set="b" * 32,
            last_good="v11",
            last_good_set="a" * 32,
            plausible=("v12",),
            before_bad=4,
            before_total=1024,
            after_bad=231,
            after_total=1043,
        ),
        "action": "rollback",
        "action_text": "Roll back airline-agent from v12 to v11.",
        "traces": ("1" * 32, "2" * 32, "3" * 32),
        "runbook_url": "https://wiki.example/runbooks/latency",
        "burn_down": burn_down(),
    }
    return AlertNotice(**(given | fields))


def burn_down() -> tuple[tuple[int, float], ...]:
    """28 days, a slow fall and two steps."""
    points, left = [], 1.0
    for hour in range(28 * 24 + 1):
        left -= 0.0032 if 300 < hour < 330 else 0.047 if hour > 28 * 24 - 4 else 0.0002
        points.append((FIRED + 120 - 28 * DAY_S + hour * 3600, left))
    return tuple(points)


def notice(kind: str = "firing", *alerts: AlertNotice, **fields: object) -> Notice:
    given = {
        "kind": kind,
        "project": "ours",
        "project_name": "Airline",
        "alerts": alerts or (alert(),),
        "decided_at": FIRED + 30,
        "why": "the channel ops of the project Airline takes its pages and tickets",
    }
    return Notice(**(given | fields))


def resolved(**fields: object) -> AlertNotice:
    given = {
        "state": "resolved",
        "resolved_at": FIRED + 42 * 60,
        "peak_burn": 31.2,
        "budget_spent": 0.124,
        "remaining": 0.55,
        "exhaustion_s": None,
    }
    return msgspec.structs.replace(alert(), **(given | fields))
