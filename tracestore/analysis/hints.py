"""Where is money lost, and how much of it is at stake? Each rule is a pure function of some calls.

A rule finds calls, and of each the nano-USD that would not have been spent. Rules overlap: one call may be long, failed and
uncached at once, so their sums must never be added up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from tracestore.analysis import waste
from tracestore.analysis.context import KEPT_TURNS
from tracestore.analysis.spent import SpentCall
from tracestore.analysis.waste import (
    CACHE_FROM_TOKENS,
    CACHE_LASTS_NS,
    NS,
    RESULT_TOKENS,
    SHORT_INPUT_TOKENS,
    SHORT_OUTPUT_TOKENS,
    Saved,
)

FLOOR_SHARE: Final = 0.005  # of what was spent: a hint on less is not worth a line
EXAMPLES: Final = 5
TRACES_MIN: Final = 20  # fewer give no interval worth showing
Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Rule:
    """name: of the rule. needs_prompt: its calls are those whose messages were read. upper_bound: the sum is a most."""

    name: str
    title: str
    formula: str
    assumption: str
    advice: str
    find: Callable[[Sequence[SpentCall]], Saved]
    needs_prompt: bool = False
    upper_bound: bool = False


@dataclass(frozen=True, slots=True)
class Hint:
    """What one rule found.

    found_nanousd: in the calls looked at. share: of what those cost, 0-1; low, high: its 95 % interval where the calls are a
    sample (None where all were looked at, or too few traces were). stake_nanousd: share times what the range cost.
    n: calls that it found, of n_looked_at. examples: (trace id, span id, nano-USD) of different traces, dearest first.
    """

    rule: Rule
    found_nanousd: int
    stake_nanousd: int
    share: float
    low: float | None
    high: float | None
    n: int
    n_looked_at: int
    examples: tuple[tuple[str, str, int], ...]


def find_hints(calls: Sequence[SpentCall], spent_nanousd: int) -> list[Hint]:
    """The hints above the floor, dearest first. calls: whole traces, a sample of the range or all of it.

    spent_nanousd: what the chat and completion calls of the whole range cost.
    """
    found = (_hint(rule, calls, spent_nanousd) for rule in RULES)
    return sorted((one for one in found if one), key=lambda one: (-one.stake_nanousd, one.rule.name))


def _hint(rule: Rule, calls: Sequence[SpentCall], spent_nanousd: int) -> Hint | None:
    looked_at = [one for one in calls if one.prompt] if rule.needs_prompt else list(calls)
    base = sum(one.cost_nanousd or 0 for one in looked_at)
    saved = [(call, amount) for call, amount in rule.find(looked_at) if amount > 0]
    found = sum(amount for _, amount in saved)
    if not base or found / base < FLOOR_SHARE:
        return None
    spent = max(spent_nanousd, base)
    low, high = share_interval(looked_at, saved) if spent > base else (None, None)
    return Hint(
        rule=rule,
        found_nanousd=found,
        stake_nanousd=found * spent // base,
        share=found / base,
        low=low,
        high=high,
        n=len(saved),
        n_looked_at=len(looked_at),
        examples=_of_traces(sorted(saved, key=lambda pair: (-pair[1], pair[0].trace_id, pair[0].span_id))),
    )


def share_interval(calls: Sequence[SpentCall], saved: Saved) -> tuple[float | None, float | None]:
    """95 % of a ratio of two sums over traces drawn at random (linearised, normal); (None, None) for few traces.

    Traces, not calls: the calls of one trace are alike. Source: Cochran, Sampling Techniques, 6.4.
    """
    cost: dict[str, int] = {}
    lost: dict[str, int] = {}
    for call in calls:
        cost[call.trace_id] = cost.get(call.trace_id, 0) + (call.cost_nanousd or 0)
    for call, amount in saved:
        lost[call.trace_id] = lost.get(call.trace_id, 0) + amount
    n, total = len(cost), sum(cost.values())
    if n < TRACES_MIN or not total:
        return None, None
    share = sum(lost.values()) / total
    residuals = sum((lost.get(trace, 0) - share * spent) ** 2 for trace, spent in cost.items())
    half = Z * sqrt(residuals * n / (n - 1)) / total
    return max(0.0, share - half), min(1.0, share + half)


def _of_traces(dearest: Saved) -> tuple[tuple[str, str, int], ...]:
    """The dearest call of each of the first traces."""
    best: dict[str, tuple[str, str, int]] = {}
    for call, amount in dearest:
        best.setdefault(call.trace_id, (call.trace_id, call.span_id, amount))
    return tuple(best.values())[:EXAMPLES]


RULES: Final = (
    Rule(
        "uncached_prefixes",
        "Repeated prompts that the cache did not serve",
        "cost - cost with the repeated beginning at the cached price",
        f"The beginning of the prompt (tools, system, messages in order) was sent to the same model at most "
        f"{CACHE_LASTS_NS // NS // 60} minutes before, and has at least {CACHE_FROM_TOKENS:,} tokens. Tokens are shared out by "
        "characters. What writing the cache would cost is not taken off. Only repeats among the sampled calls are seen.",
        "Put what never changes (system prompt, tools) first and what changes last; for Anthropic set cache_control.",
        waste.uncached_prefixes,
        needs_prompt=True,
    ),
    Rule(
        "long_histories",
        "Long histories",
        f"cost - cost without what was said before the last {KEPT_TURNS} turns of the user",
        "Those turns were not needed for the answer. The tokens taken off are first those that the cache served.",
        "Summarise old turns, or send the last few and what matters of the rest.",
        waste.long_histories,
        needs_prompt=True,
        upper_bound=True,
    ),
    Rule(
        "oversized_results",
        "Oversized tool results",
        f"cost - cost without what is beyond {RESULT_TOKENS:,} tokens of each tool result in the prompt",
        "The beginning of a result would have done. A result is paid for again in every later call that carries it.",
        "Let tools page, filter or select fields; keep large results out of the history.",
        waste.oversized_results,
        needs_prompt=True,
        upper_bound=True,
    ),
    Rule(
        "repeated_calls",
        "The same prompt twice in one request",
        "cost of the second and later calls of a trace with an equal prompt and model",
        "One answer would have done: a retry of what had succeeded, or a loop.",
        "Look for retries around calls that were answered, and for loops of the agent.",
        waste.repeated_calls,
        needs_prompt=True,
    ),
    Rule(
        "failed_calls",
        "Failed calls that were billed",
        "cost of calls that ended in an error",
        "The tokens that a failed call reports were charged for.",
        "Retry with a pause, cut long answers by max_tokens, validate the request before it is sent.",
        waste.failed_calls,
    ),
    Rule(
        "failed_requests",
        "Requests that failed after spending",
        "cost of all calls of requests whose outcome is an error",
        "Nothing of what they spent reached the user.",
        "See where they fail; check what can fail (tools, permissions) before the expensive calls.",
        waste.failed_requests,
    ),
    Rule(
        "cut_off",
        "Answers cut off at the token limit",
        "cost of calls whose finish reason is length",
        "An answer that stops in the middle is of no use.",
        "Raise max_tokens, or ask for shorter answers.",
        waste.cut_off_calls,
        upper_bound=True,
    ),
    Rule(
        "oversized_models",
        "Large models for short, simple calls",
        "cost - cost of the same tokens with the next smaller model of the same provider and generation",
        f"At most {SHORT_INPUT_TOKENS:,} tokens in and {SHORT_OUTPUT_TOKENS} out, no tools, no reasoning. That the smaller "
        "model answers as well is not known: compare the quality of both before you change it.",
        "Try the smaller model on a share of the traffic and compare the two versions.",
        waste.oversized_models,
        upper_bound=True,
    ),
)
