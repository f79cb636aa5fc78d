"""Which calls wasted money, and how much less would they have cost? One pure function a kind of waste; see hints.py."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from tracestore.analysis.model_siblings import siblings
from tracestore.analysis.spent import ERROR, SpentCall, saving, saving_with, without_input

NS: Final = 1_000_000_000
CACHE_LASTS_NS: Final = 300 * NS  # OpenAI: 5 to 10 minutes; Anthropic: 5 minutes from the last use
CACHE_FROM_TOKENS: Final = 1_024  # both do not cache a shorter prefix
RESULT_TOKENS: Final = 2_000  # of one tool result; what is beyond is called oversized
SHORT_OUTPUT_TOKENS: Final = 200
SHORT_INPUT_TOKENS: Final = 4_000

Saved = list[tuple[SpentCall, int]]  # a call, and nano-USD that it would have cost less


def uncached_prefixes(calls: Sequence[SpentCall]) -> Saved:
    """Prompts that begin as one of the same model did at most CACHE_LASTS_NS before, and were read at the full price."""
    reporting = {(one.service, one.provider) for one in calls if one.usage.cache_read_tokens is not None}
    last_seen: dict[tuple[str | None, str | None, int], int] = {}
    saved: Saved = []
    for call in sorted(calls, key=lambda one: (one.start_ns, one.span_id)):
        prefixes = _prefixes(call)
        if not call.usage.cache_read_tokens and (call.service, call.provider) in reporting:
            amount = _if_cached(call, _repeated_chars(call, prefixes, last_seen))
            saved += [(call, amount)] if amount else []
        if call.status != ERROR:
            last_seen |= {(call.provider, call.model, prefix): call.start_ns for prefix, _ in prefixes}
    return saved


def _prefixes(call: SpentCall) -> list[tuple[int, int]]:
    """(hashes so far, characters so far) after each block of the prompt."""
    found: list[tuple[int, int]] = []
    so_far, chars = 0, 0
    for block in call.prompt.blocks if call.prompt else ():
        so_far, chars = hash((so_far, block.hash)), chars + block.chars
        found.append((so_far, chars))
    return found


def _repeated_chars(
    call: SpentCall,
    prefixes: Sequence[tuple[int, int]],
    last_seen: Mapping[tuple[str | None, str | None, int], int],
) -> int:
    earliest_ns = call.start_ns - CACHE_LASTS_NS
    for prefix, chars in reversed(prefixes):
        seen_ns = last_seen.get((call.provider, call.model, prefix))
        if seen_ns is not None and seen_ns >= earliest_ns:
            return chars
    return 0


def _if_cached(call: SpentCall, chars: int) -> int | None:
    """What the call would have cost less had the cache served these characters of its prompt."""
    total = call.prompt.composition.total if call.prompt else 0
    tokens = (call.usage.input_tokens or 0) * chars // total if total else 0
    if tokens < CACHE_FROM_TOKENS or call.price is None or "cache_read" not in dict(call.price.rates):
        return None
    return saving(call, msgspec.structs.replace(call.usage, cache_read_tokens=tokens))


def long_histories(calls: Sequence[SpentCall]) -> Saved:
    """Prompts that carry what was said before the last KEPT_TURNS turns of the user."""
    return _shorter(calls, _old)


def _old(call: SpentCall, tokens: int) -> int:
    return _part_of(call, call.prompt.composition.old_history, tokens) if call.prompt else 0


def oversized_results(calls: Sequence[SpentCall]) -> Saved:
    """Prompts that carry a tool result of more than RESULT_TOKENS: what is beyond that."""
    return _shorter(calls, _beyond)


def _beyond(call: SpentCall, tokens: int) -> int:
    results = call.prompt.composition.result_chars if call.prompt else ()
    return sum(max(0, _part_of(call, chars, tokens) - RESULT_TOKENS) for chars in results)


def _shorter(calls: Sequence[SpentCall], tokens_of: Callable[[SpentCall, int], int]) -> Saved:
    saved: Saved = []
    for call in calls:
        tokens = tokens_of(call, call.usage.input_tokens or 0)
        amount = saving(call, without_input(call.usage, tokens)) if tokens else None
        saved += [(call, amount)] if amount else []
    return saved


def _part_of(call: SpentCall, chars: int, tokens: int) -> int:
    total = call.prompt.composition.total if call.prompt else 0
    return tokens * chars // total if total else 0


def failed_calls(calls: Sequence[SpentCall]) -> Saved:
    return [(one, one.cost_nanousd) for one in calls if one.status == ERROR and one.cost_nanousd]


def repeated_calls(calls: Sequence[SpentCall]) -> Saved:
    """The second and later calls of one trace that sent the same prompt to the same model."""
    seen: set[tuple[str, str | None, int]] = set()
    saved: Saved = []
    for call in sorted(calls, key=lambda one: (one.start_ns, one.span_id)):
        prefixes = _prefixes(call)
        key = (call.trace_id, call.model, prefixes[-1][0] if prefixes else 0)
        if key in seen and call.cost_nanousd:
            saved.append((call, call.cost_nanousd))
        if prefixes:
            seen.add(key)
    return saved


def cut_off_calls(calls: Sequence[SpentCall]) -> Saved:
    cut = (one for one in calls if one.status != ERROR and "length" in one.finish_reasons)
    return [(one, one.cost_nanousd) for one in cut if one.cost_nanousd]


def failed_requests(calls: Sequence[SpentCall]) -> Saved:
    return [(one, one.cost_nanousd) for one in calls if one.trace_failed and one.cost_nanousd]


def oversized_models(calls: Sequence[SpentCall]) -> Saved:
    """Short simple calls, at the price of the next smaller model of the same provider and generation."""
    saved: Saved = []
    for call in filter(_is_simple, calls):
        amount = _with_smaller(call)
        saved += [(call, amount)] if amount else []
    return saved


def _is_simple(call: SpentCall) -> bool:
    usage = call.usage
    if call.status == ERROR or call.uses_tools or (call.prompt and call.prompt.offers_tools):
        return False
    if usage.input_tokens is None or usage.output_tokens is None or usage.reasoning_tokens:
        return False
    return usage.input_tokens <= SHORT_INPUT_TOKENS and 0 < usage.output_tokens <= SHORT_OUTPUT_TOKENS


def _with_smaller(call: SpentCall) -> int | None:
    """The difference to the dearest of the models that would have been cheaper: the smallest step down."""
    if call.price is None or call.model is None:
        return None
    amounts = (saving_with(call, price) for price in siblings(call.provider, call.model))
    return min((one for one in amounts if one), default=None)
