"""Cells of COPY BINARY are right whatever another thread has just done to the cache they come from."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracestore.writer_cells import CACHED_CELLS, CACHED_GROUPS, NULL, Cells, Groups
from tracestore.writer_known import Known
from tracestore.writer_rows import _counts

bigints = st.none() | st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize(("value", "cell"), [(None, NULL), (7, struct.pack(">iq", 8, 7)), ("ä", b"\0\0\0\2\xc3\xa4")])
def test_an_emptied_cache_gives_the_same_cell(value, cell):
    assert Cells()[value] == cell


def test_a_full_cache_forgets_and_goes_on():
    cells = Cells({None: NULL})
    for number in range(CACHED_CELLS + 2):
        cells[f"text {number}"]
    assert len(cells) < 10
    assert cells[None] == NULL


@given(st.lists(bigints, min_size=13, max_size=13))
def test_counts_are_the_cells_of_each(values):
    cells = Cells({None: NULL})
    assert _counts(tuple(values)) == b"".join(cells[value] for value in values)


def test_the_usual_counts_are_the_cells_of_each():
    values = (10, 20, 30, None, None, None, None, None, None, 5_000, -7, None, None)
    cells = Cells({None: NULL})
    assert _counts(values) == b"".join(cells[value] for value in values)


def test_a_group_is_its_cells_and_a_full_cache_of_groups_forgets():
    groups, cells = Groups(), Cells({None: NULL})
    assert groups["shop", None, 3] == groups["shop", None, 3] == cells["shop"] + NULL + cells[3]
    for number in range(CACHED_GROUPS + 2):
        groups["model", number]
    assert len(groups) < 10
    groups["x" * 1000,]
    assert ("x" * 1000,) not in groups


def test_what_is_known_is_known_for_its_place_and_forgets_the_oldest():
    known, here, there = Known(generation=3), ("db", 1, 0, b"message 1"), ("db", 2, 0, b"message 1")
    known.learn({here: [b"a", b"b"]})
    assert known.unknown(here, [b"c", b"b", b"a"]) == [b"c"]
    assert known.unknown(there, [b"b", b"a"]) == [b"a", b"b"]
    known.learn({here: [b"c", b"d"]})  # a full generation: the next begins
    assert known.unknown(here, [b"a"]) == []  # asked for, and so in the young generation again
    known.learn({here: [b"e", b"f", b"g"]})
    assert known.unknown(here, [b"a", b"b", b"e"]) == [b"b"]
    known.forget()
    assert known.unknown(here, [b"a"]) == [b"a"]
