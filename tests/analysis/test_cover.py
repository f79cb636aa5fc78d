"""A range is read from the coarsest clean sums, each part of it once, and from rows where nothing else is right."""

from hypothesis import given
from hypothesis import strategies as st

from tracestore.analysis.cover import NS, RAW, RAW_PIECES_MAX, Kept, Piece, Plan, cover
from tracestore.facts import DAY_S, GRAINS, HOUR_S, MINUTE_S, QUARTER_S

DAY_NS = DAY_S * NS
TIMES = st.integers(0, 4 * DAY_NS) | st.integers(0, 4 * 1440).map(lambda minute: minute * MINUTE_S * NS)
MARKS = st.sampled_from(GRAINS).flatmap(
    lambda grain: st.integers(0, 4 * DAY_S // grain).map(lambda number: (grain, number * grain))
)


def plan(start_ns: int, end_ns: int, *marks: tuple[int, int], kept: Kept | None = None) -> Plan:
    return cover(start_ns, end_ns, marks, GRAINS, kept or Kept())


@given(TIMES, TIMES, st.lists(MARKS, max_size=300))
def test_every_moment_is_read_once_and_no_stale_sum_is(one: int, other: int, marks: list[tuple[int, int]]) -> None:
    start, end = sorted((one, other))
    found = plan(start, end, *marks)
    pieces = sorted([*found.sums, *found.rows], key=lambda piece: piece.start_ns)
    at = start
    for piece in pieces:
        assert piece.start_ns == at < piece.end_ns
        at = piece.end_ns
    assert at == end
    assert len(found.rows) <= RAW_PIECES_MAX
    for grain, at, until in found.sums:
        assert at % (grain * NS) == 0 == until % (grain * NS)
        stale = [start for finer, start in marks if finer <= grain and at <= start * NS < until]
        assert not stale


def test_two_clean_weeks_are_days_with_edges_of_hours_quarters_minutes_and_rows() -> None:
    start, end = 10 * DAY_NS + 1, 24 * DAY_NS + 3 * HOUR_S * NS + 61 * NS
    found = plan(start, end)
    assert [piece.grain_s for piece in found.sums] == [60, 900, 3600, 86400, 3600, 60]
    assert found.sums[3] == Piece(DAY_S, 11 * DAY_NS, 24 * DAY_NS)
    assert found.rows == [Piece(RAW, start, 10 * DAY_NS + 60 * NS), Piece(RAW, end - NS, end)]


def test_a_marked_minute_is_read_from_rows_and_its_hour_and_day_from_what_is_finer() -> None:
    dirty = 5 * HOUR_S + 7 * MINUTE_S
    found = plan(0, 3 * DAY_NS, (MINUTE_S, dirty))
    assert found.rows == [Piece(RAW, dirty * NS, (dirty + 60) * NS)]
    assert [(piece.grain_s, (piece.end_ns - piece.start_ns) // NS // piece.grain_s) for piece in found.sums] == [
        (HOUR_S, 5), (MINUTE_S, 7), (MINUTE_S, 7), (QUARTER_S, 3), (HOUR_S, 18), (DAY_S, 2),
    ]  # fmt: skip


def test_a_marked_hour_is_read_from_its_quarters() -> None:
    found = plan(0, DAY_NS, (HOUR_S, 0))
    assert found == Plan([Piece(QUARTER_S, 0, HOUR_S * NS), Piece(HOUR_S, HOUR_S * NS, DAY_NS)], [])


def test_a_backfill_that_marks_every_other_minute_stays_a_small_question() -> None:
    found = plan(0, 4 * DAY_NS, *((MINUTE_S, 120 * n) for n in range(2 * 1440)))
    assert len(found.rows) <= RAW_PIECES_MAX
    assert len(found.sums) <= 3 * RAW_PIECES_MAX


def test_edges_move_out_where_rows_or_minutes_are_gone() -> None:
    kept = Kept(rows_from_s=2 * DAY_S, minutes_from_s=DAY_S)
    early, late = 5 * HOUR_S * NS + 61 * NS, DAY_NS + 61 * NS
    assert plan(early, 3 * DAY_NS, kept=kept).sums[0] == Piece(HOUR_S, 5 * HOUR_S * NS, DAY_NS)
    assert plan(late, 3 * DAY_NS, kept=kept).sums[0].start_ns == DAY_NS + 60 * NS
    assert not plan(late, 3 * DAY_NS, (MINUTE_S, DAY_S + 60), kept=kept).rows, "a frozen minute is what it was"


def test_sums_that_begin_at_quarters_have_rows_below_them() -> None:
    found = cover(61 * NS, DAY_NS, [(MINUTE_S, HOUR_S + 60)], GRAINS[1:], Kept())
    assert found.rows == [Piece(RAW, 61 * NS, 900 * NS), Piece(RAW, HOUR_S * NS, (HOUR_S + 900) * NS)]
    assert {piece.grain_s for piece in found.sums} == {QUARTER_S, HOUR_S}
    kept = Kept(rows_from_s=2 * DAY_S, minutes_from_s=DAY_S)
    early = cover(DAY_NS + 61 * NS, 3 * DAY_NS, [(MINUTE_S, DAY_S + 60), (QUARTER_S, DAY_S)], GRAINS[1:], kept)
    assert early.sums[0].start_ns == DAY_NS, "an edge where rows are gone moves out to the quarter"
    assert not early.rows
    assert cover(61 * NS, DAY_NS, [], (), Kept()) == Plan([], [Piece(RAW, 61 * NS, DAY_NS)])
