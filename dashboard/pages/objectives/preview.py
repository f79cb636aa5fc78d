"""What would an objective have done with what is stored? Asked before it is saved, and told with what to make of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import psycopg
from django.utils import timezone

from dashboard.objective_words import rule_words, window_words
from dashboard.pages.objectives.forms import SHOWN_AT, ObjectiveForm
from dashboard.pages.objectives.tried import Tried, seen_s, spanned, tried
from dashboard.params import in_ns
from dashboard.templatetags.units import DASH, in_gap
from tracestore.actions.objectives import check_for
from tracestore.analysis.slo.backtest import backtest
from tracestore.analysis.slo.drafts import ObjectiveDraft, period_seconds
from tracestore.analysis.slo.foresight import Foresight, foresee
from tracestore.analysis.slo.periods import period_at
from tracestore.analysis.slo.problems import Problem, error
from tracestore.queries.slo import ObjectiveRow
from tracestore.queries.slo_preview import DAYS_MAX, preview
from tracestore.queries.slo_preview import Preview as History

LEAST_DAYS: Final = 7
BLANK: Final = "Say which events are good, or bad, under “That match”: then this shows what it would have done with what is stored."


@dataclass(frozen=True, slots=True)
class RuleLine:
    """needs: from how many bad events of how many it fires, at the traffic there was. note: what was changed, and why."""

    words: str
    severity: str
    long: str
    short: str
    factor: float
    bad_share: float
    spent: float
    outage: str
    needs: str
    note: str


@dataclass(frozen=True, slots=True)
class Preview:
    """rules: none while something is wrong. traffic: what few events mean for them. tried: None where nothing was counted.

    empty: why that is, and what to do about it.
    """

    errors: Sequence[Problem]
    warnings: Sequence[Problem]
    rules: Sequence[RuleLine] = ()
    traffic: str = ""
    tried: Tried | None = None
    empty: str = ""
    now_ns: int = 0


def preview_of(project_id: int, form: ObjectiveForm, row: ObjectiveRow | None, now: datetime) -> Preview:
    if not form.is_valid():
        return Preview(refused_by(form), [])
    draft = form.draft()
    if not draft.part_q.strip():
        return Preview([], [], empty=BLANK)
    problems = [named(form, one) for one in check_for(project_id, draft, row.name if row else None)]
    errors, warnings = ([one for one in problems if one.is_error == wanted] for wanted in (True, False))
    if any(one.field not in ("name", "notify") for one in errors):
        return Preview(errors, warnings)
    try:
        history = preview(project_id, draft.indicator(), int(now.timestamp()), days_of(draft))
    except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded):
        return Preview(
            [*errors, error("part_q", "The database cannot answer this filter; write it simpler.")], warnings
        )
    return whole(draft, history, errors, warnings, now)


def days_of(draft: ObjectiveDraft) -> int:
    """As far back as one period, but for a week at least."""
    return max(LEAST_DAYS, min(DAYS_MAX, period_seconds(draft) // 86_400))


def whole(
    draft: ObjectiveDraft, history: History, errors: Sequence[Problem], warnings: Sequence[Problem], now: datetime
) -> Preview:
    rules, target = draft.rules_over(period_at(draft.period(), now).seconds), float(draft.target)
    if not history.count.total:
        lines = [rule_line(foresee(rule, target, None)) for rule in rules]
        return Preview(errors, warnings, lines, empty=nothing(draft, history))
    raised = backtest(history.minutes, target, rules, draft.no_data)  # type: ignore[arg-type]  # checked before
    seen = [foresee(rule, target, history.count.total / seen_s(history)) for rule in rules]
    result = tried(history, target, draft.unit, raised, timezone.get_current_timezone())
    return Preview(errors, warnings, [rule_line(one) for one in seen], traffic_words(seen), result, now_ns=in_ns(now))


def nothing(draft: ObjectiveDraft, history: History) -> str:
    if not history.whole:
        return "Counting this took too long, so nothing can be said of it. Name a service, or ask for less by fields."
    if draft.unit == "evaluation":
        return (
            f"No such evaluation was given in {spanned(history)}: this objective needs a judged sample. It begins to count "
            "with the first evaluation of that name."
        )
    return f"Nothing of {spanned(history)} matches what is counted. Its budget is unknown until something does."


def refused_by(form: ObjectiveForm) -> list[Problem]:
    """What the form itself cannot read."""
    faults = [(name, " ".join(map(str, one))) for name, one in form.errors.items()]
    return [named(form, error(name, text)) for name, text in faults]


def named(form: ObjectiveForm, problem: Problem) -> Problem:
    """With the label of the field in front, since the preview stands beside the form."""
    field = form.fields.get(SHOWN_AT.get(problem.field, problem.field) or "")
    return replace(problem, text=f"{field.label}: {problem.text}") if field and field.label else problem


def rule_line(seen: Foresight) -> RuleLine:
    rule = seen.rule
    return RuleLine(
        words=rule_words(rule.name),
        severity=rule.severity,
        long=window_words(rule.long_s),
        short=window_words(rule.short_s),
        factor=rule.factor,
        bad_share=seen.bad_share,
        spent=rule.share,
        outage=DASH if seen.outage_s is None else in_gap(round(seen.outage_s)),
        needs=needs(seen),
        note=rule.note,
    )


def needs(seen: Foresight) -> str:
    if seen.events is None:
        return DASH
    if seen.least_bad is None:
        return f"never at {seen.events:,} in {window_words(seen.rule.long_s)}"
    return f"{seen.least_bad:,} of {seen.events:,}"


def traffic_words(seen: Sequence[Foresight]) -> str:
    """At low traffic chance is told from trouble by later rules only; that had better be known."""
    deaf = [one for one in seen if one.rule.severity == "page" and one.events is not None and one.least_bad is None]
    if not deaf:
        return ""
    names = " and ".join(
        f"{rule_words(one.rule.name)} ({one.events:,} in {window_words(one.rule.long_s)})" for one in deaf
    )
    return (
        f"Low traffic: even if all failed, so few events could be chance for {names}; slower rules tell of it. Count more "
        "services together, promise less, or choose a longer period if that is too late."
    )
