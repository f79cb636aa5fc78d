"""What does a model cost by the bundled price list (the package `genai-prices`, offline)? Looked up once a model.

Names of rates: input, output, cache_read, cache_write, cache_write_1h, input_audio, output_audio, cache_audio_read,
output_reasoning (nano-USD per million tokens) and requests (nano-USD per request). `NAME over N` is the rate that all
tokens of NAME cost once the input is longer than N tokens.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any

from tracestore.analysis.model_names import bare_model
from tracestore.records import Price

OLD_AFTER_DAYS = 60
NANO = 1_000_000_000

_RATES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "output_audio_mtok": "output_audio",
    "cache_audio_read_mtok": "cache_audio_read",
    "output_reasoning_mtok": "output_reasoning",
}

# Our provider names -> ids of the price list; a provider that is not here is asked for by its own name.
_PROVIDERS = {
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "aws.bedrock": "aws",
    "gcp.vertex_ai": "google",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "x_ai": "x-ai",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
}
_CHECKED = re.compile(r"(?:[Cc]hecked|[Vv]erified|as of|last updated)\D{0,60}?(20\d\d-\d\d-\d\d)")

# Asked in this order when nobody names a provider and the list does not tell it from the name (`text-embedding-3-small`).
_MAKERS = ("openai", "anthropic", "google", "mistral", "cohere", "deepseek", "x-ai")

Dated = tuple[Callable[[datetime], bool] | None, Price]  # when it holds (None = always) and the price


def nanousd_rate(usd_per_million: Decimal) -> int:
    """USD per million tokens -> nano-USD per million tokens."""
    return int((usd_per_million * NANO).to_integral_value(ROUND_HALF_UP))


def price_of(model: str, source: str, rates: Iterable[tuple[str, int]]) -> Price:
    """A price with the id that its content gives it."""
    ordered = tuple(sorted(rates))
    content = json.dumps((model, source, ordered), separators=(",", ":")).encode()
    number = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big", signed=True)
    return Price(id=number, model=model, source=source, rates=ordered)


@cache
def _snapshot() -> Any:
    from genai_prices.data_snapshot import get_snapshot  # 0.5 s and 40 MB: only who prices pays

    return get_snapshot()


@lru_cache(maxsize=8192)
def bundled(provider: str | None, model: str) -> tuple[Dated, ...]:
    """The prices of a model, the one that takes precedence first; empty when the list does not know it.

    provider: our canonical name or None (then the model's name must tell). A provider that the list does not know
    (vllm, ollama, a gateway of one's own) has no price, whatever the model is called.
    """
    found = listed_model(provider, model)
    return _prices(*found) if found else ()


@lru_cache(maxsize=8192)
def listed_model(provider: str | None, model: str) -> tuple[Any, Any] | None:
    """(provider, model) of the bundled list by our names for them, as `bundled` looks them up; None = not listed."""
    references = _references(provider, model)
    if provider is None:
        references += [(maker, name) for maker in _MAKERS for _, name in references]
    return next((found for listed, name in references if (found := _look_up(listed, name))), None)


def _references(provider: str | None, model: str) -> list[tuple[str | None, str]]:
    """(provider of the list, name) pairs to try: the name as it is, its last part, then without region and version."""
    name = model.strip().lower()
    listed = _PROVIDERS.get(provider, provider) if provider else None
    names = list(dict.fromkeys([name, name.rsplit("/", 1)[-1], bare_model(name) or name]))
    pairs = [(listed, one) for one in names]
    if provider is None and "/" in name:
        route, rest = name.split("/", 1)
        pairs = [(_PROVIDERS.get(route, route), rest), *pairs]
    return pairs


def _look_up(listed: str | None, reference: str) -> tuple[Any, Any] | None:
    try:
        found: tuple[Any, Any] = _snapshot().find_provider_model(reference, None, listed, None)
    except LookupError:
        return None
    return found


def _prices(provider: Any, model: Any) -> tuple[Dated, ...]:
    source = f"genai-prices {version('genai-prices')} {provider.id}"
    if not isinstance(model.prices, list):
        return ((None, price_of(model.id, source, _rates(model.prices))),)
    dated = [_dated(conditional, model.id, source) for conditional in reversed(model.prices)]
    return (*dated, (None, dated[-1][1]))  # before the first date: the first price, as the list itself does


def _dated(conditional: Any, model: str, source: str) -> Dated:
    constraint = conditional.constraint
    start = getattr(constraint, "start_date", None)
    named = f"{source} from {start.isoformat()}" if start is not None else source
    return (constraint.active if constraint is not None else None, price_of(model, named, _rates(conditional.prices)))


def _rates(prices: Any) -> list[tuple[str, int]]:
    rates: list[tuple[str, int]] = []
    for key, name in _RATES.items():
        given = prices.__dict__.get(key)
        if given is None:
            continue
        if isinstance(given, Decimal):
            rates.append((name, nanousd_rate(given)))
            continue
        rates.append((name, nanousd_rate(given.base)))
        rates.extend((f"{name} over {tier.start}", nanousd_rate(tier.price)) for tier in given.tiers)
    requests = prices.__dict__.get("requests_kcount")
    if isinstance(requests, Decimal):
        rates.append(("requests", nanousd_rate(requests / 1000)))
    return rates


@cache
def data_date() -> date:
    """The newest day on which somebody checked a price of the bundled list, as its own notes say."""
    noted = " ".join(
        str(note) for provider in _snapshot().providers for model in provider.models if (note := model.price_comments)
    )
    return max(date.fromisoformat(day) for day in _CHECKED.findall(noted))


def age_days(now: datetime) -> int:
    """How many days ago the bundled price list was last checked."""
    return (now.astimezone(UTC).date() - data_date()).days


def is_old(now: datetime) -> bool:
    return age_days(now) > OLD_AFTER_DAYS
