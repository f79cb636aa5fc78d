"""What should be done about an alert? Exactly one action, by a table, and its sentence.

why it went bad                    which of the objective's own actions      -> action
a version, and the one before      degrade or rate-limit                     -> that one: its owner knows better
a version, and the one before      any other                                 -> roll back to the last good one
outside the versions               degrade or rate-limit                     -> that one
outside the versions               any other; cost, or refused for the rate  -> rate-limit
outside the versions               any other                                 -> degrade
cannot be told                     degrade or rate-limit                     -> that one
cannot be told                     any other                                 -> look
already rolled back or recovered   any                                       -> look
nothing burns (no events, a part of the budget is spent)                     -> look
"""

from dataclasses import dataclass
from typing import Final, Literal

ActionName = Literal["degrade", "rate-limit", "rollback", "look"]
OWNERS_OWN: Final = ("degrade", "rate-limit")


@dataclass(frozen=True, slots=True)
class Situation:
    """verdict: of the first-bad-version test. own_action: the objective's. about_load: it promises a cost, or its bad events
    are refusals for the rate. first_bad, last_good: names. recovered: a later version is as good as those before.
    """

    kind: str  # burn, budget, absent
    verdict: str
    own_action: str
    about_load: bool = False
    first_bad: str | None = None
    last_good: str | None = None
    recovered: bool = False


def choose(situation: Situation) -> tuple[ActionName, str]:
    """(the action, what to do in one sentence)."""
    if situation.kind != "burn":
        return "look", _LOOK[situation.kind]
    if situation.recovered:
        return "look", f"{situation.first_bad} was replaced already: see that the budget stops burning."
    own = _own(situation.own_action)
    if situation.verdict == "version" and situation.last_good:
        return own or _rollback(situation)
    if situation.verdict == "external":
        return own or (_LIMIT if situation.about_load else _DEGRADE)
    return own or ("look", "Look at the examples: what they have in common is not a version that we can name.")


def about_load(part_q: str, total_q: str) -> bool:
    """Does an objective promise a cost, or that few events are refused for the rate? Told from its filters."""
    asked = f"{total_q} {part_q}".lower()
    return any(word in asked for word in ("cost:", "rate_limit", "rate-limit", "ratelimit", "429"))


_DEGRADE: Final[tuple[ActionName, str]] = (
    "degrade",
    "Degrade: switch to the fallback (another model or provider, or a simpler answer); the cause lies outside the version.",
)
_LIMIT: Final[tuple[ActionName, str]] = (
    "rate-limit",
    "Rate-limit: admit less traffic until the burn rate falls; the cause lies outside the version.",
)
_OWN_WORDS: Final[dict[str, tuple[ActionName, str]]] = {
    "degrade": ("degrade", "Degrade, as this objective's owner decided: switch to the fallback."),
    "rate-limit": ("rate-limit", "Rate-limit, as this objective's owner decided: admit less traffic."),
}
_LOOK: Final = {
    "budget": "Look at what spent the budget before the next risky release.",
    "absent": "Look whether the service still runs and still sends its traces.",
}


def _own(action: str) -> tuple[ActionName, str] | None:
    return _OWN_WORDS.get(action)


def _rollback(situation: Situation) -> tuple[ActionName, str]:
    return "rollback", f"Roll back to {situation.last_good}: it went bad from {situation.first_bad} on."
