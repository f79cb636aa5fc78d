"""Hints where money is lost: on hand-made calls, to the nano-USD."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracestore.analysis import waste
from tracestore.analysis.context import PARTS, Block, Composition, Prompt
from tracestore.analysis.hints import RULES, find_hints, share_interval
from tracestore.analysis.model_siblings import siblings
from tracestore.analysis.price_data import bundled, price_of
from tracestore.analysis.pricing import Usage, cost
from tracestore.analysis.spent import SpentCall, without_input

SECOND = 10**9
# 10 USD in, 1 cached, 30 out a million tokens: one token is 10 000, 1 000, 30 000 nano-USD.
PRICE = price_of("m", "test", [("input", 10 * 10**9), ("cache_read", 10**9), ("output", 30 * 10**9)])
TOKEN, CACHED, OUTPUT = 10_000, 1_000, 30_000


def call(number: int = 1, at: float = 0, trace: str = "t1", price: Any = PRICE, **fields: Any) -> SpentCall:
    """1000 tokens in, 100 out unless it says so."""
    usage = Usage(**({"input_tokens": 1_000, "output_tokens": 100, "cache_read_tokens": 0} | fields.pop("usage", {})))
    known = {
        "trace_id": trace, "span_id": f"s{number}", "start_ns": int(at * SECOND), "service": "shop", "provider": "openai",
        "model": "m", "status": 0, "usage": usage, "cost_nanousd": cost(usage, price, 1), "price": price,
    }  # fmt: skip
    return SpentCall(**(known | fields))


def prompt(*sizes: int, old: int = 0, results: tuple[int, ...] = (), tools: bool = False) -> Prompt:
    """Blocks of these sizes; the n-th of all prompts are alike. Characters are as many as the sizes say."""
    blocks = tuple(Block(f"{number}:{size}", size) for number, size in enumerate(sizes))
    chars = dict.fromkeys(PARTS, 0) | {"history": sum(sizes)}
    return Prompt(Composition(chars, 1, old, results, 0), blocks, tools)


def amounts(saved: waste.Saved) -> dict[str, int]:
    return {one.span_id: amount for one, amount in saved}


def talk(at: float, second: dict[str, Any] | None = None, **fields: Any) -> list[SpentCall]:
    """Two calls; the second repeats the 3000 characters of the first and adds 1000. It has 4000 tokens."""
    first = call(1, prompt=prompt(1_000, 2_000), usage={"input_tokens": 3_000})
    usage = {"input_tokens": 4_000} | (second or {})
    return [first, call(2, at, prompt=prompt(1_000, 2_000, 1_000), usage=usage, **fields)]


def test_a_repeated_beginning_that_was_not_cached_costs_the_difference_to_the_cached_price():
    assert amounts(waste.uncached_prefixes(talk(at=60))) == {"s2": 3_000 * (TOKEN - CACHED)}


@pytest.mark.parametrize(
    "calls",
    [
        talk(at=301),
        talk(at=60, second={"cache_read_tokens": 2_000}),
        talk(at=60, model="other"),
        talk(at=60, service="silent", second={"cache_read_tokens": None}),
        talk(at=60, price=price_of("m", "test", [("input", 10**10), ("output", 10**10)])),
    ],
    ids=["too late", "was cached", "another model", "says nothing of caches", "no cached price"],
)
def test_nothing_is_lost_where_the_cache_could_not_have_helped(calls):
    assert waste.uncached_prefixes(calls) == []


def test_a_service_that_reports_caches_elsewhere_says_zero_by_silence():
    assert amounts(waste.uncached_prefixes(talk(at=60, second={"cache_read_tokens": None}))) == {
        "s2": 3_000 * (TOKEN - CACHED)
    }


def test_a_failed_call_fills_no_cache():
    first, second = talk(at=60)
    failed = SpentCall(**{name: getattr(first, name) for name in SpentCall.__slots__} | {"status": 2})
    assert waste.uncached_prefixes([failed, second]) == []


def test_a_prefix_below_what_providers_cache_is_not_counted():
    calls = [call(1, prompt=prompt(500)), call(2, 1, prompt=prompt(500, 500))]
    assert waste.uncached_prefixes(calls) == []


def test_old_history_costs_what_it_takes_of_the_input():
    long = call(prompt=prompt(4_000, old=1_000), usage={"input_tokens": 2_000})
    assert amounts(waste.long_histories([long, call(2, prompt=prompt(100))])) == {"s1": 500 * TOKEN}


def test_what_is_taken_off_a_prompt_was_cached_first():
    cached = call(prompt=prompt(4_000, old=1_000), usage={"input_tokens": 2_000, "cache_read_tokens": 400})
    assert amounts(waste.long_histories([cached])) == {"s1": 400 * CACHED + 100 * TOKEN}


def test_of_a_tool_result_what_is_beyond_two_thousand_tokens_is_too_much():
    large = call(prompt=prompt(20_000, results=(6_000, 10_000)), usage={"input_tokens": 10_000})
    assert amounts(waste.oversized_results([large])) == {"s1": (1_000 + 3_000) * TOKEN}


def test_failed_cut_off_and_failed_request_cost_all_of_it():
    calls = [
        call(1, status=2),
        call(2, finish_reasons=("length",)),
        call(3, trace_failed=True),
        call(4),
        call(5, status=2, cost_nanousd=None),
    ]
    whole = 1_000 * TOKEN + 100 * OUTPUT
    assert amounts(waste.failed_calls(calls)) == {"s1": whole}
    assert amounts(waste.cut_off_calls(calls)) == {"s2": whole}
    assert amounts(waste.failed_requests(calls)) == {"s3": whole}


def test_the_same_prompt_again_in_one_trace_is_paid_twice():
    same = prompt(10, 20)
    calls = [
        call(1, 0, prompt=same),
        call(2, 1, prompt=same),
        call(3, 2, trace="t2", prompt=same),
        call(4, 3, prompt=prompt(10)),
    ]
    assert amounts(waste.repeated_calls(calls)) == {"s2": 1_000 * TOKEN + 100 * OUTPUT}


def simple(**fields: Any) -> SpentCall:
    (_, listed), *_ = bundled("openai", "gpt-4o")
    return call(model="gpt-4o", price=listed, **fields)


def test_a_short_simple_call_could_have_gone_to_the_next_smaller_model():
    # gpt-4o: 2.50 in, 10 out; gpt-4o-mini: 0.15 in, 0.60 out a million
    assert amounts(waste.oversized_models([simple()])) == {"s1": 1_000 * (2_500 - 150) + 100 * (10_000 - 600)}


@pytest.mark.parametrize(
    "one",
    [
        simple(uses_tools=True),
        simple(usage={"reasoning_tokens": 10}),
        simple(usage={"output_tokens": 201}),
        simple(usage={"input_tokens": 4_001}),
        simple(status=2),
        simple(prompt=prompt(10, tools=True)),
        call(model="gpt-4o-mini", price=bundled("openai", "gpt-4o-mini")[0][1]),
        call(model="unlisted"),
    ],
)
def test_a_call_that_is_not_simple_or_has_no_smaller_model_is_left_alone(one):
    assert waste.oversized_models([one]) == []


def test_siblings_differ_by_a_word_of_size_alone():
    assert [one.model for one in siblings("openai", "gpt-4.1")] == ["gpt-4.1-mini", "gpt-4.1-nano"]
    assert "gpt-4o-2024-05-13" not in [one.model for one in siblings("openai", "gpt-4o")]
    assert siblings("openai", "no-such-model") == ()


def test_of_a_sample_the_sum_is_scaled_by_cost_and_not_below_what_was_found():
    calls = [call(1, status=2), *(call(number, trace=f"t{number}") for number in range(2, 11))]
    one = 1_000 * TOKEN + 100 * OUTPUT
    (hint,) = find_hints(calls, 40 * one)
    assert (hint.rule.name, hint.found_nanousd, hint.stake_nanousd, hint.share) == ("failed_calls", one, 4 * one, 0.1)
    assert (hint.n, hint.n_looked_at, hint.low) == (1, 10, None)
    assert find_hints(calls, 10 * one)[0].stake_nanousd == one
    assert find_hints(calls, 0)[0].stake_nanousd == one


def test_what_is_below_half_a_percent_is_not_worth_a_line():
    calls = [call(1, status=2, cost_nanousd=4), call(2, cost_nanousd=996)]
    assert find_hints(calls, 1_000) == []
    assert find_hints([call(1, status=2, cost_nanousd=6), calls[1]], 1_002) != []


def test_rules_that_need_prompts_count_only_calls_whose_prompt_was_read():
    read = [call(number, number, prompt=prompt(10)) for number in (1, 2)]
    hints = {
        one.rule.name: one for one in find_hints([*read, *(call(number) for number in range(3, 8))], 7 * 13_000_000)
    }
    assert hints["repeated_calls"].n_looked_at == 2
    assert hints["repeated_calls"].share == 0.5


def test_examples_are_of_different_traces_and_dearest_first():
    calls = [call(n, trace=f"t{n % 3}", status=2, cost_nanousd=n) for n in range(1, 10)]
    (hint,) = find_hints(calls, 45)
    assert hint.examples == (("t0", "s9", 9), ("t2", "s8", 8), ("t1", "s7", 7))


def test_the_interval_of_a_ratio_is_that_of_its_traces():
    # 25 traces of equal cost, 5 of them lost whole: a share of 0.2, whose error is sqrt(0.2 * 0.8 / 24) = 0.08165
    calls = [call(n, trace=f"t{n}", cost_nanousd=100) for n in range(25)]
    low, high = share_interval(calls, [(one, 100) for one in calls[:5]])
    assert (round(low or 0, 4), round(high or 0, 4)) == (0.04, 0.36)
    assert share_interval(calls[:19], []) == (None, None)


tokens = st.integers(0, 10_000)


@given(tokens, tokens, tokens, tokens)
def test_a_shorter_prompt_never_costs_more(given, read, created, less):
    usage = Usage(given, 10, min(read, given), min(created, given - min(read, given)))
    shorter = without_input(usage, less)
    before, after = cost(usage, PRICE), cost(shorter, PRICE)
    assert before is not None
    assert after is not None
    assert after <= before
    assert (shorter.cache_read_tokens or 0) + (shorter.cache_creation_tokens or 0) <= (shorter.input_tokens or 0)


def test_every_rule_says_how_it_is_computed_and_what_it_assumes():
    for rule in RULES:
        assert rule.formula
        assert rule.assumption.endswith(".")
        assert rule.advice.endswith(".")
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_a_price_with_a_fee_for_a_request_keeps_it():
    priced = price_of("m", "test", [("input", 10**10), ("output", 10**10), ("requests", 7)])
    long = call(price=priced, prompt=prompt(1_000, old=500))
    assert amounts(waste.long_histories([long])) == {"s1": 500 * TOKEN}
    assert msgspec.structs.asdict(long.usage)["input_tokens"] == 1_000
