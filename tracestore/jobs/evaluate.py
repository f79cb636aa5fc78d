"""Does a budget burn too fast? Every due minute of every objective is evaluated once: late ones are caught up, one by one.

Several evaluators may run at once: each takes the objectives that no other is at. A broken objective stops no other, and is
left alone for an hour after some tries.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import DataError, IntegrityError, transaction

from tracestore.actions.alerts.raising import close_orphans, drop_rules, follow
from tracestore.analysis.slo.burn import NOTHING, Count, burn_rate, remaining_share
from tracestore.analysis.slo.due import due_minutes, skipped, until_s
from tracestore.analysis.slo.evaluation import Judged, evaluate, window_lengths
from tracestore.analysis.slo.periods import period_at
from tracestore.analysis.slo.rules import Rule
from tracestore.analysis.slo.states import AlertState
from tracestore.analysis.slo.thresholds import (
    ABSENT,
    WEEK_S,
    absent_after_s,
    absent_rule,
    judge_budget,
    judge_one,
    spent_of,
)
from tracestore.facts import MINUTE_S
from tracestore.queries.slo import ObjectiveRow, VersionCounts, Window, count_windows, find_objectives
from tracestore.queries.slo_evaluation import (
    Outcome,
    Position,
    evaluated_until,
    find_positions,
    lock_free,
    longest_pause_s,
    may_be_uncounted,
    note_failure,
    rule_states,
    save,
)
from tracestore.queries.slo_series import Excluded, find_excluded, windows_of
from tracestore.queries.slo_status import TRIES

BUDGET_S: Final = 25.0  # of one run, since others share the lane; what is left waits for the next turn
AT_ONCE: Final = 100  # objectives of one transaction
REST: Final = timedelta(hours=1)  # of an objective that failed TRIES times
# An objective's own fault; whatever else goes wrong is everybody's, and the next turn tries again.
BROKEN: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, DataError, IntegrityError)


@dataclass(frozen=True, slots=True)
class Summary:
    """evaluated: minutes of objectives. changes: alerts that fired, were reopened or resolved. broken: failed objectives."""

    evaluated: int
    changes: int
    broken: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What one minute of an objective looks at. windows: those of the rules, then the period so far, then the week before."""

    objective: ObjectiveRow
    position: Position
    minute_s: int
    is_last: bool  # no later minute is due
    rules: tuple[Rule, ...]
    period: Window
    lengths: tuple[int, ...]
    excluded: tuple[Window, ...]
    skipped: tuple[int, int] | None  # minutes before this turn's, that are too old

    @property
    def windows(self) -> tuple[Window, ...]:
        end = self.minute_s
        starts = [*(end - length for length in self.lengths), min(end, self.period[0]), end - WEEK_S]
        return tuple((start, end) for start in starts)

    @property
    def is_counted(self) -> bool:
        """As far back as the rules look: a part of it would look like a burst."""
        longest_s = max(self.lengths, default=0)
        return self.position.history_done or self.position.counted_from_s <= self.minute_s - longest_s

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.minute_s, UTC)


def run(now: datetime) -> Summary:
    """Evaluates what is due, the oldest minutes first, for BUDGET_S at most."""
    stop_at = time.monotonic() + BUDGET_S
    turn = _Turn(now, {one.id: one for one in find_objectives(enabled_only=True)})
    for minute_s, ids in sorted(turn.due().items()):
        for first in range(0, len(ids), AT_ONCE):
            if time.monotonic() > stop_at:
                return turn.summary
            turn.evaluate(minute_s, [one for one in ids[first : first + AT_ONCE] if one not in turn.broken])
    close_orphans(now)
    return turn.summary


class _Turn:
    """One run: what was read once, and what it came to."""

    def __init__(self, now: datetime, objectives: Mapping[int, ObjectiveRow]) -> None:
        self.now, self.objectives, self.until = now, objectives, until_s(now)
        self.positions = find_positions(list(objectives))
        self.broken: set[int] = set()
        self.evaluated = self.changes = 0
        self._excluded: dict[int, list[Excluded]] = {}

    @property
    def summary(self) -> Summary:
        return Summary(self.evaluated, self.changes, len(self.broken))

    def due(self) -> dict[int, list[int]]:
        """{minute: the objectives whose turn it is}."""
        found: dict[int, list[int]] = {}
        for objective_id in self.objectives:
            position = self.positions.get(objective_id)
            if position is not None and not _rests(position, self.objectives[objective_id], self.now):
                for minute_s in due_minutes(position.evaluated_s, position.newest_s, self.until):
                    found.setdefault(minute_s, []).append(objective_id)
        return found

    def evaluate(self, minute_s: int, ids: Sequence[int]) -> None:
        """One minute of some objectives in one transaction, those that another evaluator is at or was faster with left out."""
        with transaction.atomic():
            mine = lock_free(ids)
            evaluated = evaluated_until(mine)
            plans = self._plans([one for one in mine if self._still_due(minute_s, one, evaluated.get(one))], minute_s)
            states = rule_states([plan.objective.id for plan in plans], datetime.fromtimestamp(minute_s, UTC))
            counts = _count(plans)
            outcomes = [self._outcome(plan, counts, states.get(plan.objective.id, {})) for plan in plans]
            save([one for one in outcomes if one is not None])

    def _still_due(self, minute_s: int, objective_id: int, evaluated: int | None) -> bool:
        """It is the next one: the other evaluator may be some minutes behind, and none is left out."""
        due = due_minutes(evaluated, self.positions[objective_id].newest_s, self.until)
        return bool(due) and due[0] == minute_s

    def _plans(self, ids: Iterable[int], minute_s: int) -> list[Plan]:
        found = []
        for objective_id in ids:
            objective = self.objectives[objective_id]
            try:
                found.append(self._plan(objective, minute_s))
            except BROKEN as error:
                self._fail(objective_id, error)
        return [plan for plan in found if plan.is_counted]

    def _plan(self, objective: ObjectiveRow, minute_s: int) -> Plan:
        span = period_at(objective.period(), datetime.fromtimestamp(minute_s, UTC))
        rules = tuple(objective.rules_over(span.seconds))
        start_s = int(span.start.timestamp()) // MINUTE_S * MINUTE_S
        return Plan(
            objective=objective,
            position=self.positions[objective.id],
            minute_s=minute_s,
            is_last=minute_s == self.until,
            rules=rules,
            period=(start_s, start_s + span.seconds),
            lengths=tuple(window_lengths(rules)),
            excluded=tuple(windows_of(self._excluded_of(objective.project_id), objective.id)),
            skipped=skipped(self.positions[objective.id].evaluated_s, self.until),
        )

    def _excluded_of(self, project_id: int) -> list[Excluded]:
        if project_id not in self._excluded:
            self._excluded[project_id] = find_excluded(project_id, 0, self.until)
        return self._excluded[project_id]

    def _outcome(
        self, plan: Plan, counts: Mapping[int, Sequence[Count]], states: Mapping[str, AlertState]
    ) -> Outcome | None:
        """The alerts follow within a savepoint: what an objective breaks is undone, and no other's."""
        try:
            outcome = judge(plan, counts[plan.objective.id], states)
            if _has_news(plan, outcome, states):
                with transaction.atomic():
                    self._follow(plan, outcome, states)
        except BROKEN as error:
            self._fail(plan.objective.id, error)
            return None
        self.evaluated += 1
        self.changes += sum(judged.change is not None for judged in outcome.judged)
        return outcome

    def _follow(self, plan: Plan, outcome: Outcome, states: Mapping[str, AlertState]) -> None:
        for judged in outcome.judged:
            if _is_news(judged, states):
                was_frozen = states.get(judged.rule.name, AlertState()).frozen_since is not None
                follow(plan.objective, judged, was_frozen, plan.moment, self.now)
        if gone := _gone(plan, outcome, states):
            kept = [name for name in states if name not in gone] + [judged.rule.name for judged in outcome.judged]
            drop_rules(plan.objective.id, kept, gone, plan.moment, self.now)

    def _fail(self, objective_id: int, error: Exception) -> None:
        self.broken.add(objective_id)
        note_failure(objective_id, f"{type(error).__name__}: {error}", self.now)


def _has_news(plan: Plan, outcome: Outcome, states: Mapping[str, AlertState]) -> bool:
    """Most objectives are well most of the time: nothing to be written of them but how they stand."""
    return bool(_gone(plan, outcome, states)) or any(_is_news(judged, states) for judged in outcome.judged)


def _is_news(judged: Judged, states: Mapping[str, AlertState]) -> bool:
    was = states.get(judged.rule.name, AlertState())
    frozen = (was.frozen_since is None) != (judged.state.frozen_since is None)
    return bool(judged.change) or frozen or judged.state.state == "firing"


def _gone(plan: Plan, outcome: Outcome, states: Mapping[str, AlertState]) -> list[str]:
    """Rules that the objective no longer has. That events are missed is judged for the newest minute only."""
    kept = {judged.rule.name for judged in outcome.judged} | ({ABSENT} if plan.objective.no_data == "ignore" else set())
    return sorted(states.keys() - kept)


def _rests(position: Position, objective: ObjectiveRow, now: datetime) -> bool:
    """It failed again and again, and neither an hour has passed nor has anybody changed it since."""
    if position.failures < TRIES or position.failed_at is None:
        return False
    return abs(now - position.failed_at) < REST and objective.updated_at <= position.failed_at


def _count(plans: Sequence[Plan]) -> dict[int, list[Count]]:
    """{objective: events of each of its windows}; one statement for all that look at the same windows."""
    alike: dict[tuple[tuple[Window, ...], tuple[Window, ...]], list[Plan]] = {}
    for plan in plans:
        alike.setdefault((plan.windows, plan.excluded), []).append(plan)
    found: dict[int, list[Count]] = {}
    for (windows, excluded), group in alike.items():
        counted = count_windows([plan.objective.id for plan in group], windows, excluded)
        for plan in group:
            found[plan.objective.id] = [
                _whole(counted.get((plan.objective.id, number), {})) for number in range(len(windows))
            ]
    return found


def _whole(counts: VersionCounts) -> Count:
    return sum(counts.values(), NOTHING)


def judge(plan: Plan, counts: Sequence[Count], states: Mapping[str, AlertState]) -> Outcome:
    """One step of every rule. counts: of plan.windows."""
    objective, target = plan.objective, float(plan.objective.target)
    *by_length, so_far, week = counts
    lengths = dict(zip(plan.lengths, by_length, strict=True))
    burning = evaluate(plan.rules, target, lengths, states, objective.no_data, plan.moment)  # type: ignore[arg-type]
    spent = spent_of(so_far, target, _elapsed(plan))
    budget = judge_budget(spent, target, plan.period[1] - plan.period[0], states, plan.moment)
    return Outcome(
        objective_id=objective.id,
        project_id=objective.project_id,
        evaluated_s=plan.minute_s,
        judged=(*burning, *budget, *_absence(plan, week, states)),
        spent=so_far,
        remaining=remaining_share(so_far, target),
        period=plan.period,
        skipped=plan.skipped,
    )


def _elapsed(plan: Plan) -> float:
    """The share of the period that is behind us and counted, from the first event on: what began yesterday has hardly begun."""
    position = plan.position
    first_s = max(plan.period[0], position.counted_from_s, position.oldest_s or plan.minute_s)
    return max(0.0, plan.minute_s - first_s) / (plan.period[1] - plan.period[0])


def _absence(plan: Plan, week: Count, states: Mapping[str, AlertState]) -> list[Judged]:
    """Only for now: minutes that are caught up say nothing about whether events come."""
    if plan.objective.no_data != "ignore" or not plan.is_last or not plan.rules:
        return []
    silent_s = plan.minute_s - (plan.position.newest_s or 0) - MINUTE_S
    after_s = absent_after_s(plan.rules[0], float(plan.objective.target), week.total, 0)
    if after_s is not None and silent_s >= after_s:
        pause_s = longest_pause_s(plan.objective.id, plan.minute_s)
        after_s = absent_after_s(plan.rules[0], float(plan.objective.target), week.total, pause_s)
    held = None if after_s is None or _is_excluded(plan) else silent_s >= after_s
    if held and may_be_uncounted(plan.objective.project_id, plan.position.newest_s or 0, plan.minute_s):
        held = None  # what is late is not missing
    if held is None and ABSENT not in states:
        held = False
    return [judge_one(absent_rule(after_s or 0), held, states, plan.moment, NOTHING, burn_rate(NOTHING, 0.5))]


def _is_excluded(plan: Plan) -> bool:
    return any(start_s < plan.minute_s <= end_s for start_s, end_s in plan.excluded)
