"""Cells of COPY BINARY are right whatever another thread has just done to the cache they come from."""

import struct

import pytest

from tracestore.writer_cells import CACHED_CELLS, NULL, Cells


@pytest.mark.parametrize(("value", "cell"), [(None, NULL), (7, struct.pack(">iq", 8, 7)), ("ä", b"\0\0\0\2\xc3\xa4")])
def test_an_emptied_cache_gives_the_same_cell(value, cell):
    assert Cells()[value] == cell


def test_a_full_cache_forgets_and_goes_on():
    cells = Cells({None: NULL})
    for number in range(CACHED_CELLS + 2):
        cells[f"text {number}"]
    assert len(cells) < 10
    assert cells[None] == NULL
