"""Which flat attributes are one message? `PREFIX.N.rest`: everything of one N belongs together.

Keys alone decide, and spans of one kind have the same keys: the steps are made once for each tuple of keys.
"""

from collections.abc import Iterable
from typing import Any

from tracestore.records import Attributes, Value

FAMILIES = (
    "llm.input_messages.",
    "llm.output_messages.",
    "gen_ai.prompt.",
    "gen_ai.completion.",
)
ELEMENT_MIN = 256  # objects in arrays from this length on are messages; repeats of shorter ones compress within a block

KEYS_MAX = 64  # long histories have keys of their own: nothing is remembered of them
REMEMBERED = 1_024

Members = tuple[tuple[str, str], ...]  # (key, the rest of it behind `PREFIX.N.`)
Steps = tuple[tuple[str, Members | None], ...]  # (a key, None), or (`PREFIX.N.`, the keys that are folded there)


class Folded:
    """All attributes of one `PREFIX.N.`, as (rest of the key, value), flat."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[Value]) -> None:
        self.pairs = pairs


def family_of(key: str) -> tuple[str, str] | None:
    """(`PREFIX.N.`, the rest of the key), None outside the families."""
    for family in FAMILIES:
        if key.startswith(family):
            number, dot, rest = key[len(family) :].partition(".")
            return (f"{family}{number}.", rest) if dot and number.isdigit() else None
    return None


class _Folding(dict[tuple[str, ...], Steps | None]):
    """keys -> how to fold them; None when there is no family among them."""

    def __missing__(self, keys: tuple[str, ...]) -> Steps | None:
        steps = folding(keys) if any(map(family_of, keys)) else None
        if len(keys) <= KEYS_MAX:
            if len(self) >= REMEMBERED:
                self.clear()
            self[keys] = steps
        return steps


FOLDING = _Folding()


def folding(keys: Iterable[str]) -> Steps:
    """Each unbroken run of keys of one `PREFIX.N.` is folded under that prefix. Order is kept."""
    own = set(keys)
    steps: dict[str, list[tuple[str, str]] | None] = {}
    run = ""  # the prefix that the key before belongs to
    for key in keys:
        place = family_of(key)
        if place is None:
            steps[key], run = None, ""
        elif run and place[0] == run:
            steps[run].append((key, place[1]))  # type: ignore[union-attr]  # a run is a list
        elif place[0] in steps or place[0] in own:
            steps[key], run = None, ""  # the run was broken
        else:
            run = place[0]
            steps[run] = [(key, place[1])]
    return tuple((name, None if members is None else tuple(members)) for name, members in steps.items())


def unfold(family: str, pairs: list[Value]) -> list[tuple[str, Any]]:
    return [(family + pairs[n], pairs[n + 1]) for n in range(0, len(pairs), 2)]


def spread(attributes: Attributes) -> Attributes:
    """The attributes with their folded families spread out again."""
    filled: Attributes = {}
    for key, value in attributes.items():
        filled |= unfold(key, value.pairs) if type(value) is Folded else {key: value}
    return filled
