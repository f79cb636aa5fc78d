"""Who lies above and below whom in traces whose parents may be missing, late or wrong? Without recursion, in O(n)."""

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

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
        stack: list[tuple[Key, int, Key | None]] = [(key, 0, None) for key in reversed(roots)]
        while stack:
            key, depth, parent = stack.pop()
            if key in self.depth:
                continue
            self.depth[key] = depth
            if parent is not None:
                self.parent[key] = parent
            self.preorder.append(self.spans[key])
            stack.extend((child, depth + 1, key) for child in reversed(self._children.get(key, ())))

    def above(self, matches: Callable[[S], bool]) -> set[Key]:
        """The keys of all spans that have a matching span somewhere below them."""
        found: set[Key] = set()
        for span in reversed(self.preorder):
            parent = self.parent.get(span.key)
            if parent is not None and parent not in found and (span.key in found or matches(span)):
                found.add(parent)
        return found
