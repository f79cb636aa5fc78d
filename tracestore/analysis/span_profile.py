"""How often is a trace's span of which model, service, version, operation? In sum, so that usage never reads spans."""

import json
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

ERROR = 2
Kind = tuple[str, str | None, str | None, str, int]  # service, model, service version, operation, status
Rows = list[tuple[str | None, int, int, int]]  # key, traces (0 or 1), spans, failed spans


class Profile(NamedTuple):
    """counts: JSON {dimension: Rows}. id: its hash; traces of one kind have the same.

    names: the services, models, service versions and operations that are known, sorted.
    """

    id: int
    counts: str
    names: tuple[tuple[str, ...], ...]


def profile_of(kinds: Counter[Kind], sets: Mapping[str, str]) -> Profile:
    """kinds: how many spans of each. sets: service -> version set, hex. 0.2 us a span where such traces repeat."""
    return _profile(frozenset(kinds.items()), frozenset(sets.items()))


@lru_cache(10_000)
def _profile(kinds: frozenset[tuple[Kind, int]], sets: frozenset[tuple[str, str]]) -> Profile:
    of_service = dict(sets)
    found: dict[str, dict[str | None, list[int]]] = {}
    for (service, model, version, operation, status), n in kinds:
        keys = {"model": model, "service": service, "version": version, "operation": operation}
        for dimension, key in (keys | {"version_set": of_service.get(service)}).items():
            sums = found.setdefault(dimension, {}).setdefault(key, [0, 0])
            sums[0] += n
            sums[1] += n * (status == ERROR)
    counts = json.dumps({name: _rows(found[name]) for name in sorted(found)}, separators=(",", ":"))
    id_ = int.from_bytes(blake2b(counts.encode(), digest_size=8).digest(), "big", signed=True)
    names = (tuple(sorted(filter(None, found[name]))) for name in ("service", "model", "version", "operation"))
    return Profile(id_, counts, tuple(names))


def _rows(sums: Mapping[str | None, list[int]]) -> Rows:
    """A trace counts once under each value that is known, under none (None) only where no span knows any."""
    ordered = sorted(sums.items(), key=lambda item: (item[0] is not None, item[0] or ""))
    return [(key, int(key is not None or len(sums) == 1), spans, failed) for key, (spans, failed) in ordered]
