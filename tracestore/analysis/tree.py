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


_Line = tuple[Node, int | None, int, bool]  # node, position of the parent, depth, cyclic; plain: one for each span


def _walk(
    tops: Sequence[Node], below: dict[int | None, list[Node]], first: int = 0, seen: set[int] | None = None
) -> list[_Line]:
    """Preorder of what hangs below tops. first: the position that the first line will have. seen: only within rings."""
    lines: list[_Line] = []
    stack: list[_Line] = [(node, None, 0, seen is not None) for node in reversed(tops)]
    while stack:
        line = stack.pop()
        span_id = line[0].span_id
        if seen is not None:
            if span_id in seen:
                continue
            seen.add(span_id)
        lines.append(line)
        children = below.get(span_id)
        if children:
            position, depth = first + len(lines) - 1, line[2] + 1
            stack += [(child, position, depth, False) for child in reversed(children)]
    return lines


def _cycles(nodes: Sequence[Node], lines: Sequence[_Line], below: dict[int | None, list[Node]]) -> list[_Line]:
    """What no root reaches: each ring is opened at its earliest span."""
    seen = {line[0].span_id for line in lines}
    found: list[_Line] = []
    for node in sorted(nodes, key=_start):
        if node.span_id not in seen:
            found += _walk([node], below, len(lines) + len(found), seen)
    return found


def _finish(lines: Sequence[_Line], lost: set[int], nodes: Sequence[Node]) -> Tree:
    children, descendants, failed_below = _sums(lines)
    columns = (
        range(len(lines)),
        [line[0].span_id for line in lines],
        [line[1] for line in lines],
        [line[2] for line in lines],
        children,
        descendants,
        [line[0].start_ns for line in lines],
        [line[0].end_ns for line in lines],
        [line[0].status for line in lines],
        [line[0].operation for line in lines],
        [line[0].span_id in lost for line in lines],
        [line[3] for line in lines],
        [line[0].status == ERROR and not failed for line, failed in zip(lines, failed_below, strict=True)],
    )
    rows = list(map(Row._make, zip(*columns, strict=True)))
    starts = [node.start_ns for node in nodes]
    return Tree(rows, min(starts, default=0), max((max(node.end_ns, node.start_ns) for node in nodes), default=0))


def _sums(lines: Sequence[_Line]) -> tuple[list[int], list[int], list[bool]]:
    """For each line its direct children, all below it, and whether one of those failed."""
    children, descendants, failed_below = [0] * len(lines), [0] * len(lines), [False] * len(lines)
    for position in range(len(lines) - 1, -1, -1):
        node, parent, _, _ = lines[position]
        if parent is None:
            continue
        children[parent] += 1
        descendants[parent] += descendants[position] + 1
        if failed_below[position] or node.status == ERROR:
            failed_below[parent] = True
    return children, descendants, failed_below


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
