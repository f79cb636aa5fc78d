"""Which sums, and which rows, add up to exactly what ended in a range of time? The plan of every read over rollups; pure."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

NS = 10**9
MINUTE_S, QUARTER_S, HOUR_S = 60, 900, 3_600
RAW = 0  # the grain of what is read from the rows themselves
RAW_PIECES_MAX = 100


class Piece(NamedTuple):
    """[start_ns, end_ns) read at one grain, in seconds; RAW = from rows."""

    grain_s: int
    start_ns: int
    end_ns: int


class Plan(NamedTuple):
    """sums: pieces of whole minutes, quarters, hours and days. rows: pieces to be read from rows. In time order, none overlap."""

    sums: list[Piece]
    rows: list[Piece]


class Kept(NamedTuple):
    """rows_from_s: no minute before it is read from rows. minutes_from_s, not later: before it hours are the finest sums.

    There the edges of a range move out to the next whole minute (or what the finest grain is), or hour.
    """

    rows_from_s: int = 0
    minutes_from_s: int = 0


def cover(start_ns: int, end_ns: int, marks: Iterable[tuple[int, int]], grains: Sequence[int], kept: Kept) -> Plan:
    """The coarsest clean sums, and rows for what no clean sum covers.

    marks: (grain_s, start_s) of sums that are stale. grains: those to read, finest first; without any all is rows.
    Adjacent pieces of rows are one; where that leaves more than RAW_PIECES_MAX, those with the smallest gaps between them
    are joined (rows are always right), so that the question stays small whatever is marked.
    """
    finest = grains[0] if grains else MINUTE_S
    start_ns, end_ns = _outwards(start_ns, -1, kept, finest), _outwards(end_ns, 1, kept, finest)
    finer_from_s = {MINUTE_S: kept.rows_from_s, QUARTER_S: kept.minutes_from_s, HOUR_S: kept.minutes_from_s}
    finer_from_s[finest] = kept.rows_from_s
    stale = _stale([(grain, at) for grain, at in marks if at >= finer_from_s.get(grain, 0)], grains)
    pieces = list(_pieces(start_ns, end_ns, tuple(reversed(grains)), stale))
    rows = _joined([piece for piece in pieces if piece.grain_s == RAW])
    return Plan([piece for piece in pieces if piece.grain_s != RAW and not _within(piece, rows)], rows)


def _outwards(at_ns: int, way: int, kept: Kept, finest: int) -> int:
    """An edge that lies where rows, or minutes, are no longer kept."""
    for grain_s, from_s in ((HOUR_S, kept.minutes_from_s), (finest, kept.rows_from_s)):
        if at_ns < from_s * NS:
            return at_ns // (grain_s * NS) * grain_s * NS if way < 0 else -(-at_ns // (grain_s * NS)) * grain_s * NS
    return at_ns


def _stale(marks: Iterable[tuple[int, int]], grains: Sequence[int]) -> dict[int, list[int]]:
    """grain -> starts in ns of what is marked, or holds something finer that is."""
    found: dict[int, set[int]] = {grain: set() for grain in grains}
    for marked, at in marks:
        for grain in grains:
            if grain >= marked:
                found[grain].add(at // grain * grain * NS)
    return {grain: sorted(starts) for grain, starts in found.items()}


def _pieces(start: int, end: int, grains: tuple[int, ...], stale: Mapping[int, Sequence[int]]) -> Iterator[Piece]:
    """grains: the coarsest first."""
    if start >= end:
        return
    if not grains:
        yield Piece(RAW, start, end)
        return
    grain, finer = grains[0], grains[1:]
    step = grain * NS
    low, high = -(-start // step) * step, end // step * step
    if low >= high:
        yield from _pieces(start, end, finer, stale)
        return
    yield from _pieces(start, low, finer, stale)
    starts = stale[grain]
    for at in starts[bisect_left(starts, low) : bisect_left(starts, high)]:
        if low < at:
            yield Piece(grain, low, at)
        yield from _pieces(at, at + step, finer, stale)
        low = at + step
    if low < high:
        yield Piece(grain, low, high)
    yield from _pieces(high, end, finer, stale)


def _joined(rows: Sequence[Piece]) -> list[Piece]:
    """Adjacent ones in one, and then the nearest, until there are few enough."""
    gaps = sorted(later.start_ns - one.end_ns for one, later in pairwise(rows))
    excess = len(rows) - RAW_PIECES_MAX
    reach = gaps[excess - 1] if excess > 0 else 0
    joined: list[Piece] = []
    for piece in rows:
        if joined and piece.start_ns - joined[-1].end_ns <= reach:
            joined[-1] = Piece(RAW, joined[-1].start_ns, piece.end_ns)
        else:
            joined.append(piece)
    return joined


def _within(piece: Piece, rows: Sequence[Piece]) -> bool:
    """Whether rows were joined over this piece of sums."""
    return any(one.start_ns <= piece.start_ns and piece.end_ns <= one.end_ns for one in rows)
