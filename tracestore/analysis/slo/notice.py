"""What does one notification tell? Decided when it is decided to notify, told the same by every channel and in every attempt.

Kept as JSON in the outbox (Delivery.content): texts are as they were then, whatever happens afterwards.
"""

from typing import Literal

import msgspec

Kind = Literal["firing", "reminder", "reopened", "resolved", "summary", "test", "unpaged"]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two windows of the rule. burn: None = nothing was measured in it."""

    seconds: int
    bad: int
    total: int
    burn: float | None


class VersionBlame(msgspec.Struct, frozen=True, kw_only=True):
    """What the first-bad-version test said (tracestore.analysis.slo.blame.Blame), in words that people read.

    first_bad, last_good: names such as "v12" (and what else differs), None when it cannot be told; first_bad_set: its version
    set. plausible: the interval, names of versions that the evidence allows as well. differs: what changed
    with the first bad one, such as "model gpt-4o -> gpt-4o-mini". recovered_with: a later version that is good again. *_bad,
    *_total: events before and since.
    """

    verdict: Literal["version", "external", "insufficient", "cannot_tell"]
    reason: str
    first_bad: str | None = None
    first_bad_set: str | None = None
    last_good: str | None = None
    last_good_set: str | None = None
    plausible: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    recovered_with: str | None = None
    before_bad: int = 0
    before_total: int = 0
    after_bad: int = 0
    after_total: int = 0


class AlertNotice(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of a notification.

    Times are Unix seconds. target, remaining, budget_spent: shares (remaining is below 0 when overspent; budget_spent: of the
    period's budget since the alert fired). elapsed: the share of the period that had events and is counted; of a young one
    both shares are of what these few events allow. exhaustion_s: at the burn rate of the long window; None = never or unknown.
    burn_down: (time, remaining share), oldest first, of the period until now. traces: ids (32 hex digits) of at most three
    bad ones. action_text: what to do, one sentence.
    """

    id: str
    title: str
    severity: Literal["page", "ticket"]
    state: Literal["firing", "resolved"]
    objective: str  # its name, as in addresses
    objective_title: str
    promise: str  # such as "99.9 % of requests match duration:<2s, over 28 days"
    service: str
    rule: str
    factor: float
    long: Window
    short: Window
    target: float
    remaining: float | None
    exhaustion_s: float | None
    elapsed: float = 1.0
    fired_at: int
    resolved_at: int | None = None
    peak_burn: float | None = None
    budget_spent: float | None = None
    acknowledged_by: str = ""
    blame: VersionBlame
    action: Literal["degrade", "rate-limit", "rollback", "look"]
    action_text: str
    traces: tuple[str, ...] = ()
    runbook_url: str = ""
    burn_down: tuple[tuple[int, float], ...] = ()


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """kind: why it is sent. alerts: of one group, what fires first, and of that the leading one; none in a test,
    a summary or unpaged.

    seq: of the leading alert's notifications, from 0. why: why this recipient gets it. summary: of a storm, one line an alert; of
    unpaged, the objectives whose pages reach nobody any more.
    """

    kind: Kind
    project: str  # its slug
    project_name: str
    alerts: tuple[AlertNotice, ...] = ()
    seq: int = 0
    decided_at: int
    why: str = ""
    summary: tuple[str, ...] = ()


def packed(notice: Notice) -> dict[str, object]:
    """As JSON knows it."""
    built: dict[str, object] = msgspec.to_builtins(notice)
    return built


def unpacked(content: object) -> Notice:
    """Raises msgspec.ValidationError for what is none."""
    return msgspec.convert(content, Notice)
