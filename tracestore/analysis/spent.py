"""A model call as the hints on waste look at it: what it used, what it cost, what its prompt was made of."""

from dataclasses import dataclass
from typing import Final

from tracestore.analysis.context import Prompt
from tracestore.analysis.pricing import Usage, cost
from tracestore.records import Price

ERROR: Final = 2


@dataclass(frozen=True, slots=True)
class SpentCall:
    """A billable call. price: what its cost was computed with; None where the emitter reported it, or it is unknown.

    requests: 1 for a call that is charged for as a request. trace_failed: the request that it served failed.
    uses_tools: it asked for a tool, or its trace ran one. prompt: None where nothing was captured, or it was not looked at.
    """

    trace_id: str
    span_id: str
    start_ns: int
    service: str
    provider: str | None
    model: str | None
    status: int
    usage: Usage
    cost_nanousd: int | None
    price: Price | None
    finish_reasons: tuple[str, ...] = ()
    requests: int = 1
    trace_failed: bool = False
    uses_tools: bool = False
    prompt: Prompt | None = None


def saving(call: SpentCall, cheaper: Usage) -> int | None:
    """nano-USD that the call would have cost less with this usage, by its own price; None when that cannot be computed."""
    return _less(call, cost(cheaper, call.price, call.requests) if call.price else None)


def saving_with(call: SpentCall, price: Price) -> int | None:
    """The same usage at another price."""
    return _less(call, cost(call.usage, price, call.requests))


def _less(call: SpentCall, other: int | None) -> int | None:
    if call.cost_nanousd is None or other is None:
        return None
    return max(0, call.cost_nanousd - other)


def without_input(usage: Usage, tokens: int) -> Usage:
    """Usage of a prompt shorter by these tokens, of which first those go that the cache served: they cost least."""
    given = usage.input_tokens or 0
    tokens = min(tokens, given)
    read, created = usage.cache_read_tokens or 0, usage.cache_creation_tokens or 0
    left_read = max(0, read - tokens)
    left_created = max(0, created - max(0, tokens - read))
    return Usage(
        input_tokens=given - tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=left_read,
        cache_creation_tokens=left_created,
        cache_creation_1h_tokens=min(usage.cache_creation_1h_tokens or 0, left_created),
        reasoning_tokens=usage.reasoning_tokens,
        audio_input_tokens=min(usage.audio_input_tokens or 0, given - tokens),
        audio_output_tokens=usage.audio_output_tokens,
    )
