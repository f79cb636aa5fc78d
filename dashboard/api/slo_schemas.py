"""What do the answers about objectives, alerts and the gate look like? For OpenAPI; real answers are held to it."""

from typing import Literal

from dashboard.api.schemas import Strict

Severity = Literal["page", "ticket"]
Unit = Literal["request", "llm_call", "tool_call", "session", "evaluation"]
Action = Literal["degrade", "rate-limit", "rollback", "look"]


class OwnRule(Strict):
    name: str
    severity: Severity
    long_s: int
    short_s: int
    factor: float
    pending_s: int


class Slo(Strict):
    """rules: null = the default ones. warnings: what one should know of it, only where it was just saved."""

    id: str
    name: str
    title: str
    description: str
    service: str
    unit: Unit
    total_q: str
    part_q: str
    part: Literal["good", "bad"]
    target: float
    period_days: int | None
    calendar_unit: Literal["", "day", "week", "month", "quarter", "year"]
    calendar_count: int
    calendar_first: str | None
    time_zone: str
    no_data: Literal["ignore", "good", "bad"]
    action: Action
    rules: list[OwnRule] | None
    notify: list[str]
    runbook_url: str
    owner: str
    enabled: bool
    revision: int
    created_at: str
    updated_at: str
    warnings: list[str] = []


class RuleState(Strict):
    """kind: burn (two windows), budget (a share that is spent), absent (no events at all). *_burn: null = no events.

    coverage: the share of the long window that is counted, 0 to 1.
    """

    name: str
    kind: str
    severity: Severity
    state: str
    firing: bool
    since: str | None
    frozen_since: str | None
    factor: float
    long_s: int
    short_s: int
    long_burn: float | None
    short_burn: float | None
    long_bad: int
    long_total: int
    short_bad: int
    short_total: int
    coverage: float


class SloStatus(Strict):
    """As of evaluated_at, null = never yet. remaining: share of the budget, below 0 when overspent, null = no events.

    exhaustion_s: until the budget of the whole period is gone at the present burn rate, null = never or unknown. firing: the
    worst severity. first_event_at: the hour of its first event: remaining is of what the events since then allow.
    """

    id: str
    name: str
    service: str
    enabled: bool
    target: float
    evaluated_at: str | None
    counted_from: str | None
    history_done: bool
    first_event_at: str | None
    period_start: str | None
    period_end: str | None
    bad: int | None
    total: int | None
    remaining: float | None
    exhaustion_s: float | None
    firing: Severity | None
    frozen: bool
    failure: str
    rules: list[RuleState]


class Alert(Strict):
    """first_bad, last_good: versions, null = cannot be told; blame: why. silenced_until: null = not silenced."""

    id: str
    slo_id: str
    slo: str
    service: str
    rule: str
    severity: Severity
    title: str
    state: Literal["firing", "resolved"]
    fired_at: str
    changed_at: str
    resolved_at: str | None
    frozen_since: str | None
    acknowledged_at: str | None
    acknowledged_by: str
    silenced_until: str | None
    inhibited_by: str | None
    action: Action
    action_text: str
    outcome: str
    outcome_by: str
    blame: str
    first_bad: str | None
    last_good: str | None
    long_burn: float | None
    short_burn: float | None
    factor: float | None
    remaining: float | None
    trace_ids: list[str]


class Exclusion(Strict):
    """[starts_at, ends_at). everywhere: of all objectives of the project. proposed: it counts for nothing until somebody else
    confirms it, since it covers a page that was sent; confirmed_by: who did."""

    id: str
    proposed: bool
    everywhere: bool
    starts_at: str
    ends_at: str
    category: Literal["maintenance", "hours", "deployment", "other"]
    reason: str
    author: str
    confirmed_by: str


class GateOverride(Strict):
    id: str
    service: str
    version: str
    reason: str
    author: str
    created_at: str | None = None
    expires_at: str


class Gate(Strict):
    decision: Literal["allow", "warn", "freeze"]
    service: str
    version: str
    reasons: list[str]
    exceptions_allowed: list[str]
    override: GateOverride | None
