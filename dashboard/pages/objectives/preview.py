"""What would an objective have done with what is stored? Asked before it is saved, and told with what to make of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.objective_words import rule_words, window_words
from dashboard.pages.objectives.forms import ObjectiveForm
from dashboard.templatetags.units import DASH, in_long_time, in_percent
from tracestore.actions.objectives import check_for
from tracestore.analysis.slo.drafts import ObjectiveDraft
from tracestore.analysis.slo.foresight import Foresight, foresee
from tracestore.analysis.slo.periods import period_at
from tracestore.analysis.slo.problems import Problem
from tracestore.queries.slo import ObjectiveRow


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
    """rules: none while something is wrong."""

    errors: Sequence[Problem]
    warnings: Sequence[Problem]
    rules: Sequence[RuleLine]


def preview_of(project_id: int, form: ObjectiveForm, row: ObjectiveRow | None, now: datetime) -> Preview:
    if not form.is_valid():
        return Preview(problems_of(form), [], [])
    draft = form.draft()
    problems = check_for(project_id, draft, row.name if row else None)
    errors, warnings = ([one for one in problems if one.is_error == wanted] for wanted in (True, False))
    if any(one.field != "name" for one in errors):
        return Preview(errors, warnings, [])
    return Preview(errors, warnings, rule_lines(draft, None, now))


def problems_of(form: ObjectiveForm) -> list[Problem]:
    return [
        Problem(form.fields[name].label or name, " ".join(map(str, faults)))
        for name, faults in form.errors.items()
        if name in form.fields
    ]


def rule_lines(draft: ObjectiveDraft, per_s: float | None, now: datetime) -> list[RuleLine]:
    target = float(draft.target)
    rules = draft.rules_over(period_at(draft.period(), now).seconds)
    return [rule_line(foresee(rule, target, per_s)) for rule in rules]


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
        outage=DASH if seen.outage_s is None else in_long_time(round(seen.outage_s)),
        needs=needs(seen),
        note=rule.note,
    )


def needs(seen: Foresight) -> str:
    if seen.events is None:
        return DASH
    if seen.least_bad is None:
        return f"never at {seen.events:,} in {window_words(seen.rule.long_s)}"
    return f"{seen.least_bad:,} of {seen.events:,}"


def spent_words(spent: float) -> str:
    return in_percent(spent)
