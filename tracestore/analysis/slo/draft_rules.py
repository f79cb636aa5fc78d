"""Can the rules of an objective fire, and not while it is met? Those that someone wrote, or the default ones."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tracestore.analysis.slo.burn import allowed_share, spent_by_firing
from tracestore.analysis.slo.problems import Problem, error, warning
from tracestore.analysis.slo.rules import EVALUATION_S, MOST_BAD, check_factor, rules_for
from tracestore.analysis.slo.thresholds import RESERVED

MOST_RULES: Final = 10
_WHOLE: Final = ("long_s", "short_s")


def check_rules(given: Sequence[Mapping[str, Any]] | None, target: float, period_s: int) -> list[Problem]:
    """given: None = the default rules."""
    if given is None:
        return list(_warnings_of_defaults(target, period_s))
    if not 1 <= len(given) <= MOST_RULES:
        return [error("rules", f"Give 1 to {MOST_RULES} rules, or none for the default ones.")]
    names = [one.get("name") for one in given]
    if len(set(map(str, names))) < len(names):
        return [error("rules", "Each rule needs a name of its own.")]
    return [problem for one in given for problem in _rule(one, target, period_s)]


def _warnings_of_defaults(target: float, period_s: int) -> Iterator[Problem]:
    for rule in rules_for(target, period_s):
        if rule.factor * allowed_share(target) >= MOST_BAD or "lowered" in rule.note:
            yield warning("target", f"{rule.name}: {rule.note}. {_percent(rule.share)} of the budget is spent by then.")


def _rule(one: Mapping[str, Any], target: float, period_s: int) -> Iterator[Problem]:
    name = str(one.get("name", ""))
    if not 1 <= len(name) <= 63 or not name.isprintable():
        yield error("rules", "A rule is named by 1 to 63 characters.")
    if name in RESERVED:
        yield error("rules", f"{name} is the name of a rule that every objective has.")
    if one.get("severity") not in ("page", "ticket"):
        yield error("rules", f"{name}: the severity is page or ticket.")
    if not all(_is_minutes(one.get(field)) for field in _WHOLE) or not isinstance(one.get("factor"), int | float):
        yield error("rules", f"{name}: long and short windows are whole minutes, the factor is a number.")
        return
    if not 2 * EVALUATION_S <= one["short_s"] < one["long_s"] <= period_s:
        yield error("rules", f"{name}: two minutes <= short window < long window <= period.")
    if not _is_pending(one.get("pending_s", 0)):
        yield error("rules", f"{name}: the time it must hold first is at most a day, in whole seconds.")
    yield from _factor(name, one, target, period_s)


def _factor(name: str, one: Mapping[str, Any], target: float, period_s: int) -> Iterator[Problem]:
    try:
        check_factor(one["factor"], target)
    except ValueError as fault:
        yield error("rules", f"{name}: {fault}.")
        return
    needed = one["factor"] * allowed_share(target)
    if needed > MOST_BAD:
        yield warning("rules", f"{name}: it fires only when more than {_percent(needed)} of all events are bad.")
    if (share := spent_by_firing(one["factor"], one["long_s"], period_s)) > 1:
        yield warning("rules", f"{name}: when it fires, {_percent(share)} of the period's budget is spent.")


def _is_minutes(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0 and value % EVALUATION_S == 0


def _is_pending(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= 86_400


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
