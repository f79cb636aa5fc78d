"""What state is an alert in, and what changes it? inactive -> pending -> firing -> recovering -> resolved, or frozen."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from tracestore.analysis.slo.rules import EVALUATION_S, Rule

REOPENED_WITHIN = timedelta(minutes=30)
EVALUATIONS_TO_RESOLVE = 3

State = Literal["inactive", "pending", "firing", "recovering", "resolved"]
Change = Literal["fired", "reopened", "resolved"]


@dataclass(frozen=True, slots=True)
class AlertState:
    """since: of `state`. frozen_since: nothing could be measured from then on; the state stays as it is."""

    state: State = "inactive"
    since: datetime | None = None
    frozen_since: datetime | None = None


def advance(was: AlertState, rule: Rule, held: bool | None, now: datetime) -> tuple[AlertState, Change | None]:
    """The state after an evaluation at `now`, and what there is to be told about it.

    held: does the rule hold; None = it cannot be measured: the alert is frozen, it neither fires nor resolves.
    Safe to repeat for the same moment.
    """
    if held is None:
        return replace(was, frozen_since=was.frozen_since or now), None
    thawed = _thawed(was, now)
    return _on(thawed, rule, now) if held else _off(thawed, rule, now)


def _thawed(was: AlertState, now: datetime) -> AlertState:
    """For how long a rule has held, or not, is counted without the time in which that could not be told."""
    if was.frozen_since is None or was.since is None or was.state not in ("pending", "recovering"):
        return replace(was, frozen_since=None)
    return replace(was, frozen_since=None, since=min(now, was.since + (now - was.frozen_since)))


def _on(was: AlertState, rule: Rule, now: datetime) -> tuple[AlertState, Change | None]:
    if was.state == "firing":
        return was, None
    if was.state == "recovering":
        return AlertState("firing", now), None
    if was.state == "resolved" and was.since is not None and now - was.since <= REOPENED_WITHIN:
        return AlertState("firing", now), "reopened"
    since = was.since if was.state == "pending" and was.since is not None else now
    if now - since >= timedelta(seconds=rule.pending_s):
        return AlertState("firing", now), "fired"
    return AlertState("pending", since), None


def _off(was: AlertState, rule: Rule, now: datetime) -> tuple[AlertState, Change | None]:
    if was.state == "pending":
        return AlertState("inactive", now), None
    if was.state == "firing":
        return AlertState("recovering", now), None
    if was.state != "recovering" or was.since is None:
        return was, None
    if now - was.since >= timedelta(seconds=resolve_after_s(rule)):
        return AlertState("resolved", now), "resolved"
    return was, None


def resolve_after_s(rule: Rule) -> int:
    """How long the rule must not hold before an alert is called resolved."""
    return max(rule.short_s, EVALUATIONS_TO_RESOLVE * EVALUATION_S)
