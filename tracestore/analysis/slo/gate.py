"""May this version be released? Allow, warn or freeze, by the budgets that are left and the pages that fire.

Source: the example error budget policy of the Google SRE Workbook, appendix B: a budget that is gone halts releases but for
urgent fixes and security fixes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Verdict = Literal["allow", "warn", "freeze"]
Caller = Literal["automated", "human"]

AMPLE: Final = 0.5  # of the budget: above it, releases need no care
STALE_AFTER: Final = timedelta(minutes=5)
ALWAYS_ALLOWED: Final = ("a fix of what is burning the budget", "a security fix")


@dataclass(frozen=True, slots=True)
class FiringPage:
    """A page that fires for an objective. first_bad, last_good: versions as the alert names them, None = cannot be told."""

    title: str
    first_bad: str | None = None
    last_good: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """An objective that watches the service. remaining: share of the budget, None = no events in the period.

    evaluated_at: None = never yet. failure: of counting or evaluating, "" = none.
    """

    label: str
    remaining: float | None
    evaluated_at: datetime | None
    failure: str = ""
    pages: tuple[FiringPage, ...] = ()


@dataclass(frozen=True, slots=True)
class Override:
    id: int
    version: str
    reason: str
    author: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """reasons: sentences, the gravest first. exceptions_allowed: what may be released all the same, while it freezes."""

    decision: Verdict
    reasons: tuple[str, ...]
    exceptions_allowed: tuple[str, ...] = ()
    override: Override | None = None


_GRAVITY: Final[dict[Verdict, int]] = {"freeze": 0, "warn": 1, "allow": 2}
_UNTOLD: Final[dict[Caller, Verdict]] = {"automated": "freeze", "human": "warn"}
Reason = tuple[Verdict, str]


def decide(
    service: str,
    version: str,
    standings: Sequence[Standing],
    override: Override | None,
    caller: Caller,
    now: datetime,
) -> Decision:
    """standings: of every objective of the service, and of those that watch all services. version: "" = not said.

    What cannot be told freezes an automated caller and warns a person. A firing page does not freeze the version that was
    good before it: that release is the way back.
    """
    if not standings:
        return Decision("warn", (f"No objective watches {service}, so nothing speaks for or against a release.",))
    found = [reason for standing in standings for reason in _reasons(standing, caller, now)]
    found.sort(key=lambda reason: _GRAVITY[reason[0]])
    reasons = tuple(text for _, text in found)
    verdict = found[0][0]
    if verdict != "freeze":
        return Decision(verdict, reasons)
    pages = [page for standing in standings for page in standing.pages]
    exceptions = (*ALWAYS_ALLOWED, *_ways_back(pages))
    if override:
        why = (
            f"{override.author} answers for a release until {override.expires_at:%Y-%m-%d %H:%M} UTC: {override.reason}"
        )
        return Decision("allow", (why, *reasons), exceptions, override)
    if version and pages and all(page.last_good == version for page in pages):
        back = f"{version} is the version that was good before; releasing it is the way back."
        return Decision("warn", (back, *reasons), exceptions)
    return Decision("freeze", reasons, exceptions)


def _reasons(standing: Standing, caller: Caller, now: datetime) -> list[Reason]:
    """At least one."""
    firing: list[Reason] = [("freeze", _page_sentence(page)) for page in standing.pages]
    if untold := _untold(standing, now):
        return [*firing, (_UNTOLD[caller], f"{standing.label}: {untold}")]
    return [*firing, _of_budget(standing)]


def _page_sentence(page: FiringPage) -> str:
    since = f" It went bad with {page.first_bad}." if page.first_bad else ""
    return f"A page fires: {page.title}.{since}"


def _untold(standing: Standing, now: datetime) -> str:
    if standing.evaluated_at is None:
        return "has not been evaluated yet."
    if standing.failure:
        return f"cannot be evaluated: {standing.failure.rstrip('.')}."
    if now - standing.evaluated_at > STALE_AFTER:
        return f"was last evaluated at {standing.evaluated_at:%Y-%m-%d %H:%M} UTC; background jobs are behind."
    return ""


def _of_budget(standing: Standing) -> Reason:
    left = standing.remaining
    if left is None:
        return "allow", f"{standing.label}: no events in the period, so no budget was spent."
    if left <= 0:
        return "freeze", f"{standing.label}: the error budget is gone ({left:.1%} left)."
    if left <= AMPLE:
        return "warn", f"{standing.label}: {left:.1%} of the error budget is left; release to a canary first."
    return "allow", f"{standing.label}: {left:.1%} of the error budget is left."


def _ways_back(pages: Sequence[FiringPage]) -> list[str]:
    return sorted({f"rolling back to {page.last_good}" for page in pages if page.last_good})
