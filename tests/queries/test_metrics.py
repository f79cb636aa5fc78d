"""How metric series move: sums against their reset, histograms against their buckets, and the same through Postgres."""

from typing import Any

import pytest

from tests.conftest import Database
from tracestore.analysis.distribution import Distribution, minus, plus, quantile, read
from tracestore.analysis.metrics import Point, steps

S = 10**9


def grow(points: list[Point], kind: str = "sum", temporality: int = 2, monotonic: bool = True) -> list[tuple[int, Any]]:
    found = steps(kind, temporality, monotonic, points, 100 * S, 200 * S, 10 * S)
    return [(step.time_ns // S, step.value) for step in found]


def test_a_cumulative_sum_grows_from_the_point_before_the_range() -> None:
    points = [Point(0, 95 * S, 10), Point(0, 105 * S, 13), Point(0, 107 * S, 14), Point(0, 125 * S, 20)]
    assert grow(points) == [(100, 4), (120, 6)]


def test_without_a_point_before_the_first_step_is_unknown() -> None:
    assert grow([Point(0, 105 * S, 13), Point(0, 115 * S, 15)]) == [(110, 2)]


def test_a_series_that_began_in_the_range_counts_from_zero() -> None:
    assert grow([Point(101 * S, 105 * S, 3), Point(101 * S, 115 * S, 5)]) == [(100, 3), (110, 2)]


def test_a_reset_counts_from_its_new_zero() -> None:
    restarted = [Point(0, 95 * S, 10), Point(104 * S, 105 * S, 2), Point(104 * S, 115 * S, 3)]
    assert grow(restarted) == [(100, 2), (110, 1)]
    smaller = [Point(0, 95 * S, 10), Point(0, 105 * S, 4)]
    assert grow(smaller) == [(100, 4)]


def test_a_delta_sum_adds_up_and_a_level_is_its_last_value() -> None:
    points = [Point(90 * S, 101 * S, 2), Point(101 * S, 103 * S, 5)]
    assert grow(points, temporality=1) == [(100, 7)]
    assert grow(points, kind="gauge") == [(100, 5)]
    assert grow(points, monotonic=False) == [(100, 5)]


def test_the_rate_is_per_second() -> None:
    (step,) = steps("sum", 1, True, [Point(0, 101 * S, 50)], 100 * S, 110 * S, 10 * S)
    assert (step.value, step.rate) == (50, 5.0)


def test_a_histogram_tells_percentiles_of_what_came_in_the_step() -> None:
    def body(*counts: int) -> Distribution:
        return read(
            "histogram", {"count": sum(counts), "sum": 10.0, "explicit_bounds": [1, 2, 4], "bucket_counts": counts}
        )

    points = [Point(0, 95 * S, distribution=body(5, 0, 0, 0)), Point(0, 105 * S, distribution=body(5, 10, 0, 0))]
    (step,) = steps("histogram", 2, True, points, 100 * S, 200 * S, 10 * S)
    assert (step.count, step.p50, step.p95) == (10, 1.5, 1.95)


@pytest.mark.parametrize(
    ("counts", "q", "value"),
    [
        ((4, 0, 0), 0.5, 0.5),
        ((0, 4, 0), 0.5, 1.5),
        ((2, 2, 0), 0.5, 1.0),
        ((0, 0, 4), 0.5, 2.0),
        ((0, 0, 0), 0.5, None),
    ],
)
def test_quantiles_are_linear_within_a_bucket(counts: tuple[int, ...], q: float, value: float | None) -> None:
    one = read("histogram", {"count": sum(counts), "explicit_bounds": [1, 2], "bucket_counts": list(counts)})
    assert quantile(one, q) == value


def test_an_exponential_histogram_has_edges_by_its_scale() -> None:
    body = {
        "count": 7, "sum": 9.0, "scale": 0, "zero_count": 1, "zero_threshold": 0.0,
        "positive": {"offset": 0, "bucket_counts": [2, 4]}, "negative": {"offset": 0, "bucket_counts": []},
    }  # fmt: skip
    one = read("exponential_histogram", body)
    assert dict(one.buckets) == {(0.0, 0.0): 1, (1.0, 2.0): 2, (2.0, 4.0): 4}
    assert quantile(one, 1.0) == 4.0


def test_hostile_bodies_do_not_break_reading() -> None:
    for body in (
        {}, {"count": "NaN", "sum": "Infinity"}, {"count": 1, "explicit_bounds": ["NaN", 1], "bucket_counts": [1]},
        {"scale": 10**6, "positive": {"offset": 2**31, "bucket_counts": [1]}}, {"quantiles": [{"quantile": "NaN"}]},
        {"scale": -(10**4), "positive": {"offset": 2**31, "bucket_counts": [1, 2]}},
    ):  # fmt: skip
        for kind in ("histogram", "exponential_histogram", "summary"):
            quantile(read(kind, body), 0.95)


def test_subtraction_and_addition_are_exact_where_buckets_agree() -> None:
    one = Distribution(3, 6.0, buckets={(0, 1): 1, (1, 2): 2})
    other = Distribution(5, 9.0, buckets={(0, 1): 1, (1, 2): 4})
    assert minus(other, one) == Distribution(2, 3.0, buckets={(1, 2): 2})
    assert plus(one, minus(other, one)).buckets == {(0, 1): 1, (1, 2): 4}


def point(value: float | None, at: int, series: bytes, start: int = 0, **fields: Any) -> Any:
    from tests.builders import _RESOURCE, _SCOPE, NOW_NS
    from tracestore.records import MetricPoint

    known = {
        "series": series, "name": "requests", "description": "", "unit": "1", "kind": "sum", "temporality": 2,
        "monotonic": True, "attributes": {"route": "/"}, "resource": _RESOURCE, "scope": _SCOPE,
        "start_ns": NOW_NS + start * S, "time_ns": NOW_NS + at * S, "value": value, "service": "shop",
    }  # fmt: skip
    return MetricPoint(**(known | fields))


def test_series_come_back_from_postgres(database: Database) -> None:
    from tests.builders import NOW_NS
    from tracestore import writer
    from tracestore.queries.metrics import find_series, metric_names, read_series
    from tracestore.records import Batch

    body = {"count": 4, "sum": 6.0, "explicit_bounds": [1, 2], "bucket_counts": [0, 4, 0]}
    points = [point(value, at, b"a" * 16) for at, value in ((1, 5.0), (61, 8.0), (121, 20.0))]
    points += [point(None, 61, b"b" * 16, start=30, kind="histogram", name="latency", body=body)]
    writer.write(Batch(project_id=1, signal="metrics", received_ns=NOW_NS, sent=4, points=points))
    assert [(one.name, one.series) for one in metric_names(1)] == [("latency", 1), ("requests", 1)]
    (sums,) = read_series(1, find_series(1, "requests"), NOW_NS + 60 * S, NOW_NS + 180 * S, 60)
    assert [step.value for step in sums.steps] == [3.0, 12.0]
    (latency,) = read_series(1, find_series(1, "latency"), NOW_NS, NOW_NS + 180 * S, 60)
    assert [(step.count, step.p50) for step in latency.steps] == [(4, 1.5)]
    assert find_series(2, "requests") == []
    assert read_series(2, find_series(1, "requests"), NOW_NS, NOW_NS + 180 * S, 60) == []
