"""The burn-down of an error budget as a small PNG: what is left, day by day, and when the alert fired.

Drawn at twice the size it is shown in, in the colours of the pages, once for light and once for dark mail programs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from tracestore.channels.words import clock, percent, zone_of

WIDTH, HEIGHT = 560, 170  # as shown, in CSS pixels
SCALE = 2  # pixels of the file for one shown
FINE = 2  # drawn so much larger again and shrunk, for smooth lines
LEFT, RIGHT, TOP, BOTTOM = 46, 60, 16, 28

TIMES_UNTIL_S = 3 * 86_400

Point = tuple[int, float]


@dataclass(frozen=True, slots=True)
class Palette:
    """Of dashboard/static/fourline/tokens.css: surface, muted, line, accent, accent-soft (paler), error."""

    surface: str
    muted: str
    line: str
    accent: str
    soft: str
    error: str


LIGHT = Palette("#ffffff", "#50565c", "#e3e3df", "#4a44c4", "#f0effb", "#b0241c")
DARK = Palette("#181a1d", "#a7adb3", "#34383d", "#a9a5ff", "#22213a", "#ff8d83")


@dataclass(frozen=True, slots=True)
class Sketch:
    """A drawing under way. x, y: from seconds and remaining share to pixels of the canvas."""

    pen: ImageDraw.ImageDraw
    palette: Palette
    points: Sequence[Point]
    x: Callable[[float], float]
    y: Callable[[float], float]

    def text(self, at: tuple[float, float], words: str, anchor: str, color: str = "", size: int = 11) -> None:
        font = ImageFont.load_default(size * SCALE * FINE)
        self.pen.text(at, words, fill=color or self.palette.muted, font=font, anchor=anchor)

    def line(self, points: Sequence[tuple[float, float]], color: str, width: float) -> None:
        self.pen.line(points, fill=color, width=round(width * SCALE * FINE), joint="curve")


@lru_cache(16)  # the recipients of one notification get the same picture, which takes 60 ms
def draw(points: tuple[Point, ...], fired_at: int, zone: str, palette: Palette) -> bytes:
    """A PNG of 1,120 x 340 pixels. points: (Unix seconds, remaining share), oldest first, at least two."""
    grown = SCALE * FINE
    image = Image.new("RGB", (WIDTH * grown, HEIGHT * grown), palette.surface)
    sketch = _sketch(image, points, palette, grown)
    line = [(sketch.x(at), sketch.y(share)) for at, share in points]
    floor = sketch.y(0.0)
    sketch.pen.polygon([(line[0][0], floor), *line, (line[-1][0], floor)], fill=palette.soft)
    _grid(sketch, zone)
    sketch.line(line, palette.accent, 2)
    _mark(sketch, fired_at)
    _end(sketch)
    small = image.resize((WIDTH * SCALE, HEIGHT * SCALE), Image.Resampling.LANCZOS)
    written = BytesIO()
    small.quantize(256, Image.Quantize.MAXCOVERAGE).save(written, "PNG", optimize=True)
    return written.getvalue()


def described(points: Sequence[Point], fired_at: int, zone: str) -> str:
    """What the picture shows, for whoever does not see it."""
    first, last = points[0], points[-1]
    return (
        f"Error budget left: {percent(first[1])} on {clock(first[0], zone)}, {percent(last[1])} on {clock(last[0], zone)}. "
        f"The alert fired {clock(fired_at, zone)}."
    )


def _sketch(image: Image.Image, points: Sequence[Point], palette: Palette, grown: int) -> Sketch:
    start, end = points[0][0], max(points[-1][0], points[0][0] + 1)
    low, high = min(0.0, *(share for _, share in points)), max(1.0, *(share for _, share in points))
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(seconds: float) -> float:
        return (LEFT + wide * (min(max(seconds, start), end) - start) / (end - start)) * grown

    def y(share: float) -> float:
        return (TOP + tall * (high - share) / (high - low)) * grown

    return Sketch(ImageDraw.Draw(image), palette, points, x, y)


def _grid(sketch: Sketch, zone: str) -> None:
    """Light lines across, percent at their left, when it began and ended under them."""
    start, end = sketch.points[0][0], sketch.points[-1][0]
    for share in (0.0, 0.5, 1.0):
        sketch.line([(sketch.x(start), sketch.y(share)), (sketch.x(end), sketch.y(share))], sketch.palette.line, 1)
        sketch.text((sketch.x(start) - 8 * SCALE * FINE, sketch.y(share)), f"{share * 100:.0f} %", "rm")
    under = (HEIGHT - 8) * SCALE * FINE
    sketch.text((sketch.x(start), under), _began(start, end, zone), "ls")
    sketch.text((sketch.x(end), under), "now", "rs")


def _began(start: int, end: int, zone: str) -> str:
    """The day, with the time where that matters."""
    at = datetime.fromtimestamp(start, UTC).astimezone(zone_of(zone))
    return f"{at.day} {at:%b}" if end - start > TIMES_UNTIL_S else f"{at.day} {at:%b, %H:%M}"


def _mark(sketch: Sketch, fired_at: int) -> None:
    """A dashed line where the alert fired, its word on the side that has room."""
    x, top, floor = sketch.x(fired_at), TOP * SCALE * FINE, (HEIGHT - BOTTOM) * SCALE * FINE
    dash = 3 * SCALE * FINE
    for y in range(top, floor, 2 * dash):
        sketch.line([(x, y), (x, min(y + dash, floor))], sketch.palette.error, 1.2)
    right_half = x > WIDTH * SCALE * FINE / 2
    beside = -6 * SCALE * FINE if right_half else 6 * SCALE * FINE
    sketch.text((x + beside, top + 2 * SCALE * FINE), "fired", "rt" if right_half else "lt", sketch.palette.error)


def _end(sketch: Sketch) -> None:
    """What is left now, beside the end of the line."""
    at, share = sketch.points[-1]
    x, y, radius = sketch.x(at), sketch.y(share), 3.5 * SCALE * FINE
    color = sketch.palette.accent if share > 0 else sketch.palette.error
    sketch.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
    sketch.text((x + 8 * SCALE * FINE, y), percent(share), "lm", color, 13)
