"""Which version of a service runs at a time? Releases are drawn by window; a bad one is rolled back after minutes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from dashboard.demo.chance import number, share
from dashboard.demo.plan import SECOND

EPOCH_S = 1_767_225_600  # 2026-01-01, where version numbers start
WINDOW_S = 2 * 3600
BAD_EVERY = 3  # of the services marked so, every third window holds a bad release: six hours always show one
MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Release:
    """What a service runs. fault: what is wrong with it, None for a good one."""

    service: str
    version: str
    model: str
    prompt_version: str
    tools_version: int
    index_version: str
    revision: str
    fault: str | None


@dataclass(frozen=True, slots=True)
class Product:
    """How a service is released. models: the choice its releases make; faults: what its bad releases suffer from.

    always_bad: whether every third window holds a bad release for sure, or by chance as elsewhere.
    """

    service: str
    major: int
    models: tuple[str, ...]
    faults: tuple[str, ...]
    always_bad: bool = False


def release_at(product: Product, time_ns: int, seed: int) -> Release:
    """The release that runs at time_ns."""
    time_s = time_ns // SECOND - EPOCH_S
    window = (time_s + _shift_s(product, seed)) // WINDOW_S
    into_s = (time_s + _shift_s(product, seed)) % WINDOW_S
    fault = _fault(product, window, seed)
    begin_s, end_s = _life_s(product, window, seed)
    if fault and begin_s <= into_s < end_s:
        return _release(product, window, seed, fault)
    if not fault and _ships(product, window, seed) and into_s >= begin_s:
        return _release(product, window, seed, None)
    return _last_good(product, window - 1, seed)


@lru_cache(maxsize=256)
def _last_good(product: Product, window: int, seed: int) -> Release:
    while not _ships(product, window, seed) or _fault(product, window, seed):
        window -= 1
    return _release(product, window, seed, None)


def _shift_s(product: Product, seed: int) -> int:
    """Teams do not release at the same minute."""
    return int(share("shift", product.service, seed) * WINDOW_S)


def _ships(product: Product, window: int, seed: int) -> bool:
    return share("ships", product.service, window, seed) < 0.6 or _fault(product, window, seed) is not None


def _fault(product: Product, window: int, seed: int) -> str | None:
    sure = product.always_bad and window % BAD_EVERY == 0
    if not sure and share("bad", product.service, window, seed) > 0.12:
        return None
    return product.faults[number("fault", product.service, window, seed) % len(product.faults)]


def _life_s(product: Product, window: int, seed: int) -> tuple[int, int]:
    """When a bad release goes out and is rolled back, seconds into its window."""
    begin_s = int((10 + 30 * share("begin", product.service, window, seed)) * MINUTE_S)
    return begin_s, begin_s + int((14 + 14 * share("length", product.service, window, seed)) * MINUTE_S)


@lru_cache(maxsize=256)
def _release(product: Product, window: int, seed: int, fault: str | None) -> Release:
    """Models change seldom, prompts often, tools and the index now and then: each with its own clock of windows."""
    day, of_day = divmod(window * WINDOW_S // 3600, 24)
    date = datetime.fromtimestamp(EPOCH_S + window * WINDOW_S, UTC)
    return Release(
        service=product.service,
        version=f"{product.major}.{day}.{of_day}",
        model=product.models[number("model", product.service, window // 5, seed) % len(product.models)],
        prompt_version=f"{date:%m%d}.{1 + of_day // 4}" + ("-trial" if fault else ""),
        tools_version=1 + window // 11 % 4,
        index_version=f"kb-{date:%Y-%m-%d}",
        revision=f"{number('revision', product.service, window, seed, size_bytes=20):040x}",
        fault=fault,
    )
