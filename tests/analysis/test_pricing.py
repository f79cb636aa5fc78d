"""Money: list prices of the providers, every factor, and no zero that nobody said."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conventions.build import raw
from tracestore.analysis import price_data
from tracestore.analysis.price_data import bundled, nanousd_rate, price_of
from tracestore.analysis.pricing import PriceBook, Usage, cost, receipt
from tracestore.records import Price, Span

AT = 1_795_000_000 * 10**9  # 2026-11-18
M = 1_000_000_000  # 1 USD in nano-USD


@dataclass
class Row:
    pattern: str
    effective_from: date
    rates: dict[str, int] = field(default_factory=dict)
    provider: str = ""


def price(**rates: int) -> Price:
    return price_of("m", "test", [(name.replace("_over_", " over "), rate) for name, rate in rates.items()])


def found(provider: str | None, model: str, at_ns: int = AT) -> Price:
    price = PriceBook().find(provider, model, None, at_ns)
    assert price is not None
    return price


@pytest.mark.parametrize(
    ("provider", "model", "usage", "nanousd"),
    [
        # gpt-4o-mini: 0.15 in, 0.075 cached, 0.60 out per million (openai.com/api/pricing)
        ("openai", "gpt-4o-mini-2024-07-18", Usage(100, 20), 27_000),
        ("openai", "gpt-4o-mini", Usage(1200, 300, 1024), 283_200),
        ("azure.ai.openai", "gpt-4o", Usage(1_000_000, 0), 2 * M + M // 2),
        # Claude Sonnet 4.5: 3 in, 0.30 read, 3.75 written for 5 minutes, 6 for an hour, 15 out
        ("anthropic", "claude-sonnet-4-5", Usage(2175, 12, 2000, 150), 1_417_500),
        ("anthropic", "claude-sonnet-4-5", Usage(2175, 12, 2000, 150, 150), 1_755_000),
        # and 6 / 22.50 once the prompt is longer than 200 000 tokens
        ("anthropic", "claude-sonnet-4-5", Usage(200_000, 10), 600_150_000),
        ("anthropic", "claude-sonnet-4-5", Usage(200_001, 10), 1_200_231_000),
        (
            "aws.bedrock",
            "us.anthropic.claude-3-5-haiku-20241022-v1:0",
            Usage(1_000_000, 1_000_000),
            4 * M + 8 * M // 10,
        ),
        ("gcp.vertex_ai", "claude-sonnet-4-5@20250929", Usage(1000, 100), 4_500_000),
        ("openai", "text-embedding-3-small", Usage(1_000_000), 20_000_000),
        (None, "openai/gpt-4o-mini", Usage(100, 20), 27_000),
    ],
)
def test_list_prices(provider: str | None, model: str, usage: Usage, nanousd: int) -> None:
    assert cost(usage, found(provider, model)) == nanousd


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "no-such-model"), ("vllm", "gpt-4o"), ("ollama", "llama3"), (None, "mine"), ("acme", "x")],
)
def test_an_unknown_model_has_no_price(provider: str | None, model: str) -> None:
    assert PriceBook().find(provider, model, None, AT) is None


def span(**fields: object) -> Span:
    given: dict[str, object] = {"operation": "chat", "provider": "openai", "request_model": "gpt-4o-mini", **fields}
    return Span(raw=raw(), status=0, service="s", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"input_tokens": 5},
        {"input_tokens": 5, "output_tokens": 5, "operation": "tool"},
        {"input_tokens": 5, "output_tokens": 5, "request_model": "mine"},
        {"input_tokens": 5, "output_tokens": 5, "request_model": "text-embedding-3-small"},
    ],
)
def test_what_is_not_known_costs_none_and_never_zero(fields: dict[str, object]) -> None:
    assert PriceBook().price(span(**fields)) == (None, None)


def test_the_response_model_is_priced_before_the_request_model() -> None:
    _, by_response = PriceBook().price(span(input_tokens=1, output_tokens=1, response_model="gpt-4o"))
    _, by_request = PriceBook().price(span(input_tokens=1, output_tokens=1, response_model="nobody-knows"))
    assert by_response and by_response.model == "gpt-4o"
    assert by_request and by_request.model == "gpt-4o-mini"


def test_a_call_that_used_no_tokens_costs_a_true_zero() -> None:
    assert cost(Usage(0, 0), price(input=5, output=5)) == 0


@pytest.mark.parametrize(
    ("usage", "rates", "expected"),
    [
        (Usage(1, 0), {"input": 500_000}, 1),  # half a nano-USD goes up
        (Usage(1, 0), {"input": 499_999}, 0),
        (Usage(1, 1), {"input": 499_999, "output": 1}, 1),  # rounded once, over the sum
        (Usage(10, 4, reasoning_tokens=3), {"input": M, "output": M, "output_reasoning": 2 * M}, 17_000),
        (
            Usage(10, 4, audio_input_tokens=6, audio_output_tokens=4),
            {"input": M, "output": M, "input_audio": 10 * M},
            68_000,
        ),
        (Usage(10, 0, 8, 5), {"input": M, "cache_read": 0}, 2_000),  # cache is never more than the input
        (Usage(10, 0, 4), {"input": M}, 10_000),  # a kind without a rate of its own costs the plain one
    ],
)
def test_each_token_is_billed_once_at_its_most_special_rate(usage: Usage, rates: dict[str, int], expected: int) -> None:
    assert cost(usage, price(**rates)) == expected


def test_requests_are_billed_beside_tokens_or_alone() -> None:
    per_request = price(requests=5_000_000)
    assert cost(Usage(), per_request, requests=1) == 5_000_000
    assert cost(Usage(10, 0), price(input=M, requests=7), requests=1) == 10_007
    assert cost(Usage(), price(input=M, requests=7), requests=1) is None


def test_the_receipt_shows_every_factor() -> None:
    given = receipt(Usage(2175, 12, 2000, 150), found("anthropic", "claude-sonnet-4-5"))
    assert given is not None
    assert [(line.name, line.units, line.rate_nanousd, line.amount_nanousd) for line in given.lines] == [
        ("input", 25, 3 * M, 75_000),
        ("cache_read", 2000, 3 * M // 10, 600_000),
        ("cache_write", 150, 3_750_000_000, 562_500),
        ("output", 12, 15 * M, 180_000),
    ]
    assert given.total_nanousd == 1_417_500
    assert given.source.startswith("genai-prices ")


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6)
)
def test_all_tokens_are_on_the_receipt(total: int, read: int, created: int, out: int, reasoning: int) -> None:
    given = receipt(
        Usage(total, out, read, created, None, reasoning), price(input=3, output=5, cache_read=1, cache_write=4)
    )
    assert given is not None
    assert sum(line.units for line in given.lines) == total + out


_counts = st.none() | st.integers(0, 300_000)
_rates = st.dictionaries(
    st.sampled_from(
        ["input", "output", "cache_read", "cache_write", "output_reasoning", "requests", "input over 200000"]
    ),
    st.integers(0, 10**11),
)


@given(st.tuples(_counts, _counts), st.tuples(_counts, _counts), _counts, _rates, st.integers(0, 1))
def test_the_cost_is_the_total_of_the_receipt(
    tokens: tuple[int | None, int | None],
    cached: tuple[int | None, int | None],
    reasoning: int | None,
    rates: dict[str, int],
    requests: int,
) -> None:
    price = price_of("m", "s", rates.items())
    for usage in (Usage(*tokens), Usage(*tokens, *cached, None, reasoning)):
        shown = receipt(usage, price, requests)
        assert cost(usage, price, requests) == (None if shown is None else shown.total_nanousd)


def test_the_price_of_the_day_holds() -> None:
    book = PriceBook(
        [Row("gpt-4o-mini", date(2026, 1, 1), {"input": 1}), Row("gpt-4o-mini", date(2026, 11, 18), {"input": 2})]
    )
    day = 86_400 * 10**9
    rates = [
        dict(p.rates)["input"] for p in (book.find("openai", "gpt-4o-mini", None, AT + n * day) for n in (-1, 0)) if p
    ]
    assert rates == [1, 2]
    before = book.find("openai", "gpt-4o-mini", None, AT - 400 * day)
    assert before is not None and before.source.startswith("genai-prices")


def test_a_project_price_goes_first_and_the_exact_name_before_the_pattern() -> None:
    since = date(2020, 1, 1)
    rows = [Row("gpt-*", since, {"input": 1}), Row("gpt-4o*", since, {"input": 2}), Row("GPT-4o", since, {"input": 3}),
            Row("gpt-4.1", since, {"input": 4}, provider="azure.ai.openai"), Row("*", since, {"input": 5})]  # fmt: skip
    book = PriceBook(rows)

    def rate(provider: str, model: str) -> int:
        price = book.find(provider, model, None, AT)
        assert price is not None and price.source.startswith("project price ")
        return dict(price.rates)["input"]

    assert [rate("openai", model) for model in ("gpt-5", "gpt-4o-mini", "gpt-4o", "gpt-4.1", "mine")] == [1, 2, 3, 1, 5]
    assert rate("azure.ai.openai", "gpt-4.1") == 4


def test_prices_with_equal_content_have_one_id() -> None:
    assert price(input=1).id == price(input=1).id != price(input=2).id


def test_dated_list_prices_change_on_their_day() -> None:
    dated = [one for one in price_data._snapshot().providers if one.id == "openai"][0]
    model = next(m for m in dated.models if isinstance(m.prices, list) and len(m.prices) > 1)
    assert {p.id for p in (found("openai", model.id, AT), found("openai", model.id, 0))}


def test_old_price_data_is_told() -> None:
    checked = datetime.combine(price_data.data_date(), datetime.min.time(), UTC)
    assert not price_data.is_old(checked + timedelta(days=60))
    assert price_data.is_old(checked + timedelta(days=61))
    assert price_data.age_days(checked + timedelta(days=5)) == 5


def test_rates_round_half_up() -> None:
    from decimal import Decimal

    assert nanousd_rate(Decimal("0.15")) == 150_000_000
    assert nanousd_rate(Decimal("0.0000000005")) == 1


@pytest.mark.parametrize("name", ["text-embedding-3-small", "mistral-embed", "gpt-4o-mini"])
def test_a_model_that_its_maker_lists_has_a_price_without_a_provider(name: str) -> None:
    """Langfuse and MLflow name no provider on embeddings, and the list does not tell it from every name."""
    assert bundled(None, name)


@pytest.mark.parametrize("name", ["my-embedding-3-small", "house-model", "agent", "m"])
def test_a_model_that_nobody_lists_has_none(name: str) -> None:
    assert not bundled(None, name)
