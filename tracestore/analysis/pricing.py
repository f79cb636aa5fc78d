"""What did a call cost, and why? Tokens times rates in integer nano-USD; every factor can be shown.

Input tokens include what the cache served and created; each token is billed once, at the most special rate that the
price has: cache read, cache write (one hour, five minutes), audio, else input; audio output, reasoning, else output.
A special kind without a rate of its own costs its plain rate. The sum of tokens x rate is exact and divided by a
million once, at the end, half up. No price, or tokens of a kind that the price does not cover at all: None, never 0.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import msgspec
from msgspec.structs import force_setattr

from tracestore.analysis.price_data import bundled, price_of
from tracestore.records import Price, Span

MILLION = 1_000_000
COST_MAX_NANOUSD = 10**15  # a million USD for one call: nobody was billed that
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TALKS = frozenset({"chat", "completion"})  # bill output as well: without it a cost would be too low
_CALLS = _TALKS | {"embedding", "rerank"}
_PRICED = _CALLS | {"agent", "workflow", "task"}


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one call, as a span keeps them: input includes both kinds of cache, output includes reasoning."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    cache_creation_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_input_tokens: int | None = None
    audio_output_tokens: int | None = None


class Line(msgspec.Struct, frozen=True, gc=False):
    """One factor: units (tokens, or 1 request) x rate (nano-USD per million tokens, or per request) = amount.

    amount_nanousd is rounded half up by itself; the total is rounded once over the exact sum.
    """

    name: str
    units: int
    rate_nanousd: int
    amount_nanousd: int
    per_million: bool = True


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """Every factor of a cost. source: which list or project price, and from which day it holds."""

    model: str
    source: str
    lines: tuple[Line, ...]
    total_nanousd: int


class ProjectPriceRow(Protocol):
    """A project's own price, effective from a UTC day on. pattern: exact, or `*` at the end. provider "": any."""

    @property
    def provider(self) -> str: ...
    @property
    def pattern(self) -> str: ...
    @property
    def effective_from(self) -> date: ...
    @property
    def rates(self) -> dict[str, int]: ...


class PriceBook:
    """The prices that hold for one project: its own first, then the bundled list."""

    def __init__(self, own: Iterable[ProjectPriceRow] = ()) -> None:
        """own: rows in any order; the exact pattern goes before a prefix, a longer prefix before a shorter one."""
        self._own = sorted(own, key=_precedence)
        self._own_prices = [_project_price(row) for row in self._own]
        self._known: dict[tuple[str | None, str, date | None], tuple[Price | None]] = {}

    @classmethod
    def for_project(cls, prices: Sequence[ProjectPriceRow]) -> "PriceBook":
        return cls(prices)

    def price(self, span: Span) -> tuple[int | None, Price | None]:
        """(cost in nano-USD, the price it was computed with); (None, None) when it cannot be known, or believed."""
        if span.operation not in _PRICED or (span.operation in _TALKS and span.output_tokens is None):
            return None, None
        price = self.find(span.provider, span.response_model, span.request_model, span.raw.start_ns)
        if price is None:
            return None, None
        cost_nanousd = cost(span, price, requests=1 if span.operation in _CALLS else 0)
        return (None, None) if cost_nanousd is None or cost_nanousd > COST_MAX_NANOUSD else (cost_nanousd, price)

    def charge(self, span: Span, prices: dict[int, Price]) -> None:
        """Sets what a new span costs, and notes the price in prices. An unknown cost stays None: it is not a cost of zero."""
        cost_nanousd, price = self.price(span)
        if price is not None:
            prices[price.id] = price
            force_setattr(span, "cost_nanousd", cost_nanousd)  # nobody else has seen this span: a copy would cost 1 us
            force_setattr(span, "price_id", price.id)

    def find(
        self, provider: str | None, response_model: str | None, request_model: str | None, at_ns: int
    ) -> Price | None:
        """The price at a time (ns since the epoch) of the response model, else of the request model."""
        for model in (response_model, request_model):
            found = self._find(provider, model, at_ns) if model else None
            if found is not None:
                return found
        return None

    def _find(self, provider: str | None, model: str, at_ns: int) -> Price | None:
        day = _day(at_ns) if self._own else None
        listed = bundled(provider, model)
        if len(listed) > 1:
            return self._own_price(provider, model, _day(at_ns)) or _effective(listed, at_ns)
        key = (provider, model, day)
        known = self._known.get(key)
        if known is None:
            if len(self._known) > 10_000:
                self._known.clear()
            own = self._own_price(provider, model, day) if day is not None else None
            known = self._known[key] = (own or (listed[0][1] if listed else None),)
        return known[0]

    def _own_price(self, provider: str | None, model: str, day: date) -> Price | None:
        for row, price in zip(self._own, self._own_prices, strict=True):
            if row.effective_from <= day and row.provider in ("", provider) and _matches(row.pattern, model):
                return price
        return None


def cost(usage: Any, price: Price, requests: int = 0) -> int | None:
    """nano-USD, half up; None when nothing is known that the price can bill. usage: any object with Usage's fields."""
    plain = _plain_rates(price)
    if plain is not None and _is_plain(usage):  # 1 us instead of 4: most calls
        exact: int = usage.input_tokens * plain[0] + usage.output_tokens * plain[1]
        return (exact + MILLION // 2) // MILLION
    lines = _lines(usage, _rates(price), requests)
    return None if lines is None else _total(lines)


def receipt(usage: Any, price: Price, requests: int = 0) -> Receipt | None:
    """The same cost with every factor."""
    lines = _lines(usage, dict(price.rates), requests)
    if lines is None:
        return None
    shown = tuple(
        Line(name, units, rate, _rounded(units * rate, per_million), per_million)
        for name, units, rate, per_million in lines
    )
    return Receipt(price.model, price.source, shown, _total(lines))


_known_rates: dict[int, dict[str, int]] = {}  # by price id, which is a hash of its content


def _rates(price: Price) -> dict[str, int]:
    rates = _known_rates.get(price.id)
    if rates is None:
        if len(_known_rates) > 4096:
            _known_rates.clear()
        rates = _known_rates[price.id] = dict(price.rates)
    return rates


_known_plain: dict[int, tuple[int, int] | None] = {}  # by price id


def _plain_rates(price: Price) -> tuple[int, int] | None:
    """The rates of input and output, of a price that has both, without tiers and without a price for the request."""
    if price.id not in _known_plain:
        if len(_known_plain) > 4096:
            _known_plain.clear()
        rates = _rates(price)
        tiered = any(name.startswith(("input over ", "output over ")) for name in rates)
        whole = "input" in rates and "output" in rates and "requests" not in rates
        _known_plain[price.id] = (rates["input"], rates["output"]) if whole and not tiered else None
    return _known_plain.get(price.id)


def _is_plain(usage: Any) -> bool:
    """Input and output and nothing special among them."""
    return (
        usage.input_tokens is not None
        and usage.output_tokens is not None
        and not usage.cache_read_tokens
        and not usage.cache_creation_tokens
        and not usage.reasoning_tokens
        and not usage.audio_input_tokens
        and not usage.audio_output_tokens
    )


_Factors = list[tuple[str, int, int, bool]]  # rate name, units, rate, per million


def _lines(usage: Any, rates: dict[str, int], requests: int) -> _Factors | None:
    """The factors; None when tokens are unknown (and no request is billed) or have no rate."""
    given_in, given_out = usage.input_tokens, usage.output_tokens
    counts: dict[str, int] = {}
    for names, count in (*_input_units(usage, given_in or 0), *_output_units(usage, given_out or 0)):
        if count <= 0:
            continue
        name = next((name for name in names if name in rates), None)
        if name is None:
            return None
        chosen = _tier(name, rates, given_in or 0)
        counts[chosen] = counts.get(chosen, 0) + count
    factors = [(name, count, rates[name], True) for name, count in counts.items()]
    if requests and "requests" in rates:
        factors.append(("requests", requests, rates["requests"], False))
    if given_in is None and given_out is None and "input" in rates:
        return None
    return factors or _nothing_billed(rates)


def _nothing_billed(rates: dict[str, int]) -> _Factors | None:
    """No tokens at all: a true zero, as long as the price bills tokens."""
    return [("input", 0, rates["input"], True)] if "input" in rates else None


def _input_units(usage: Any, total: int) -> list[tuple[tuple[str, ...], int]]:
    """(rate names from special to plain, tokens) of each kind of input; together they are never more than the total."""
    read = min(usage.cache_read_tokens or 0, total)
    created = min(usage.cache_creation_tokens or 0, total - read)
    long_lived = min(usage.cache_creation_1h_tokens or 0, created)
    audio = min(usage.audio_input_tokens or 0, total - read - created)
    return [
        (("input",), total - read - created - audio),
        (("cache_read", "input"), read),
        (("cache_write", "input"), created - long_lived),
        (("cache_write_1h", "cache_write", "input"), long_lived),
        (("input_audio", "input"), audio),
    ]


def _output_units(usage: Any, total: int) -> list[tuple[tuple[str, ...], int]]:
    audio = min(usage.audio_output_tokens or 0, total)
    reasoning = min(usage.reasoning_tokens or 0, total - audio)
    return [
        (("output",), total - audio - reasoning),
        (("output_reasoning", "output"), reasoning),
        (("output_audio", "output"), audio),
    ]


def _tier(name: str, rates: dict[str, int], input_tokens: int) -> str:
    """The rate of the highest tier that the input is longer than; it holds for all tokens (the providers' cliff)."""
    best, best_start = name, -1
    for key in rates:
        if key.startswith(name + " over "):
            start = int(key.rsplit(" ", 1)[1])
            if best_start < start < input_tokens:
                best, best_start = key, start
    return best


def _total(factors: _Factors) -> int:
    exact = sum(units * rate * (1 if per_million else MILLION) for _, units, rate, per_million in factors)
    return (exact + MILLION // 2) // MILLION


def _rounded(product: int, per_million: bool) -> int:
    return (product + MILLION // 2) // MILLION if per_million else product


def _matches(pattern: str, model: str) -> bool:
    name = model.lower()
    wanted = pattern.lower()
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted


def _precedence(row: ProjectPriceRow) -> tuple[object, ...]:
    prefix = row.pattern.endswith("*")
    return (prefix, -len(row.pattern), row.provider == "", -row.effective_from.toordinal(), row.pattern, row.provider)


def _project_price(row: ProjectPriceRow) -> Price:
    source = f"project price {row.pattern} from {row.effective_from.isoformat()}"
    return price_of(row.pattern, source, ((name, int(rate)) for name, rate in row.rates.items() if rate is not None))


def _effective(dated: Sequence[Any], at_ns: int) -> Price | None:
    moment = _moment(at_ns)
    return next((price for holds, price in dated if holds is None or holds(moment)), None)


def _moment(at_ns: int) -> datetime:
    """Times out of datetime's range count as the nearest that is in it."""
    return _EPOCH + timedelta(seconds=min(max(at_ns, 0) // 1_000_000_000, 250_000_000_000))


def _day(at_ns: int) -> date:
    return _moment(at_ns).date()
