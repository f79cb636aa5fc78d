"""How numbers and times read."""

import pytest

from dashboard.templatetags import units

DAY = 86_400_000_000_000
NOON = 1_795_262_400_000_000_000  # 2026-11-21 12:00:00 UTC


@pytest.mark.parametrize(
    ("nanousd", "text"),
    [
        (0, "$0"),
        (4, "$0.000000004"),
        (43_000, "$0.0000430"),
        (118_000_000, "$0.118"),
        (41_000_000, "$0.0410"),
        (994_999_999, "$0.995"),
        (999_999_999, "$1.00"),
        (4_120_000_000, "$4.12"),
        (1_204_500_000_000, "$1,204.50"),
        (-5_000_000, "-$0.00500"),
    ],
)
def test_money_has_three_digits_below_a_dollar_and_two_decimals_above(nanousd, text):
    assert units.money(nanousd) == text


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (840_000, "840 µs"),
        (999_500, "1.00 ms"),
        (12_400_000, "12.4 ms"),
        (999_500_000, "1.00 s"),
        (14_200_000_000, "14.2 s"),
        (59_949_999_999, "59.9 s"),
        (59_950_000_000, "1 m 00 s"),
        (185_000_000_000, "3 m 05 s"),
        (8_040_000_000_000, "2 h 14 m"),
        (3 * DAY, "3 d 0 h"),
        (-1_500_000, "-1.50 ms"),
    ],
)
def test_durations_pick_the_unit_that_a_person_would(ns, text):
    assert units.duration(ns) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (950, "950"),
        (999, "999"),
        (1_000, "1.00 k"),
        (41_203, "41.2 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
    ],
)
def test_tokens_are_short(count, text):
    assert units.tokens(count) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.982, "98.2 %"),
        (0.9996, "99.96 %"),
        (0.99999, "99.99 %"),
        (0.0004, "0.04 %"),
        (1e-6, "< 0.01 %"),
    ],
)
def test_a_ratio_is_never_rounded_up_to_all_or_down_to_nothing(ratio, text):
    assert units.percent(ratio) == text


@pytest.mark.parametrize("filter_", [units.money, units.tokens, units.whole, units.duration, units.percent])
def test_unknown_is_a_dash_with_its_reason_and_zero_is_not(filter_):
    assert "–" in filter_(None)
    assert "title=" in filter_(None)
    assert "–" not in filter_(0)


def test_an_unknown_reason_is_escaped():
    assert "<b>" not in units.known(None, "<b>")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (1_240, "1.2 kB"),
        (38_000, "38 kB"),
        (1_240_000, "1.2 MB"),
        (999_949_999, "999.9 MB"),
        (999_950_000, "1.0 GB"),
        (78_393_400_000, "78.4 GB"),
        (1_240_000_000_000, "1.2 TB"),
    ],
)
def test_sizes_go_up_to_the_unit_that_a_disk_is_sold_by(count, text):
    assert units.size(count) == text


@pytest.mark.parametrize(
    ("gap_s", "text"),
    [
        (1, "just now"),
        (12, "12 s ago"),
        (240, "4 min ago"),
        (3 * 3600, "3 h ago"),
        (2 * 86_400, "2 d ago"),
        (-120, "in 2 min"),
    ],
)
def test_times_are_relative(gap_s, text):
    assert f">{text}<" in units.ago(NOON - gap_s * 1_000_000_000, NOON)


def test_the_exact_time_names_its_zone():
    assert units.exact(NOON + 123_000_000) == "2026-11-21 12:00:00.123 UTC"
    assert "2026-11-21 12:00:00.000 UTC" in units.ago(NOON, NOON)


def test_yesterday_shows_its_date_and_today_does_not():
    assert ">12:00:00<" in units.clock(NOON, NOON)
    assert ">20 Nov 12:00:00<" in units.clock(NOON - DAY, NOON)


def test_a_time_outside_the_calendar_is_shown_as_it_is():
    assert str(2**63 - 1) not in units.exact(NOON)
    assert units.exact(2**62)  # year 2116
    assert units.exact(-1)


def test_text_is_inert_and_what_hides_is_shown():
    shown = units.visible("a\u202eb<script>\x00\U000e0041\ufeff")
    assert "<script>" not in shown
    for point in ("U+202E", "U+0000", "U+E0041", "U+FEFF"):
        assert point in shown
    assert "\u202e" not in shown


def test_tabs_newlines_emoji_and_scripts_stay_as_they_are():
    text = "a\tb\nc 👩‍👧 नमस्ते"
    assert str(units.visible(text)) == text


def test_a_name_may_break_and_stays_inert():
    assert units.breakable("gen_ai.x<b>") == "gen_<wbr>ai.<wbr>x&lt;b&gt;"
