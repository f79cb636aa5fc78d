"""Which version of a service runs at a time? Releases are drawn by window; a bad one is rolled back after an hour or so.

Windows are those of the clock (UTC), so that every start of the demo finds a bad release of the main service within the last
four hours: bad in the even windows, each time in the next of the four lines. Other services have theirs in odd windows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from dashboard.demo.chance import number, share
from dashboard.demo.plan import SECOND

EPOCH_S = 1_767_225_600  # 2026-01-01, where version numbers start
WINDOW_S = 2 * 3600
MINUTE_S = 60
SHIPS = 0.5  # of the windows without a bad release


@dataclass(frozen=True, slots=True)
class Release:
    """What a service runs. fault: what is wrong with it (faults.py), None for a good one."""

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
    """How a service is released. models: the choice its releases make; faults: what its bad releases suffer from, in turn.

    every, at: a bad release goes out in the windows with window % every == at.
    """

    service: str
    major: int
    models: tuple[str, ...]
    faults: tuple[str, ...] = ()
    every: int = 2
    at: int = 0


@dataclass(frozen=True, slots=True)
class Deployment:
    """A moment at which another version began to serve. back: a bad one made room for the one before it."""

    release: Release
    time_ns: int
    back: bool


def release_at(product: Product, time_ns: int, seed: int) -> Release:
    """The release that runs at time_ns."""
    window, into_s = divmod(time_ns // SECOND - EPOCH_S, WINDOW_S)
    fault = _fault(product, window)
    begin_s, end_s = _life_s(product, window, seed)
    if fault and begin_s <= into_s < end_s:
        return _release(product, window, seed, fault)
    if not fault and _ships(product, window, seed) and into_s >= begin_s:
        return _release(product, window, seed, None)
    return _last_good(product, window - 1, seed)


def deployments(product: Product, start_ns: int, end_ns: int, seed: int) -> Iterator[Deployment]:
    """What went out in [start_ns, end_ns), in order."""
    first, last = ((time_ns // SECOND - EPOCH_S) // WINDOW_S for time_ns in (start_ns, end_ns))
    for window in range(first, last + 1):
        for into_s in _life_s(product, window, seed):
            time_ns = (EPOCH_S + window * WINDOW_S + into_s) * SECOND
            before, after = release_at(product, time_ns - 1, seed), release_at(product, time_ns, seed)
            if before != after and start_ns <= time_ns < end_ns:
                yield Deployment(after, time_ns, back=before.fault is not None)


@lru_cache(maxsize=256)
def _last_good(product: Product, window: int, seed: int) -> Release:
    while _fault(product, window) or not _ships(product, window, seed):
        window -= 1
    return _release(product, window, seed, None)


def _ships(product: Product, window: int, seed: int) -> bool:
    return share("ships", product.service, window, seed) < SHIPS


def _fault(product: Product, window: int) -> str | None:
    if not product.faults or window % product.every != product.at:
        return None
    return product.faults[window // product.every % len(product.faults)]


def _life_s(product: Product, window: int, seed: int) -> tuple[int, int]:
    """When a release goes out and, if it is bad, is rolled back: seconds into its window."""
    begin_s = int((10 + 15 * share("begin", product.service, window, seed)) * MINUTE_S)
    return begin_s, begin_s + int((55 + 20 * share("length", product.service, window, seed)) * MINUTE_S)


@lru_cache(maxsize=256)
def _release(product: Product, window: int, seed: int, fault: str | None) -> Release:
    """Models change seldom, prompts often, tools and the index now and then: each with its own clock of windows."""
    model = product.models[number("model", product.service, window // 60, seed) % len(product.models)]
    day, of_day = divmod(window * WINDOW_S // 3600, 24)
    date = datetime.fromtimestamp(EPOCH_S + window * WINDOW_S, UTC)
    return Release(
        service=product.service,
        version=f"{product.major}.{day}.{of_day}",
        model=_last_good(product, window - 1, seed).model if fault else model,  # what is bad is not the model
        prompt_version=f"{date:%m%d}.{1 + of_day // 4}" + ("-trial" if fault else ""),
        tools_version=1 + window // 11 % 4,
        index_version=f"kb-{date:%Y-%m-%d}",
        revision=f"{number('revision', product.service, window, seed, size_bytes=20):040x}",
        fault=fault,
    )
