"""How many tokens does a model take? As the bundled price list says; what it does not say is unknown."""

from importlib.metadata import version
from typing import Final

from tracestore.analysis.price_data import listed_model

SOURCE: Final = f"genai-prices {version('genai-prices')}"


def context_window(provider: str | None, model: str) -> int | None:
    """Tokens that the model takes at once, of a model by the name its provider knows it by; None = unknown."""
    found = listed_model(provider, model)
    window = found[1].context_window if found else None
    return window if isinstance(window, int) and window > 0 else None
