"""Figures from points: gaps stay gaps, intervals are bands, times are the reader's, and no name becomes markup."""

import gzip
import json
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
import zstandard
from django.test import Client

from dashboard.chart_frames import chart_table
from dashboard.chart_marks import stars
from dashboard.chart_scales import scale_of, span_of
from dashboard.chart_ticks import MOST, ticks, when
from dashboard.charts import Axis, Curve, Mark, Point, figure
from dashboard.plotly_script import coding_for, script, script_address
from dashboard.unit_words import in_difference, in_unit

START = 1_785_000_000 // 3600 * 3600
BERLIN = ZoneInfo("Europe/Berlin")
AXIS = Axis(START, START + 6 * 300, 300)


def point(step, value, n=10, low=None, high=None):
    return Point(START + step * 300, value, n, low, high)


def curve(*points, **more):
    return Curve(**{"name": "p95", "unit": "ns", "points": points, "colour": "latency"} | more)


def traces_of(made, **wanted):
    return [one for one in made["data"] if all(one.get(name) == value for name, value in wanted.items())]


def test_a_step_without_a_point_is_a_gap_and_a_lone_point_is_marked():
    (line,) = traces_of(figure([curve(point(0, 1e9), point(1, 2e9), point(4, 3e9))], AXIS), name="p95")
    assert line["y"] == [1, 2, None, None, 3, None]
    assert line["connectgaps"] is False
    assert line["marker"]["size"] == [0, 0, 0, 0, 5, 0]
    assert line["x"] == [(START + 300 * n) * 1000 for n in range(6)]


def test_an_unknown_value_is_not_drawn_as_zero():
    (line,) = traces_of(figure([curve(point(0, None, n=0), point(1, 0.0))], AXIS), name="p95")
    assert line["y"][:2] == [None, 0]
    assert line["customdata"][0] == "– (n 0)"


def test_intervals_are_a_band_of_a_fifth_cut_where_steps_are_missing():
    points = [point(n, 2e9, 10, 1e9, 3e9) for n in (0, 1, 3, 4)]
    (band,) = traces_of(figure([curve(*points, band=True)], AXIS), fill="toself")
    assert band["fillcolor"] == "var(--latency)/0.2"
    assert band["y"] == [3, 3, 1, 1, None, 3, 3, 1, 1, None]
    assert band["hoverinfo"] == "skip"
    assert not traces_of(figure([curve(*points)], AXIS), fill="toself")


def test_an_interval_that_is_not_drawn_makes_no_axis_longer():
    wide = point(0, 0.02, 8, 0.0, 0.4), point(1, 0.03, 8, 0.0, 0.5)
    heights = [
        figure([curve(*wide, unit="ratio", band=band)], AXIS)["layout"]["yaxis"]["range"][1] for band in (False, True)
    ]
    assert heights[0] < 5 < heights[0] + heights[1]
    assert heights[0] < heights[1]


def test_the_hover_says_value_interval_and_n():
    (line,) = traces_of(figure([curve(point(0, 8.1e9, 412, 7.9e9, 8.6e9))], AXIS), name="p95")
    assert line["customdata"][0] == "8.10 s (7.90 s to 8.60 s, n 412)"


def test_a_period_before_lies_over_this_one_and_leads_to_its_own_traces():
    (line,) = traces_of(figure([curve(point(-6, 1e9), shift_s=1800, href="/t?from={from}")], AXIS), name="p95")
    assert line["y"][0] == 1
    assert line["meta"] == {"href": "/t?from={from}", "shift_ms": 1_800_000, "name": "p95"}


def test_what_an_emitter_named_is_text_and_never_markup():
    name = "<a href='javascript:1'>v12</a>\u202e%{x}"
    made = figure([curve(point(0, 1), name=name), curve()], AXIS, marks=[Mark(START, name[:20], "c1", name)])
    (line, _) = [one for one in made["data"] if one.get("meta")]
    written = [line["name"], line["hovertemplate"], made["layout"]["annotations"][0]["hovertext"]]
    for text in written:
        assert "<a" not in text
        assert "\u202e" not in text
        assert "%{x}" not in text
    assert "&lt;a" in line["name"]


def test_a_release_is_a_line_with_a_diamond_and_of_a_crowd_the_last_is_named():
    marks = [Mark(START + at, f"v{at}", "c1") for at in (60, 70, 250, 900, 9_000)]
    layout = figure([curve()], AXIS, marks=marks)["layout"]
    assert len(layout["shapes"]) == 4, "the one after the range is left out"
    assert [one["text"] for one in layout["annotations"]] == ["◆", "◆ v250", "◆ v900"]
    assert layout["annotations"][0]["hovertext"] == "v60<br>v70", "one diamond where two would cover each other"


def test_what_stands_out_has_a_shape_and_the_reason():
    star = stars({START + 300: "9 s: 2 s to <b>3 s</b> is usual"})
    assert star["marker"]["symbol"] == "triangle-up-open"
    assert star["customdata"] == ["9 s: 2 s to &lt;b&gt;3 s&lt;/b&gt; is usual"]
    assert star["x"] == [(START + 300) * 1000]


def test_a_figure_is_json_and_names_colours_by_token_only():
    text = json.dumps(figure([curve(point(0, 1e9, 3, 0.5e9, 2e9), band=True)], AXIS, marks=[Mark(START, "v", "c2")]))
    assert "#" not in text
    assert "rgb" not in text


@pytest.mark.parametrize(
    ("unit", "greatest", "drawn"),
    [("ratio", 0.982, 98.2), ("ns", 8.1e9, 8.1), ("ns", 3e8, 300), ("nanousd", 34e6, 0.034), ("count", 7, 7)],
)
def test_an_axis_counts_in_a_unit_that_people_read(unit, greatest, drawn):
    assert greatest / scale_of(unit, greatest).divisor == pytest.approx(drawn)


def test_shares_stay_between_nothing_and_all_and_never_fill_an_axis_with_noise():
    low, high = span_of([point(0, 0.999), point(1, 1.0)], "ratio", floor=False)
    assert high - low >= 0.01
    assert high < 1.01
    assert span_of([point(0, 0.0)], "ratio")[1] >= 0.01
    assert span_of([], "ns") == (0.0, 1.0)


def test_a_wide_interval_does_not_flatten_the_line():
    low, high = span_of([point(0, 10.0, 1, 0.0, 1e6), point(1, 12.0)], "count")
    assert high < 20


@pytest.mark.parametrize("length_s", [900, 3_600, 21_600, 86_400, 604_800, 2_592_000, 7_776_000])
def test_times_below_an_axis_are_few_and_round_in_the_readers_zone(length_s):
    at, words = ticks(START, START + length_s, BERLIN)
    assert 3 <= len(at) <= MOST
    assert len(set(words)) == len(words)
    assert at == sorted(at)


def test_a_tick_keeps_its_hour_where_the_clock_changes():
    change = 1_792_893_600  # 2026-10-25 01:00 UTC, one hour after the change in Berlin
    _, words = ticks(change - 86_400, change + 86_400, BERLIN)
    assert {word for word in words if ":" in word} == {"12:00"}


def test_a_step_reads_in_the_readers_zone():
    assert when(1_785_067_200, 1_785_068_100, UTC) == "26 Jul 12:00 – 12:15"
    assert when(1_785_067_200, 1_785_068_100, BERLIN) == "26 Jul 14:00 – 14:15"
    assert when(1_785_024_000, 1_785_110_400, UTC) == "Sun 26 Jul"


def test_the_table_says_what_the_chart_draws_newest_first():
    made = chart_table([curve(point(0, 1e9, 3, 0.5e9, 2e9), point(1, None, 0), band=True, href="/t?from={from}")], AXIS)
    assert made.columns == ["p95", "95 % interval", "n"]
    assert [row.cells for row in made.rows] == [["–", "–", "0"], ["1.00 s", "500 ms – 2.00 s", "3"]]
    assert made.rows[1].href.startswith("/t?from=20")


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [(0.031, "ratio", "+3.1 pp"), (-8e8, "ns", "−800 ms"), (12_000_000, "nanousd", "+$0.0120"), (0, "count", "±0")],
)
def test_a_difference_has_a_sign_and_a_unit(value, unit, words):
    assert in_difference(value, unit) == words


def test_a_value_that_is_not_known_is_a_dash():
    assert in_unit(None, "ratio") == "–"


def test_the_script_comes_compressed_and_is_kept_for_good():
    answer = Client().get(script_address(), headers={"accept-encoding": "gzip, deflate, br, zstd"})
    assert answer["Content-Encoding"] == "zstd"
    assert "immutable" in answer["Cache-Control"]
    assert zstandard.decompress(answer.content) == script()
    assert len(answer.content) < len(script()) / 3
    older = Client().get(script_address(), headers={"accept-encoding": "gzip"})
    assert gzip.decompress(older.content) == script()
    assert Client().get(script_address()).content == script()
    assert Client().get("/static/plotly-0000000000000000.js").status_code == 404


def test_a_coding_that_is_refused_is_not_used():
    assert coding_for("zstd;q=0, gzip;q=0.5") == "gzip"
    assert coding_for("br") == ""
