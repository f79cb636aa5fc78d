"""Who lies above and below whom in traces whose parents may be missing, late or wrong? Without recursion, in O(n)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

Key = tuple[bytes, int]  # trace id, span id
_U64 = 1 << 64


class Linked(Protocol):
    @property
    def trace_id(self) -> bytes: ...
    @property
    def parent_span_id(self) -> int | None: ...
    @property
    def key(self) -> Key: ...


S = TypeVar("S", bound=Linked)


def distinct(spans: Iterable[S], order: Callable[[S], Any]) -> dict[Key, S]:
    """Each span once; of several records of one span the first by `order`, so that the order given decides nothing."""
    found: dict[Key, S] = {}
    for span in spans:
        other = found.setdefault(span.key, span)
        if other is not span and order(span) < order(other):
            found[span.key] = span
    return found


class Ancestry(Generic[S]):
    """Spans with parents before children.

    A parent that is missing, or the span itself, makes a root; a cycle is cut at its smallest span id.
    preorder: every span once, each subtree in one piece. depth: 0 for roots. parent: only real parents.
    """

    def __init__(self, spans: Mapping[Key, S]) -> None:
        self.spans = spans
        self.preorder: list[S] = []
        self.depth: dict[Key, int] = {}
        self.parent: dict[Key, Key] = {}
        self._children: dict[Key, list[Key]] = {}
        roots = [key for key, span in spans.items() if not self._attach(key, span)]
        self._walk(roots)
        for key in sorted(spans.keys() - self.depth.keys(), key=lambda k: (k[0], k[1] % _U64)):
            self._walk([key])

    def _attach(self, key: Key, span: S) -> bool:
        if span.parent_span_id is None:
            return False
        parent = (span.trace_id, span.parent_span_id)
        if parent == key or parent not in self.spans:
            return False
        self._children.setdefault(parent, []).append(key)
        return True

    def _walk(self, roots: list[Key]) -> None:
        depth_of, spans, below = self.depth, self.spans, self._children.get
        stack: list[tuple[Key, int, Key | None]] = [(key, 0, None) for key in reversed(roots)]
        while stack:
            key, depth, parent = stack.pop()
            if key in depth_of:
                continue
            depth_of[key] = depth
            if parent is not None:
                self.parent[key] = parent
            self.preorder.append(spans[key])
            children = below(key)
            if children is not None:
                stack.extend([(child, depth + 1, key) for child in reversed(children)])

    def above(self, matches: Callable[[S], bool]) -> set[Key]:
        """The keys of all spans that have a matching span somewhere below them."""
        found: set[Key] = set()
        for span in reversed(self.preorder):
            parent = self.parent.get(span.key)
            if parent is not None and parent not in found and (span.key in found or matches(span)):
                found.add(parent)
        return found
