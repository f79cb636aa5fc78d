"""What do the bad events have in common that the rest have not? A part of the page that asks for itself: it looks at rows."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import psycopg.errors
from django.http import HttpRequest

from dashboard.links import quoted, with_query
from dashboard.listing import Choice
from dashboard.objective_links import Lead, bad_events
from dashboard.pages.narrowing import term_of
from dashboard.templatetags.units import counted
from tracestore.analysis.filters import FilterError
from tracestore.analysis.intervals import Interval, wilson
from tracestore.analysis.slo.attribution import MISSING, OTHER, Attribute, Finding
from tracestore.analysis.slo.blame import total_of
from tracestore.analysis.slo.promise import UNITS
from tracestore.facts import DAY_S, HOUR_S, MINUTE_S
from tracestore.queries.slo import ObjectiveRow, count_windows
from tracestore.queries.slo_attribution import CALLED, TOOL, Sample, attribute_sample, draw_events, error_classes

PART: Final = "attributes"
STRETCHES: Final = {"1h": ("last hour", HOUR_S), "24h": ("last 24 h", DAY_S), "7d": ("last 7 days", 7 * DAY_S)}
CLASSES_MOST: Final = 10
FILTERED: Final = ("service", "version", "environment", "operation", "user", "tenant")


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """name: None = no error, such as one that took too long. interval: of its share of the bad, 95 %."""

    name: str | None
    traces: int
    share: float
    interval: Interval | None
    lead: Lead | None


@dataclass(frozen=True, slots=True)
class FindingLine:
    """what: its attributes, (field, value); with_it: those that nearly always come along. q: after correction for all tested."""

    what: tuple[Attribute, ...]
    with_it: tuple[Attribute, ...]
    in_bad: float
    in_rest: float
    finding: Finding
    q: str
    lead: Lead | None


@dataclass(frozen=True, slots=True)
class AttributesPart:
    """href: where to ask for it, "" when it is here. looked_at: what was drawn, in words. problem: why there is nothing."""

    href: str
    stretches: list[Choice] = field(default_factory=list)
    errors: list[ErrorLine] = field(default_factory=list)
    findings: list[FindingLine] = field(default_factory=list)
    looked_at: str = ""
    tested: int = 0
    problem: str = ""


def asked_later(request: HttpRequest) -> AttributesPart:
    return AttributesPart(with_query(request.path, request.GET, show=PART), stretches(request, ""))


def stretches(request: HttpRequest, chosen: str) -> list[Choice]:
    return [
        Choice(words, with_query(request.path, request.GET, over=name, show=PART), name == chosen)
        for name, (words, _) in STRETCHES.items()
    ]


def attributes_part(request: HttpRequest, objective: ObjectiveRow, now: datetime) -> AttributesPart:
    end_s = int(now.timestamp()) // MINUTE_S * MINUTE_S
    windows = [(end_s - length_s, end_s) for _, length_s in STRETCHES.values()]
    found = count_windows([objective.id], windows)
    counts = {name: total_of(found.get((objective.id, number), {}).values()) for number, name in enumerate(STRETCHES)}
    chosen = request.GET.get("over", "")
    if chosen not in STRETCHES:
        chosen = "24h" if counts["24h"].bad else "7d"
    words, length_s = STRETCHES[chosen]
    shown = stretches(request, chosen)
    if not counts[chosen].bad:
        state = "bad" if counts[chosen].total else "counted"
        return AttributesPart("", shown, problem=f"Nothing was {state} in the {words}.")
    ends = (end_s - length_s, end_s)
    try:
        return _compared(request, objective, ends, words, counts[chosen].total, shown)
    except psycopg.errors.QueryCanceled:
        return AttributesPart("", shown, problem=f"To look at the {words} took too long: choose a shorter stretch.")
    except FilterError as error:
        return AttributesPart("", shown, problem=f"The filter of this objective cannot be read: {error}.")


def _compared(
    request: HttpRequest, objective: ObjectiveRow, ends: tuple[int, int], words: str, events: int, shown: list[Choice]
) -> AttributesPart:
    slug, indicator = request.project.slug, objective.indicator()
    sample = draw_events(objective.project_id, indicator, ends[0] * 10**9, ends[1] * 10**9, events)
    found = attribute_sample(sample, indicator)
    return AttributesPart(
        "",
        shown,
        errors=_errors(sample, objective, slug, ends),
        findings=[_finding(one, objective, slug, ends) for one in found.findings],
        looked_at=looked_at(sample, objective, words),
        tested=found.tested,
    )


def looked_at(sample: Sample, objective: ObjectiveRow, words: str) -> str:
    """412 of 1,204 bad requests and 1,500 of 88,102 others of the last 24 h."""
    bad = sum(one.bad for one in sample.drawn)
    unit = UNITS[objective.unit]
    traces = "requests" if objective.unit == "request" else f"requests with {unit}"
    part = f", of which one in {sample.one_in} was looked at" if sample.one_in > 1 else ""
    return (
        f"{bad:,} of {counted(sample.bad_of, 'bad request')} and {len(sample.drawn) - bad:,} of {sample.good_of:,} other "
        f"{traces} of the {words}{part}, drawn by a hash of their id"
    )


def _errors(sample: Sample, objective: ObjectiveRow, slug: str, ends: tuple[int, int]) -> list[ErrorLine]:
    bad = sum(one.bad for one in sample.drawn)
    return [
        ErrorLine(
            name=name,
            traces=traces,
            share=traces / bad,
            interval=wilson(traces, bad),
            lead=bad_events(slug, objective, *ends, f"error:{quoted(name)}" if name else "-error:*"),
        )
        for name, traces in error_classes(sample.drawn)[:CLASSES_MOST]
    ]


def _finding(one: Finding, objective: ObjectiveRow, slug: str, ends: tuple[int, int]) -> FindingLine:
    conditions = [term(attribute) for attribute in one.attributes]
    exact = all(condition is not None for condition in conditions)
    return FindingLine(
        what=one.attributes,
        with_it=one.aliases,
        in_bad=one.table.a / one.table.bad if one.table.bad else 0.0,
        in_rest=one.table.c / one.table.good if one.table.good else 0.0,
        finding=one,
        q="< 0.001" if one.q < 0.001 else f"{one.q:.3f}",
        lead=bad_events(slug, objective, *ends, " ".join(filter(None, conditions))) if exact else None,
    )


def term(attribute: Attribute) -> str | None:
    """The filter of an attribute; None where the filter language has no word for it."""
    name, value = attribute
    if value == OTHER:
        return None
    if name.startswith(TOOL):
        wanted = f"tool:{quoted(name.removeprefix(TOOL))}"
        return wanted if value == CALLED else f"-{wanted}"
    known = None if value == MISSING else value
    if name in FILTERED or (name.startswith("attr.") and not set(name) & set(' :"()')):
        return term_of(name, known)
    if name == "model" and known is not None:
        return " ".join(term_of("model", one) for one in known.split(", "))
    return None
