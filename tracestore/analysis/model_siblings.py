"""Which smaller models of the same provider and generation are in the bundled price list?"""

import re
from functools import lru_cache
from typing import Any, Final

from tracestore.analysis.model_names import canonical_model
from tracestore.analysis.price_data import bundled, listed_model
from tracestore.records import Price

# Words that say nothing but how large a model of its generation is; whatever else a name says must be the same.
SIZES: Final = frozenset(
    ("opus", "sonnet", "haiku", "pro", "flash", "lite", "mini", "nano", "micro", "small", "medium", "large", "ultra")
)
_WORD = re.compile(r"[-_ ]+")


@lru_cache(maxsize=1024)
def siblings(provider: str | None, model: str) -> tuple[Price, ...]:
    """Prices, without conditions, of the other models that differ from it by a word of size alone; in order of name.

    `gpt-4o` has `gpt-4o-mini`, `claude-sonnet-4-5` has `claude-haiku-4-5` and the opus. Empty for a model that is not listed.
    """
    found = listed_model(provider, model)
    if found is None:
        return ()
    listed, own = found
    size, stem = _sorted_words(own.id)
    prices = (_price(listed.id, one) for one in listed.models if not one.deprecated and _is_sibling(one.id, size, stem))
    return tuple(price for price in prices if price)


_Words = tuple[str, ...]


def _is_sibling(name: str, size: _Words, stem: _Words) -> bool:
    other_size, other_stem = _sorted_words(name)
    return other_stem == stem and other_size != size


def _sorted_words(name: str) -> tuple[_Words, _Words]:
    """(words of size, the other words) of a name without its date."""
    words = _WORD.split(canonical_model(name) or name)
    return tuple(word for word in words if word in SIZES), tuple(word for word in words if word not in SIZES)


def _price(provider: str, model: Any) -> Price | None:
    prices = bundled(provider, model.id)
    return prices[0][1] if len(prices) == 1 else None
