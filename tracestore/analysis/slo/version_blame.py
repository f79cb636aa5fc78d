"""Which version did an objective go bad from, in names that people know? The first-bad-version test over version sets.

First by the service's own version; where that tells nothing (one version only, or none differs), by whatever else a set knows:
model, prompt, tools and the rest.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tracestore.analysis.slo.blame import Blame, Cell, blame
from tracestore.analysis.slo.notice import VersionBlame
from tracestore.analysis.versions import Change, diff

WORDS: Final = {
    "service_version": "version", "agent_version": "agent version", "rag_index": "index", "revision": "revision",
}  # fmt: skip
FIRST: Final = ("service_version", "model", "prompt")
_HASH: Final = re.compile("[0-9a-f]{20,}")
UNNAMED: Final = "no version of its own"
NO_VERSIONS: Final = VersionBlame(verdict="cannot_tell", reason="The events do not say which version they are of.")


@dataclass(frozen=True, slots=True)
class KnownSet:
    """A version set as it is told apart here. id: 32 hex digits. parts: name -> values."""

    id: str
    service: str
    service_version: str | None
    parts: Mapping[str, Sequence[str]]
    first_seen_ns: int


Key = Callable[[KnownSet], str]


def blame_versions(cells: Sequence[Cell], sets: Mapping[str, KnownSet], seed: int) -> VersionBlame:
    """cells: their `version` is the id of a set; those of unknown sets say nothing about versions and are left out.

    seed: of the draws: the same evidence gives the same answer.
    """
    known = [cell for cell in cells if cell.version in sets]
    if not known:
        return NO_VERSIONS
    used = [sets[set_id] for set_id in sorted({cell.version for cell in known})]
    whole = _folded(used)
    answers = [_test(known, used, key, seed) for key in (_by_version, lambda one: whole[one.id].id)]
    told, key = next((pair for pair in answers if pair[0].verdict == "version"), answers[0])
    return _named(told, used, key)


def _by_version(one: KnownSet) -> str:
    return f"{one.service}\0{one.service_version or ''}"


def _folded(sets: Sequence[KnownSet]) -> dict[str, KnownSet]:
    """Each set, or the one set that knows all it knows and more: a trace that called no model knows no model."""
    found = {}
    for one in sets:
        wider = [other for other in sets if _knows_more(other, one)]
        largest = [other for other in wider if not any(_knows_more(third, other) for third in wider)]
        found[one.id] = largest[0] if len(largest) == 1 else one
    return found


def _knows_more(one: KnownSet, other: KnownSet) -> bool:
    same = one.service == other.service and len(one.parts) > len(other.parts)
    return same and all(set(one.parts.get(name, ())) >= set(values) for name, values in other.parts.items())


def _test(cells: Iterable[Cell], used: Sequence[KnownSet], key: Key, seed: int) -> tuple[Blame, Key]:
    keys = {one.id: key(one) for one in used}
    ordered = sorted(used, key=lambda one: (one.first_seen_ns, one.id))
    order = list(dict.fromkeys(keys[one.id] for one in ordered))
    return blame([Cell(cell.start_s, keys[cell.version], cell.count) for cell in cells], order, seed), key


def _named(told: Blame, used: Sequence[KnownSet], key: Key) -> VersionBlame:
    fullest: dict[str, KnownSet] = {}
    for one in sorted(used, key=lambda one: (len(one.parts), one.id)):
        fullest[key(one)] = one
    bad, good = fullest.get(told.first_bad or ""), fullest.get(told.last_good or "")
    names = {name: _name(one, bad if one is good else good) for name, one in fullest.items()}
    differs = differences(good, bad) if told.verdict == "version" and good and bad else ()
    return VersionBlame(
        verdict=told.verdict,
        reason=_in_words(told.reason, names) + _with_it(differs),
        first_bad=names.get(told.first_bad or ""),
        first_bad_set=bad.id if bad else None,
        last_good=names.get(told.last_good or ""),
        last_good_set=good.id if good else None,
        plausible=tuple(names[name] for name in told.plausible),
        differs=differs,
        recovered_with=names.get(told.recovered_with or ""),
        before_bad=told.before.bad,
        before_total=told.before.total,
        after_bad=told.after.bad,
        after_total=told.after.total,
    )


def _in_words(reason: str, names: Mapping[str, str]) -> str:
    for key in sorted(names, key=len, reverse=True):
        reason = reason.replace(key, names[key])
    return reason


def _with_it(differs: Sequence[str]) -> str:
    """What else changed with the version; that the version did is said already."""
    others = [one for one in differs if not one.startswith("version ")]
    return f" Changed with it: {'; '.join(others)}.".replace(" -> ", " → ") if others else ""


def _name(one: KnownSet, other: KnownSet | None) -> str:
    """Such as "v12", where that tells it from the other one; else what does: "v12 (model gpt-4o-mini)"."""
    version = one.service_version or UNNAMED
    if other is None or _by_version(other) != _by_version(one):
        return version
    told = [f"{_word(change.name)} {_listed(change.added)}" for change in _changes(other, one) if change.added]
    return f"{version} ({'; '.join(told)})" if told else version


def differences(good: KnownSet, bad: KnownSet) -> tuple[str, ...]:
    """What changed with the first bad version: "version v11 -> v12", "model gpt-4o -> gpt-4o-mini", ..."""
    return tuple(
        f"{_word(change.name)} {_listed(change.removed) or 'none'} -> {_listed(change.added) or 'none'}"
        for change in _changes(good, bad)
    )


def _changes(before: KnownSet, after: KnownSet) -> list[Change]:
    """The version first, then model and prompt; without what one of the two says nothing about."""
    changes = [change for change in diff(before.parts, after.parts) if change.seen_in_both]
    return sorted(changes, key=lambda one: (FIRST.index(one.name) if one.name in FIRST else len(FIRST), one.name))


def _listed(values: Iterable[str]) -> str:
    """Hashes as short as git shows them."""
    return ", ".join(value[:7] if _HASH.fullmatch(value) else value for value in values)


def _word(part: str) -> str:
    return WORDS.get(part, part)
