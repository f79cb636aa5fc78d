"""How are prompts drawn: their parts as one bar, a conversation as columns turn by turn? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dashboard.links import in_project, with_query
from dashboard.templatetags.units import in_percent, in_thousands
from tracestore.analysis.context import PARTS, Prompt, in_tokens
from tracestore.analysis.context_growth import WINDOW_MAX, Growth, TurnBucket
from tracestore.analysis.context_windows import context_window
from tracestore.queries.call_sample import CallRow
from tracestore.queries.context import FullPrompt

WORDS: Final = {
    "system": "system",
    "tools": "tool definitions",
    "history": "history",
    "retrieved": "retrieved",
    "user": "user",
    "tool_results": "tool results",
}
CLASSES: Final = {name: "part-results" if name == "tool_results" else f"part-{name}" for name in PARTS}
BAR: Final = 100
WIDTH, HEIGHT = 1_000, 140


@dataclass(frozen=True, slots=True)
class KeyLine:
    word: str
    css: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a drawing along one axis, with its class and what it says on hover."""

    css: str
    at: float
    length: float
    title: str


@dataclass(frozen=True, slots=True)
class BucketLine:
    """shares: in the order of PARTS, None where nothing is known. flags: hard facts."""

    label: str
    n: int
    n_tokens: int
    p50: int | None
    p95: int | None
    pieces: list[Piece]
    shares: list[float | None]
    flags: list[str]


@dataclass(frozen=True, slots=True)
class GrowthLine:
    version: str | None
    service: str
    n: int
    median: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class FullLine:
    prompt: FullPrompt
    label: str
    href: str
    call_href: str
    share: float
    over: bool


@dataclass(frozen=True, slots=True)
class TurnColumn:
    """One call of a conversation. pieces: from the top down; captured: its messages are stored, so that they are known."""

    x: float
    pieces: list[Piece]
    title: str
    href: str
    captured: bool


@dataclass(frozen=True, slots=True)
class Turns:
    """A conversation call by call. window_y: where the smallest window of its models lies; None: unknown or far above.

    shown: of all its calls the first ones.
    """

    width: int
    height: int
    step: float
    columns: list[TurnColumn]
    key: list[KeyLine]
    most: str
    window_y: float | None
    window: str
    growth: str
    shown: int
    calls: int
    sentences: list[str]


def key() -> list[KeyLine]:
    return [KeyLine(WORDS[name], CLASSES[name]) for name in PARTS]


def bucket_lines(buckets: Sequence[TurnBucket], flags: Mapping[int, list[str]]) -> list[BucketLine]:
    """flags: by the first turn of a bucket."""
    return [
        BucketLine(
            label=bounds(one.low, one.high),
            n=one.n,
            n_tokens=one.n_tokens,
            p50=one.p50,
            p95=one.p95,
            pieces=bar(one.shares or {}),
            shares=[one.shares[name] if one.shares else None for name in PARTS],
            flags=list(flags.get(one.low, [])),
        )
        for one in buckets
    ]


def bounds(low: int, high: int | None) -> str:
    if high is None:
        return f"{low}+"
    return str(low) if low == high else f"{low}–{high}"


def bar(shares: Mapping[str, float]) -> list[Piece]:
    pieces: list[Piece] = []
    at = 0.0
    for name in PARTS:
        length = round(shares.get(name, 0) * BAR, 2)
        if length:
            pieces.append(Piece(CLASSES[name], round(at, 2), length, f"{WORDS[name]} {in_percent(shares[name])}"))
        at += length
    return pieces


def growth_lines(found: Sequence[tuple[str, Growth]]) -> list[GrowthLine]:
    return [
        GrowthLine(one.key, service, one.n, per_call(one.median), per_call(one.low), per_call(one.high))
        for service, one in found
    ]


def per_call(slope: float) -> str:
    """Tokens, signed: +412, −3."""
    tokens = round(slope)
    sign = "+" if tokens > 0 else "−" if tokens < 0 else "±"
    return sign + in_thousands(abs(tokens))


def full_lines(found: Sequence[FullPrompt], slug: str) -> list[FullLine]:
    return [
        FullLine(
            prompt=one,
            label=one.session_id or one.trace_id[:8],
            href=in_project(slug, "sessions", one.session_id)
            if one.session_id
            else in_project(slug, "traces", one.trace_id),
            call_href=call_href(slug, one.trace_id, one.span_id),
            share=one.input_tokens / one.window,
            over=one.input_tokens >= one.window,
        )
        for one in found
    ]


def call_href(slug: str, trace_id: str, span_id: int) -> str:
    return with_query(in_project(slug, "traces", trace_id), {}, span=f"{span_id & (2**64 - 1):016x}")


def draw_turns(
    rows: Sequence[CallRow],
    prompts: Mapping[tuple[str, int], Prompt],
    slug: str,
    calls: int,
    slope: float | None,
) -> Turns:
    """rows: of one conversation in order. calls: how many it has. slope: tokens a call that its prompts grow by."""
    most = max((row.input_tokens or 0 for row in rows), default=0)
    window = min((found for row in rows if (found := window_of(row))), default=None)
    top = max(most, window) if window and window <= 4 * most else most
    step = WIDTH / max(1, len(rows))
    return Turns(
        width=WIDTH,
        height=HEIGHT,
        step=step,
        columns=[
            turn_column(number, row, prompts.get((row.trace_id, row.span_id)), step, top, slug)
            for number, row in enumerate(rows)
        ],
        key=key(),
        most=in_thousands(most),
        window_y=round(HEIGHT - window / top * HEIGHT, 1) if window and top and window <= top else None,
        window="" if window is None else in_thousands(window),
        growth="" if slope is None else per_call(slope),
        shown=len(rows),
        calls=calls,
        sentences=sentences(rows, window),
    )


def window_of(row: CallRow) -> int | None:
    return context_window(row.provider, row.model) if row.model else None


def sentences(rows: Sequence[CallRow], window: int | None) -> list[str]:
    """The hard fact of a conversation: how full the window of its model was."""
    most = max((row.input_tokens or 0 for row in rows), default=0)
    if window is None or most < window * WINDOW_MAX:
        return []
    return [
        f"The largest prompt fills {in_percent(most / window)} of the window of its model ({in_thousands(window)} tokens)."
    ]


def turn_column(number: int, row: CallRow, prompt: Prompt | None, step: float, top: int, slug: str) -> TurnColumn:
    tokens = row.input_tokens or 0
    parts = in_tokens(prompt.composition, tokens) if prompt else {}
    known = any(parts.values())
    pieces = stacked(parts, top) if known else lone(tokens, top)
    words = "tokens in not reported" if row.input_tokens is None else f"{row.input_tokens:,} tokens in"
    told = ", ".join(f"{WORDS[name]} {count:,}" for name, count in parts.items() if count)
    return TurnColumn(
        x=round(number * step, 2),
        pieces=pieces,
        title=f"call {number + 1}, {row.model or 'model not known'}: {words}{': ' if told else ''}{told}",
        href=call_href(slug, row.trace_id, row.span_id),
        captured=known,
    )


def stacked(parts: Mapping[str, int], top: int) -> list[Piece]:
    """From the foot upwards in the order of PARTS."""
    pieces: list[Piece] = []
    y = float(HEIGHT)
    for name in PARTS:
        length = parts.get(name, 0) / top * HEIGHT if top else 0
        if length:
            y -= length
            pieces.append(Piece(CLASSES[name], round(y, 2), round(length, 2), WORDS[name]))
    return pieces


def lone(tokens: int, top: int) -> list[Piece]:
    """Of a call whose messages are not known: its size alone."""
    length = tokens / top * HEIGHT if top else 0
    return [Piece("uncaptured", round(HEIGHT - length, 2), round(length, 2), "")] if length else []
