"""Which version did it go bad from? The first-bad-version test, with an interval, or an honest "cannot tell".

Versions stand in the order they were first seen. A version that came back (a rollback) keeps its place.
"""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from tracestore.analysis.intervals import wilson
from tracestore.analysis.slo.burn import NOTHING, Count

LEAST_UNITS = 30  # of a version, to say anything about it
LEAST_CHANCE = 0.01
DRAWS = 499
PLAUSIBLE = 1.92  # log likelihoods within half of 3.84 of the best: 95 % of a chi-squared of one degree
STRATUM_S = 300
APART, ALIKE = "The versions hardly ran side by side", "Side by side the versions did not differ by more than chance"

Verdict = Literal["version", "external", "insufficient", "cannot_tell"]


@dataclass(frozen=True, slots=True)
class Cell:
    """Events of one version in the five minutes from start_s."""

    start_s: int
    version: str
    count: Count


@dataclass(frozen=True, slots=True)
class Blame:
    """verdict "version": it went bad from `first_bad` on. reason: why it is so, or why nothing can be said, in words.

    plausible: versions that the evidence allows as the first bad one, first_bad among them. before, after: events of the
    versions before it and from it on. separate: the version before it ran in the same minutes without getting worse, so
    that time alone does not explain it. recovered_with: a later version that is as good as those before.
    """

    verdict: Verdict
    reason: str
    first_bad: str | None = None
    last_good: str | None = None
    plausible: tuple[str, ...] = ()
    before: Count = NOTHING
    after: Count = NOTHING
    chance: float | None = None
    separate: bool = False
    recovered_with: str | None = None


def blame(cells: Iterable[Cell], order: Sequence[str], seed: int) -> Blame:
    """What went bad from which version on.

    cells: the events from well before the trouble until now. order: the versions, first seen first. seed: of the draws, so
    that the same evidence gives the same answer. Source: scan statistic over a Bernoulli change point; permutation test.
    """
    known = list(cells)
    counts = _by_version(known)
    versions = [version for version in order if counts.get(version, NOTHING).total]
    if len(versions) < 2:
        return Blame("cannot_tell", "Only one version ran: there is none to compare it with.")
    enough = [version for version in versions if counts[version].total >= LEAST_UNITS]
    if len(enough) < 2:
        return Blame("insufficient", f"Fewer than two versions have {LEAST_UNITS} events each.")
    series = [counts[version] for version in enough]
    gains = scan(series)
    best = max(range(1, len(series)), key=lambda k: gains[k])
    chance = _chance(gains[best], series, seed) if gains[best] > 0 else 1.0
    before, after = total_of(series[:best]), total_of(series[best:])
    if chance >= LEAST_CHANCE:
        return Blame("cannot_tell", "No version differs from those before it by more than chance.", chance=chance)
    plausible = tuple(enough[k] for k in range(1, len(series)) if gains[k] > 0 and gains[k] >= gains[best] - PLAUSIBLE)
    found = _Found(enough[best], enough[best - 1], plausible, before, after, chance)
    return _told_apart(found, known, _recovered(enough, series, best))


@dataclass(frozen=True, slots=True)
class _Found:
    first_bad: str
    last_good: str
    plausible: tuple[str, ...]
    before: Count
    after: Count
    chance: float


def _told_apart(found: _Found, cells: Sequence[Cell], recovered_with: str | None) -> Blame:
    old, new = _strata(cells, found.last_good), _strata(cells, found.first_bad)
    shared = sorted(old.keys() & new.keys())
    began = min(new)
    old_before = total_of(count for start, count in old.items() if start < began)
    old_since = total_of(count for start, count in old.items() if start >= began)
    separate = worse_in_strata([(new[start], old[start]) for start in shared])
    if not separate and _worse(old_since, old_before) and old_since.total >= LEAST_UNITS:
        verdict: Verdict = "external"
        reason = f"{found.last_good} got worse in the same minutes: the cause lies outside the version."
    elif separate:
        verdict = "version"
        reason = f"{found.first_bad} was worse than {found.last_good} in the same minutes."
    else:
        verdict = "version"
        met = min(total_of(of[start] for start in shared).total for of in (old, new))
        reason = f"{ALIKE if met >= LEAST_UNITS else APART}: version and time cannot be told apart."
    return Blame(
        verdict,
        reason,
        first_bad=found.first_bad,
        last_good=found.last_good,
        plausible=found.plausible,
        before=found.before,
        after=found.after,
        chance=found.chance,
        separate=separate,
        recovered_with=recovered_with,
    )


def _by_version(cells: Iterable[Cell]) -> dict[str, Count]:
    found: dict[str, Count] = {}
    for cell in cells:
        found[cell.version] = found.get(cell.version, NOTHING) + cell.count
    return found


def _strata(cells: Iterable[Cell], version: str) -> dict[int, Count]:
    found: dict[int, Count] = {}
    for cell in cells:
        if cell.version == version:
            start = cell.start_s // STRATUM_S * STRATUM_S
            found[start] = found.get(start, NOTHING) + cell.count
    return found


def total_of(counts: Iterable[Count]) -> Count:
    return sum(counts, NOTHING)


def scan(series: Sequence[Count]) -> list[float]:
    """For each k: how much likelier two rates are, before k and from k on, than one; 0 where it got better or k = 0."""
    heads = list(accumulate(series))
    whole = heads[-1]
    alone = _likelihood(whole)
    gains = [0.0]
    for head in heads[:-1]:
        tail = Count(whole.bad - head.bad, whole.total - head.total)
        worse = tail.bad * head.total > head.bad * tail.total
        gains.append(max(0.0, _likelihood(head) + _likelihood(tail) - alone) if worse else 0.0)
    return gains


def _likelihood(count: Count) -> float:
    """Of a Bernoulli sample at its own rate, in logarithms."""
    good = count.total - count.bad
    return sum(part * math.log(part / count.total) for part in (count.bad, good) if part)


def _chance(gain: float, series: Sequence[Count], seed: int) -> float:
    """How often do versions that do not differ look as different? Draws at the common rate, each version as large as it is."""
    whole = total_of(series)
    dice = random.Random(seed)
    rate = whole.bad / whole.total
    as_much = sum(
        max(scan([Count(_draw(dice, one.total, rate), one.total) for one in series])) >= gain for _ in range(DRAWS)
    )
    return (1 + as_much) / (1 + DRAWS)


def _draw(dice: random.Random, total: int, rate: float) -> int:
    """A binomial number: by the waits between hits while they are few, else by the normal curve (error under 1 % there)."""
    if rate > 0.5:
        return total - _draw(dice, total, 1 - rate)
    mean = total * rate
    if mean > 50:
        return min(total, max(0, round(dice.gauss(mean, math.sqrt(mean * (1 - rate))))))
    if rate <= 0:
        return 0
    hits, place, step = -1, 0.0, math.log1p(-rate)
    while place <= total:
        hits += 1
        place += 1 + math.floor(math.log(1 - dice.random()) / step)
    return hits


def _recovered(versions: Sequence[str], series: Sequence[Count], first_bad: int) -> str | None:
    """A later version that is better than the bad one by more than chance, and no worse than those before."""
    before = total_of(series[:first_bad])
    for k in range(first_bad + 1, len(series)):
        if _worse(series[first_bad], series[k]) and not _worse(series[k], before):
            return versions[k]
    return None


def _worse(one: Count, other: Count) -> bool:
    """Is the share of bad events of `one` higher by more than chance (Newcombe's interval of the difference, 95 %)?"""
    own, others = wilson(one.bad, one.total), wilson(other.bad, other.total)
    if own is None or others is None:
        return False
    p, q = one.bad / one.total, other.bad / other.total
    return (p - q) - math.hypot(p - own.low, others.high - q) > 0


def worse_in_strata(pairs: Sequence[tuple[Count, Count]]) -> bool:
    """Is the first of each pair worse within the same minutes? Cochran-Mantel-Haenszel, 1 % one-sided, with correction."""
    excess = variance = 0.0
    for one, other in pairs:
        n, bad = one.total + other.total, one.bad + other.bad
        if n < 2:
            continue
        excess += one.bad - one.total * bad / n
        variance += one.total * other.total * bad * (n - bad) / (n * n * (n - 1))
    if variance <= 0 or excess <= 0.5:
        return False
    return (excess - 0.5) / math.sqrt(variance) > 2.326


def shares(counts: Mapping[str, Count]) -> list[tuple[str, float]]:
    """How much of the spent budget each version has spent, most first; [] when nothing was."""
    spent = total_of(counts.values()).bad
    found = [(version, count.bad / spent) for version, count in counts.items() if count.bad] if spent else []
    return sorted(found, key=lambda one: (-one[1], one[0]))
