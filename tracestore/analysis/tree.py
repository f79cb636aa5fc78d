"""In what order and how deep do the spans of one trace stand, and where did an error begin?"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

ERROR = 2


class Node(NamedTuple):
    """What the tree asks of a span. status: 0 unset, 1 ok, 2 error. Times in nanoseconds."""

    span_id: int
    parent_span_id: int | None
    start_ns: int
    end_ns: int
    status: int
    operation: str


class Row(NamedTuple):
    """One line of the tree. position: its index in Tree.rows; parent: that of the line above it in the tree, None at depth 0.

    missing: not a span but the place of a parent that never arrived; its orphans stand below.
    cyclic: its ancestors lead back to itself, so it was put at the top to be seen at all.
    origin: it failed and nothing below it did: where the error began.
    descendants: all spans below.
    """

    position: int
    span_id: int
    parent: int | None
    depth: int
    children: int
    descendants: int
    start_ns: int
    end_ns: int
    status: int
    operation: str
    missing: bool
    cyclic: bool
    origin: bool


class Tree(NamedTuple):
    """rows in reading order: parents first, siblings by start, then arrival. start_ns, end_ns: of the whole trace."""

    rows: list[Row]
    start_ns: int
    end_ns: int


def arrange(nodes: Sequence[Node]) -> Tree:
    """Every node exactly once, whatever the parent ids say. nodes: in arrival order, span ids distinct.

    Linear apart from sorting siblings; no recursion, so depth has no limit.
    """
    known = {node.span_id for node in nodes}
    below: dict[int | None, list[Node]] = defaultdict(list)
    for node in sorted(nodes, key=_start):
        below[_parent(node)].append(node)
    missing = [_stand_in(span_id, below[span_id]) for span_id in below if span_id is not None and span_id not in known]
    tops = sorted(below[None] + missing, key=_start)
    lines = _walk(tops, below)
    if len(lines) < len(nodes) + len(missing):
        lines += _cycles(nodes, lines, below)
    lost = {node.span_id for node in missing}
    return _finish(lines, lost, nodes)


def _start(node: Node) -> int:
    return node.start_ns


def _parent(node: Node) -> int | None:
    return None if node.parent_span_id == node.span_id else node.parent_span_id


def _stand_in(span_id: int, orphans: Sequence[Node]) -> Node:
    return Node(span_id, None, orphans[0].start_ns, max(node.end_ns for node in orphans), 0, "")


class _Line(NamedTuple):
    node: Node
    parent: int | None
    depth: int
    cyclic: bool


def _walk(
    tops: Sequence[Node], below: dict[int | None, list[Node]], first: int = 0, seen: set[int] | None = None
) -> list[_Line]:
    """Preorder of what hangs below tops. first: the position that the first line will have."""
    lines: list[_Line] = []
    cyclic = seen is not None
    visited: set[int] = seen if seen is not None else set()
    stack: list[tuple[Node, int | None, int]] = [(node, None, 0) for node in reversed(tops)]
    while stack:
        node, parent, depth = stack.pop()
        if cyclic and node.span_id in visited:
            continue
        visited.add(node.span_id)
        position = first + len(lines)
        lines.append(_Line(node, parent, depth, cyclic and depth == 0))
        stack.extend((child, position, depth + 1) for child in reversed(below.get(node.span_id, ())))
    return lines


def _cycles(nodes: Sequence[Node], lines: Sequence[_Line], below: dict[int | None, list[Node]]) -> list[_Line]:
    """What no root reaches: each ring is opened at its earliest span."""
    seen = {line.node.span_id for line in lines}
    found: list[_Line] = []
    for node in sorted(nodes, key=_start):
        if node.span_id not in seen:
            found += _walk([node], below, len(lines) + len(found), seen)
    return found


def _finish(lines: Sequence[_Line], lost: set[int], nodes: Sequence[Node]) -> Tree:
    children, descendants, failed_below = [0] * len(lines), [0] * len(lines), [False] * len(lines)
    for position in range(len(lines) - 1, -1, -1):
        line = lines[position]
        if line.parent is None:
            continue
        children[line.parent] += 1
        descendants[line.parent] += descendants[position] + 1
        if failed_below[position] or line.node.status == ERROR:
            failed_below[line.parent] = True
    rows = [
        Row(
            position, line.node.span_id, line.parent, line.depth, children[position], descendants[position],
            line.node.start_ns, line.node.end_ns, line.node.status, line.node.operation, line.node.span_id in lost,
            line.cyclic, line.node.status == ERROR and not failed_below[position],
        )
        for position, line in enumerate(lines)
    ]  # fmt: skip
    starts = [node.start_ns for node in nodes]
    return Tree(rows, min(starts, default=0), max((max(node.end_ns, node.start_ns) for node in nodes), default=0))


def ancestors(tree: Tree, position: int) -> list[Row]:
    """The lines above one, outermost first."""
    found: list[Row] = []
    parent = tree.rows[position].parent
    while parent is not None:
        found.append(tree.rows[parent])
        parent = tree.rows[parent].parent
    return found[::-1]


def below(tree: Tree, span_id: int) -> list[Row]:
    """A span and all below it; empty when the trace has no such span."""
    for row in tree.rows:
        if row.span_id == span_id and not row.missing:
            return tree.rows[row.position : row.position + row.descendants + 1]
    return []


def keep(tree: Tree, rows: Iterable[Row], wanted: Callable[[Row], bool]) -> list[Row]:
    """The wanted lines and, so that they stay a tree, every line above them."""
    kept: set[int] = set()
    for row in rows:
        position: int | None = row.position if wanted(row) else None
        while position is not None and position not in kept:
            kept.add(position)
            position = tree.rows[position].parent
    return [tree.rows[position] for position in sorted(kept)]
