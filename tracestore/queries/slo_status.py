"""How does every objective stand: budget left, burn of each rule, what could not be evaluated? As of the last evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tracestore import db
from tracestore.analysis.slo.burn import exhaustion_s, left_of_whole

TRIES: Final = 5  # evaluations that fail in a row, until an objective is left alone for an hour


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """A rule as of the last evaluation; see tracestore/sql/schema/slo.sql for kind, factor and the windows.

    coverage: the share of the long window since the first event, as far as it is counted, 0-1. *_burn: None = no events.
    """

    objective_id: int
    rule: str
    kind: str
    severity: str
    state: str
    since: datetime | None
    frozen_since: datetime | None
    long_burn: float | None
    short_burn: float | None
    long_bad: int
    long_total: int
    short_bad: int
    short_total: int
    long_s: int
    short_s: int
    factor: float
    coverage: float

    @property
    def firing(self) -> bool:
        """A rule that no longer holds fires on until that has lasted for a while."""
        return self.state in ("firing", "recovering")


@dataclass(frozen=True, slots=True)
class StatusRow:
    """An objective as of `evaluated_at` (None = never yet). bad, total: of the period, exclusions left out.

    remaining: share of the budget, below 0 when overspent, None = no events. covered_from: counted from here on; history is
    counted backwards until history_done. first_event_at: the hour of its first event. failure: of counting or evaluating,
    "" = none. rules: of two windows, quickest first. thresholds: shares of the budget. absent: None while the objective has
    never been evaluated.
    """

    objective_id: int
    project_id: int
    name: str
    title: str
    service: str
    unit: str
    target: float
    evaluated_at: datetime | None
    covered_from: datetime | None
    history_done: bool
    bad: int | None
    total: int | None
    remaining: float | None
    period_start: datetime | None
    period_end: datetime | None
    failure: str
    quarantined: bool
    skipped_from: datetime | None
    skipped_until: datetime | None
    first_event_at: datetime | None = None
    rules: tuple[RuleStatus, ...] = ()
    thresholds: tuple[RuleStatus, ...] = ()
    absent: RuleStatus | None = None

    @property
    def label(self) -> str:
        return self.title or self.name

    @property
    def every_rule(self) -> tuple[RuleStatus, ...]:
        return (*self.rules, *self.thresholds, *filter(None, (self.absent,)))

    @property
    def firing(self) -> str | None:
        """The worst severity that fires: "page", "ticket" or None."""
        severities = {rule.severity for rule in self.every_rule if rule.firing}
        return min(severities, default=None)  # "page" < "ticket"

    @property
    def frozen(self) -> bool:
        """Nothing could be measured at the last evaluation."""
        return bool(self.rules) and all(rule.frozen_since is not None for rule in self.rules)

    @property
    def elapsed(self) -> float:
        """The share of the period that is behind us and counted, from the first event on: what began yesterday has hardly begun."""
        if self.period_start is None or self.period_end is None or self.evaluated_at is None:
            return 1.0
        since = max(filter(None, (self.period_start, self.covered_from, self.first_event_at)))
        return min(1.0, max(0.0, (self.evaluated_at - since) / (self.period_end - self.period_start)))

    @property
    def exhaustion_s(self) -> float | None:
        """At the burn rate of the quickest rule's long window; None = never or unknown."""
        return self.exhaustion_at(self.rules[0].long_burn if self.rules else None)

    def exhaustion_at(self, burn: float | None) -> float | None:
        """Seconds until the budget of a whole period is gone at this burn rate: what is to come of it brings its own budget."""
        if self.remaining is None or self.period_start is None or self.period_end is None or burn is None:
            return None
        period_s = int((self.period_end - self.period_start).total_seconds())
        return exhaustion_s(left_of_whole(self.remaining, self.elapsed), burn, period_s)


_FIND: Final = """
SELECT o.id AS objective_id, o.project_id, o.name, o.title, o.service, o.unit, o.target::double precision AS target,
  to_timestamp(s.evaluated_s) AS evaluated_at, to_timestamp(s.counted_from_s) AS covered_from,
  coalesce(s.history_done, FALSE) AS history_done, s.bad, s.total, s.remaining,
  to_timestamp(s.period_start_s) AS period_start, to_timestamp(s.period_end_s) AS period_end,
  coalesce(nullif(s.failure, ''), s.count_failure, '') AS failure,
  coalesce(greatest(s.failures, s.count_failures) >= %(tries)s, FALSE) AS quarantined,
  to_timestamp(s.skipped_from_s) AS skipped_from, to_timestamp(s.skipped_until_s) AS skipped_until,
  to_timestamp(oldest.start_s) AS first_event_at
FROM objective AS o
LEFT JOIN slo_state AS s ON s.objective_id = o.id
LEFT JOIN LATERAL (
  SELECT c.start_s FROM slo_count AS c
  WHERE c.objective_id = s.objective_id AND c.grain_s = 3600
  ORDER BY c.start_s LIMIT 1
) AS oldest ON TRUE
WHERE o.deleted_at IS NULL AND (o.enabled OR NOT %(enabled)s)
  AND (%(project)s::integer IS NULL OR o.project_id = %(project)s)
  AND (%(objective)s::bigint IS NULL OR o.id = %(objective)s)
ORDER BY o.project_id, o.service, o.name
LIMIT 5000
"""
# Coverage: from the first event on, as far as it is counted; before it there was nothing to measure.
_RULES: Final = """
SELECT r.objective_id, r.rule, r.kind, r.severity, r.state, r.since, r.frozen_since, r.long_burn, r.short_burn, r.long_bad,
  r.long_total, r.short_bad, r.short_total, r.long_s, r.short_s, r.factor,
  CASE
    WHEN r.long_s <= 0 THEN 1
    ELSE greatest(0, least(1, (s.evaluated_s - greatest(s.counted_from_s, oldest.start_s)) / r.long_s::double precision))
  END AS coverage
FROM slo_rule_state AS r
JOIN slo_state AS s ON s.objective_id = r.objective_id
LEFT JOIN LATERAL (
  SELECT c.start_s FROM slo_count AS c
  WHERE c.objective_id = s.objective_id AND c.grain_s = 3600
  ORDER BY c.start_s LIMIT 1
) AS oldest ON TRUE
WHERE r.objective_id = ANY(%(objectives)s)
ORDER BY r.objective_id, r.severity, r.long_s, r.rule
"""


def find_statuses(project_id: int | None = None, *, enabled_only: bool = True) -> list[StatusRow]:
    """The objectives of a project, or of all, by service and name."""
    return _find(project_id, None, enabled_only)


def get_status(project_id: int, objective_id: int) -> StatusRow | None:
    """None for an objective that is not of this project, or is deleted."""
    return next(iter(_find(project_id, objective_id, False)), None)


def _find(project_id: int | None, objective_id: int | None, enabled_only: bool) -> list[StatusRow]:
    asked = {"project": project_id, "objective": objective_id, "enabled": enabled_only, "tries": TRIES}
    found = db.fetch(_FIND, asked, StatusRow)
    rules: dict[int, list[RuleStatus]] = {}
    for rule in db.fetch(_RULES, {"objectives": [one.objective_id for one in found]}, RuleStatus):
        rules.setdefault(rule.objective_id, []).append(rule)
    return [_with_rules(one, rules.get(one.objective_id, [])) for one in found]


def _with_rules(found: StatusRow, rules: Sequence[RuleStatus]) -> StatusRow:
    return replace(
        found,
        rules=tuple(rule for rule in rules if rule.kind == "burn"),
        thresholds=tuple(sorted((rule for rule in rules if rule.kind == "budget"), key=lambda rule: rule.factor)),
        absent=next((rule for rule in rules if rule.kind == "absent"), None),
    )
