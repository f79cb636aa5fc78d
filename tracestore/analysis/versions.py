"""With which versions did a service answer? The parts that its spans know, united into one set; and two sets compared."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

Parts = Mapping[str, tuple[str, ...]]  # part name -> its values, sorted


class VersionSet(NamedTuple):
    """id: first 16 bytes of sha256 over service and parts; the same content is the same set, whenever it is seen.

    service_version: the service's own version, None when no span says it; the last in sort order when several do.
    """

    id: UUID
    service: str
    service_version: str | None
    parts: Parts


class Change(NamedTuple):
    """One part that differs: values only the first set has, values only the second has, values of both.

    A part of which one side knows no value at all was not seen there: a trace without a model call knows no model.
    """

    name: str
    removed: tuple[str, ...]
    added: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def seen_in_both(self) -> bool:
        """Whether this is a change, rather than something that one side says nothing about."""
        return bool(self.kept or (self.removed and self.added))


def unite(service: str, parts: Iterable[Iterable[tuple[str, str]]]) -> VersionSet:
    """The set of one service in one trace. parts: (name, value) pairs of each of its spans, in any order, repeated or not."""
    found: dict[str, set[str]] = {}
    for part in parts:
        for name, value in part:
            found.setdefault(name, set()).add(value)
    united = {name: tuple(sorted(values)) for name, values in sorted(found.items())}
    versions = united.get("service_version", ())
    return VersionSet(set_id(service, united), service, versions[-1] if versions else None, united)


def set_id(service: str, parts: Parts) -> UUID:
    content = json.dumps([service, sorted((n, list(v)) for n, v in parts.items())], separators=(",", ":"))
    return UUID(bytes=hashlib.sha256(content.encode()).digest()[:16])


def diff(before: Mapping[str, Sequence[str]], after: Mapping[str, Sequence[str]]) -> list[Change]:
    """What changed between two sets of one service, by part name; parts that are equal are left out."""
    changes = []
    for name in sorted({*before, *after}):
        old, new = set(before.get(name, ())), set(after.get(name, ()))
        if old != new:
            changes.append(Change(name, *(tuple(sorted(values)) for values in (old - new, new - old, old & new))))
    return changes
