"""Every span once, whatever the parent ids say."""

import random

from tracestore.analysis.tree import Node, ancestors, arrange, below, keep


def node(span_id: int, parent: int | None = None, start: int = 0, status: int = 0, operation: str = "other") -> Node:
    return Node(span_id, parent, start, start + 10, status, operation)


def shape(nodes: list[Node]) -> list[tuple[int, int]]:
    return [(row.span_id, row.depth) for row in arrange(nodes).rows]


def test_parents_come_first_and_siblings_by_their_start():
    assert shape([node(3, 1, 5), node(2, 1, 1), node(1), node(4, 2, 2)]) == [(1, 0), (2, 1), (4, 2), (3, 1)]


def test_equal_starts_keep_the_order_of_arrival():
    assert shape([node(1), node(5, 1), node(4, 1), node(3, 1)]) == [(1, 0), (5, 1), (4, 1), (3, 1)]


def test_orphans_stand_below_the_place_of_the_parent_that_never_arrived():
    rows = arrange([node(1), node(2, 99, 3), node(3, 99, 4)]).rows
    assert [(row.span_id, row.depth, row.missing) for row in rows] == [
        (1, 0, False),
        (99, 0, True),
        (2, 1, False),
        (3, 1, False),
    ]


def test_a_ring_is_opened_at_its_earliest_span():
    rows = arrange([node(1, 2, 5), node(2, 1, 4), node(3, 1, 6)]).rows
    assert [(row.span_id, row.cyclic) for row in rows] == [(2, True), (1, False), (3, False)]


def test_a_span_that_is_its_own_parent_is_a_root():
    assert shape([node(7, 7)]) == [(7, 0)]


def test_an_error_began_where_nothing_below_failed():
    rows = arrange([node(1, None, 0, 2), node(2, 1, 1, 2), node(3, 2, 2, 2), node(4, 1, 5)]).rows
    assert [row.span_id for row in rows if row.origin] == [3]


def test_counts_of_what_is_below():
    rows = arrange([node(1), node(2, 1, 1), node(3, 2, 2), node(4, 1, 3)]).rows
    assert [(row.children, row.descendants) for row in rows] == [(2, 3), (1, 1), (0, 0), (0, 0)]


def test_no_span_is_no_tree():
    assert arrange([]).rows == []


def test_a_chain_of_fifty_thousand_needs_no_recursion():
    rows = arrange([node(n, n - 1 if n else None, n) for n in range(50_000)]).rows
    assert rows[-1].depth == 49_999
    assert rows[0].descendants == 49_999


def test_random_graphs_show_every_span_exactly_once():
    for seed in range(60):
        draw = random.Random(seed)
        ids = list(range(1, draw.randint(2, 40)))
        nodes = [node(n, draw.choice([None, *ids, 999]), draw.randint(0, 9), draw.choice([0, 2])) for n in ids]
        rows = arrange(nodes).rows
        assert sorted(row.span_id for row in rows if not row.missing) == ids
        for row in rows:
            if row.parent is not None:
                assert rows[row.parent].depth == row.depth - 1
                assert row.parent < row.position


def test_kept_lines_keep_the_lines_above_them():
    tree = arrange([node(1), node(2, 1, 1), node(3, 2, 2, 2), node(4, 1, 5)])
    assert [row.span_id for row in keep(tree, tree.rows, lambda row: row.status == 2)] == [1, 2, 3]
    assert [row.span_id for row in ancestors(tree, 2)] == [1, 2]
    assert [row.span_id for row in below(tree, 2)] == [2, 3]
    assert below(tree, 42) == []
