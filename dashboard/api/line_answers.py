"""How do the lines look in JSON and in CSV? Money as decimal text in USD, null (or nothing) = unknown."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from django.http import HttpResponse

from dashboard.api.forms import Json, in_time, in_usd
from dashboard.comparing import Other
from dashboard.params import NS, Range
from tracestore.analysis.differences import Difference
from tracestore.analysis.line_estimates import Estimate
from tracestore.analysis.line_forms import Member, Unit
from tracestore.analysis.line_pairs import Pair
from tracestore.analysis.line_steps import Point, Series
from tracestore.analysis.lines import LINES, MEMBERS
from tracestore.queries.anomalies import Anomalies, Explained

UNITS: Final[dict[Unit, str]] = {"nanousd": "usd", "nanousd_per_h": "usd_per_h"}  # the others as they are
_NANO: Final = Decimal(10) ** -9
Found = Sequence[Series] | Sequence[Pair]


def json_of(
    found: Found, chosen: Range, step_s: int, q: str, other: Other | None, undecided: Mapping[str, int]
) -> Json:
    lines: dict[str, dict[str, Json]] = {line: {} for line in LINES}
    for one in found:
        series, pair = (one.now, one) if isinstance(one, Pair) else (one, None)
        of_line, shown = lines[series.member.line], _series(series, pair)
        if series.split_by is None:
            told = _member(series.member) | {"unanswered": series.unanswered or None}
            of_line[series.member.name] = told | shown | {"split": []}
        else:
            of_line[series.member.name]["split"].append({"key": series.key} | shown)
    asked = {"from": in_time(chosen.start_ns), "to": in_time(chosen.end_ns), "step_s": step_s, "q": q}
    asked["undecided"] = dict(undecided)
    return lines | asked | {"compared_with": _other(other), "anomalies": None, "learning": None}


def _other(of: Other | None) -> Json | None:
    return None if of is None else {"from": in_time(of.start_ns), "to": in_time(of.end_ns), "words": of.words}


def _member(of: Member) -> Json:
    return {
        "name": of.name,
        "title": of.title,
        "unit": UNITS.get(of.unit, of.unit),
        "direction": of.direction,
        "formula": of.formula,
        "n_counts": of.per,
        "needs": list(of.needs),
        "empty": of.empty,
    }


def _series(of: Series, pair: Pair | None) -> Json:
    unit = of.member.unit
    shown = _estimate(unit, of.total) | _points(unit, of.points)
    if pair is None:
        return shown | {"compare": None}
    before = pair.before
    if before is None:
        return shown | {"compare": {"before": None, "points": [], "change": _change(unit, pair.difference)}}
    told = {"before": _estimate(unit, before.total), "points": _points(unit, before.points)["points"]}
    return shown | {"compare": told | {"change": _change(unit, pair.difference)}}


def _estimate(unit: Unit, of: Estimate) -> Json:
    low, high = number(unit, of.low), number(unit, of.high)
    return {"value": number(unit, of.value), "n": of.n, "low": low, "high": high, "hits": of.hits}


def _points(unit: Unit, points: Sequence[Point]) -> Json:
    return {
        "points": [[_time(one), number(unit, one.value), one.n] for one in points],
        "intervals": [None if one.low is None else [number(unit, one.low), number(unit, one.high)] for one in points],
        "partial": [_time(one) for one in points if one.partial],
    }


def _change(unit: Unit, of: Difference) -> Json:
    return {
        "value": number(unit, of.value),
        "low": number(unit, of.low),
        "high": number(unit, of.high),
        "relative": of.relative,
        "relative_low": of.relative_low,
        "relative_high": of.relative_high,
        "distinguishable": of.distinguishable,
        "better": of.better,
    }


def number(unit: Unit, value: float | None) -> Any:
    """Money as decimal text, exact to the nano-dollar; what is whole as an integer."""
    if value is None:
        return None
    if unit in UNITS:
        usd = (Decimal(value) * _NANO).quantize(_NANO, ROUND_HALF_EVEN)
        text = f"{usd:f}".rstrip("0").rstrip(".")
        return "0" if text in ("", "-0") else text
    return int(value) if value == int(value) and unit != "ratio" else value


def anomalies(of: Anomalies) -> Json:
    return {"anomalies": [_anomaly(one) for one in of.found], "learning": of.learning}


def _anomaly(of: Explained) -> Json:
    one, parts = of.anomaly, of.parts
    unit = MEMBERS[one.member].unit
    told = {name: number(unit, getattr(one, name)) for name in ("value", "expected", "median")}
    split = None if parts is None else {name: in_usd(round(value)) for name, value in asdict(parts).items()}
    return told | {
        "member": one.member,
        "time": in_time(one.start_s * NS),
        "n": one.n,
        "weeks": one.weeks,
        "level": one.level,
        "z": one.z,
        "k": one.k,
        "why": one.why,
        "parts_usd": split,
        "dearer": [[key, in_usd(round(change))] for key, change in of.dearer],
    }


def _time(of: Point) -> str:
    return in_time(of.start_s * NS)


COLUMNS: Final = (
    "line", "member", "title", "unit", "formula", "split_by", "key", "time", "value", "n", "low", "high", "partial",
    "before",
)  # fmt: skip


def csv_of(found: Found) -> HttpResponse:
    """One row a point. A text that a spreadsheet would take for a formula gets an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in found:
        series, before = (one.now, one.before) if isinstance(one, Pair) else (one, None)
        writer.writerows(_rows(series, before))
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="lines.csv"'
    response["Cache-Control"] = "no-store, private"
    return response


def _rows(of: Series, before: Series | None) -> Iterator[list[Any]]:
    member = of.member
    unit = UNITS.get(member.unit, member.unit)
    head = [member.line, member.name, member.title, unit, member.formula, of.split_by, plain(of.key)]
    for place, one in enumerate(of.points):
        numbers = [number(member.unit, value) for value in (one.value, one.low, one.high)]
        known = before is not None and place < len(before.points)
        earlier = number(member.unit, before.points[place].value) if before is not None and known else None
        yield [*head, _time(one), numbers[0], one.n, numbers[1], numbers[2], int(one.partial), earlier]


def plain(text: str | None) -> str | None:
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text
