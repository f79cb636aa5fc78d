"""Distributions in exponential buckets: exact to add, within 5 % to read, the same in Python and in SQL."""

import math
import statistics
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracestore import db
from tracestore.analysis import histogram as h

VALUES = (
    st.integers(0, 2**63 - 1)
    | st.integers(0, 10_000)
    | st.sampled_from(h.EDGES)
    | st.sampled_from(h.EDGES).map(lambda e: e + 1)
)


COUNTS = st.integers(1, 100) | st.integers(1, 2**38)


@given(VALUES.filter(lambda value: value > 1))
def test_a_value_lies_in_its_bucket_and_the_bucket_stands_for_it_within_five_percent(value: int) -> None:
    bucket = h.bucket_of(value)
    assert 2 ** (bucket - 1) < value**8 <= 2**bucket, "exact, in integers"
    found = h.quantile({bucket: 1}, 0.5)
    assert found is not None
    assert abs(found.value - value) <= 0.05 * value


def test_otel_gives_the_same_buckets() -> None:
    """OpenTelemetry's upper-inclusive mapping at scale 3: index = ceil(log2(value) * 2^3) - 1."""
    for value in (3, 5, 100, 1_000_003, 86_400 * 10**9 + 1):
        assert h.bucket_of(value) - 1 == math.ceil(math.log2(value) * 8) - 1


@given(st.lists(VALUES, max_size=30), st.lists(VALUES, max_size=30))
def test_histograms_add_up_to_the_histogram_of_all(one: list[int], other: list[int]) -> None:
    assert h.merge([h.count(one), h.count(other)]) == h.count(one + other)
    assert h.unpack(h.pack(h.count(one))) == h.count(one)


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_its_bound(values: list[int], q: float) -> None:
    true = sorted(values)[max(0, math.ceil(q * len(values)) - 1)]
    found = h.quantile(h.count(values), q)
    assert found is not None
    assert found.low * (1 - 1e-9) < true <= found.high * (1 + 1e-9) or true == 1
    assert abs(found.value - true) <= max(1, h.ERROR_MAX * 1.0001 * true)


def test_a_median_of_known_numbers() -> None:
    values = [100, 200, 300, 400, 500]
    found = h.quantile(h.count(values), 0.5)
    assert found is not None
    assert found.value == pytest.approx(statistics.median(values), rel=0.05)
    assert h.quantile({}, 0.5) is None
    with pytest.raises(ValueError):
        h.quantile({}, 95)


@given(st.lists(VALUES, max_size=50), VALUES)
def test_how_many_meet_a_threshold_is_bounded_and_exact_at_an_edge(values: list[int], threshold: int) -> None:
    at_least, at_most = h.at_most(h.count(values), threshold)
    true = sum(value <= threshold for value in values)
    assert at_least <= true <= at_most
    if h.is_edge(threshold):
        assert at_least == at_most


@pytest.mark.django_db
def test_sql_and_python_are_one_rule() -> None:
    values = sorted({0, 1, 2, *h.EDGES, *(edge + 1 for edge in h.EDGES), *(edge - 1 for edge in h.EDGES), 2**63 - 1})
    with db.READS.connection() as connection:
        found = connection.execute(
            "SELECT array_agg(histogram_bucket(value) ORDER BY value),"
            " histogram_pack(array_agg((histogram_bucket(value) << 40) + 1)) FROM unnest(%s::bigint[]) AS value",
            [values],
        ).fetchone()
        merged = connection.execute(
            "SELECT histogram_sum(h) FROM (VALUES (%s::bigint[]), (NULL), (%s)) AS one (h)",
            [h.pack(h.count(values[:90])), h.pack(h.count(values[60:]))],
        ).fetchone()
    assert found == ([h.bucket_of(value) for value in values], h.pack(h.count(values)))
    assert merged == (h.pack(h.count(values[:90] + values[60:])),)


@given(st.lists(st.dictionaries(st.integers(0, h.BUCKETS - 1), COUNTS, max_size=4), max_size=3))
def test_arrays_side_by_side_add_up_to_one_histogram(histograms: list[dict[int, int]]) -> None:
    expected = h.merge(histograms)
    assert h.added_up(b"".join(map(sent, histograms))) == (h.pack(expected) if expected else None)


def sent(counts: dict[int, int]) -> bytes:
    """As array_send writes it."""
    cells = h.pack(counts)
    if not cells:
        return struct.pack(">3i", 0, 0, 20)
    return struct.pack(">5i", 1, 0, 20, len(cells), 1) + b"".join(struct.pack(">iq", 8, cell) for cell in cells)


def test_postgres_sends_arrays_in_that_form(database: None) -> None:
    packed = h.pack({0: 1, 7: 2**32 + 5, h.BUCKETS - 1: 3})
    for cells in ([], packed):
        ((found,),) = db.fetch_tuples("SELECT array_send(%(cells)s::bigint[])", {"cells": cells})
        assert h.added_up(found) == (cells or None)
