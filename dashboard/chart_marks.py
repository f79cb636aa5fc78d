"""What is marked in a chart: releases, and hours that stand out; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.chart_words import plain, token

Figure = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mark:
    """A release: a vertical line with a diamond through every chart."""

    at_s: int
    label: str
    colour: str
    title: str = ""


def stars(whys: Mapping[int, str]) -> Figure:
    """Steps that stand out: {start, Unix seconds: what it is compared to}. charts.js sets them on the first line, which has
    their values, since they are asked for when it is drawn already."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "stands out",
        "x": [at_s * 1000 for at_s in whys],
        "customdata": [plain(why) for why in whys.values()],
        "hovertemplate": "stands out  %{customdata}<extra></extra>",
        "marker": {"symbol": "triangle-up-open", "size": 10, "color": token("error"), "line": {"width": 2}},
        "showlegend": False,
    }


def release_line(mark: Mark) -> Figure:
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": mark.at_s * 1000,
        "x1": mark.at_s * 1000,
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"color": token(mark.colour), "width": 1, "dash": "dot"},
    }


def labels(marks: Sequence[Mark], start_s: int, end_s: int) -> list[Figure]:
    """A diamond for each; the name beside it where it runs into no other: of a crowd the last is named."""
    room = (end_s - start_s) * 0.12
    ordered = sorted(marks, key=lambda one: one.at_s)
    if not ordered:
        return []
    befores = [start_s - room, *(one.at_s for one in ordered[:-1])]
    afters = [*(one.at_s for one in ordered[1:]), end_s]
    return [
        diamond(mark, to_right=after - mark.at_s >= room, to_left=mark is ordered[-1] and mark.at_s - before >= room)
        for before, mark, after in zip(befores, ordered, afters, strict=True)
    ]


def diamond(mark: Mark, to_right: bool, to_left: bool) -> Figure:
    name = plain(mark.label[:24])
    return {
        "x": mark.at_s * 1000,
        "xref": "x",
        "y": 1,
        "yref": "paper",
        "xanchor": "right" if to_left and not to_right else "left",
        "xshift": 5 if to_left and not to_right else -5,
        "yanchor": "bottom",
        "showarrow": False,
        "text": f"◆ {name}" if to_right else f"{name} ◆" if to_left else "◆",
        "hovertext": plain(mark.title or mark.label),
        "font": {"color": token(mark.colour)},
    }
