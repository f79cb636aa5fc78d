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
    """A diamond for each, or for those that would cover each other; the name of the last beside it where it runs into no other.

    Fifty texts take Plotly a third of a second a chart.
    """
    room, near = (end_s - start_s) * 0.12, (end_s - start_s) * 0.02
    crowds = together(sorted(marks, key=lambda one: one.at_s), near)
    if not crowds:
        return []
    places = [crowd[-1].at_s for crowd in crowds]
    befores, afters = [start_s - room, *places[:-1]], [*places[1:], end_s]
    return [
        diamond(crowd, to_right=after - at >= room, to_left=crowd is crowds[-1] and at - before >= room)
        for before, at, after, crowd in zip(befores, places, afters, crowds, strict=True)
    ]


def together(ordered: Sequence[Mark], near_s: float) -> list[list[Mark]]:
    """Marks less than near_s after the first of their crowd."""
    crowds: list[list[Mark]] = []
    for mark in ordered:
        if crowds and mark.at_s - crowds[-1][0].at_s < near_s:
            crowds[-1].append(mark)
        else:
            crowds.append([mark])
    return crowds


def diamond(crowd: Sequence[Mark], to_right: bool, to_left: bool) -> Figure:
    mark = crowd[-1]
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
        "hovertext": "<br>".join(plain(one.title or one.label) for one in crowd),
        "font": {"color": token(mark.colour)},
    }
