"""Which events does an indicator count? Our metric source, thresholds as filters, and what others' sources need."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tracestore.analysis.openslo.notes import Document, Notes, mapped, shown
from tracestore.analysis.openslo.settings import EVENTS, PREFIX
from tracestore.analysis.slo.drafts import ObjectiveDraft
from tracestore.analysis.slo.indicator import UNITS

OURS: Final = "fourline"
MAPPING: Final = (
    f"Fourline cannot ask it. Use type: {OURS} with spec: {{unit: request, q: ...}}, or say beside it, in annotations, "
    f"{PREFIX}unit, {PREFIX}total and {PREFIX}good (or {PREFIX}bad) with filters of ours."
)
MEASURES: Final = {"duration": "s", "cost": "", "tokens": ""}  # and the unit of a threshold in a filter
_COMPARE: Final = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
Where = tuple[str, str]  # document, path
DataSources = Mapping[str, Document]


@dataclass(frozen=True, slots=True)
class Events:
    unit: str
    total_q: str
    part_q: str
    part: str


def events_of_settings(given: Mapping[str, str], where: Where, notes: Notes) -> Events | None:
    """From annotations. None: they say nothing of it, or not enough."""
    if not any(name in given for name in EVENTS):
        return None
    parts = [name for name in ("good", "bad") if name in given]
    if len(parts) != 1:
        notes.error(*where, f"give exactly one of {PREFIX}good and {PREFIX}bad.")
        return None
    return Events(given.get("unit", "request"), given.get("total", ""), given[parts[0]], parts[0])


def events_of(
    spec: Mapping[str, Any], objective: Mapping[str, Any], where: Where, sources: DataSources, notes: Notes
) -> Events | None:
    """From an SLI's spec. None: it is not ours to ask, or does not say enough; notes say so."""
    document, path = where
    if spec.get("thresholdMetric"):
        source = _source(spec["thresholdMetric"], (document, f"{path}.thresholdMetric"), sources, notes)
        return (
            _threshold(source, objective, (document, f"{path}.thresholdMetric.metricSource.spec"), notes)
            if source
            else None
        )
    ratio = spec["ratioMetric"]
    if ratio.get("raw"):
        notes.error(
            document, f"{path}.ratioMetric.raw", f"is a ratio made elsewhere; Fourline counts events. {MAPPING}"
        )
        return None
    part = "good" if ratio.get("good") else "bad"
    total = _source(ratio["total"], (document, f"{path}.ratioMetric.total"), sources, notes)
    some = _source(ratio[part], (document, f"{path}.ratioMetric.{part}"), sources, notes) if total else None
    if not total or not some:
        return None
    return _ratio(total, some, part, (document, f"{path}.ratioMetric"), notes)


def _source(metric: Mapping[str, Any], where: Where, sources: DataSources, notes: Notes) -> dict[str, Any] | None:
    """The spec of our metric source."""
    source = mapped(metric.get("metricSource"))
    kind, reference = source.get("type"), source.get("metricSourceRef")
    if reference and not kind:
        if reference not in sources:
            notes.error(where[0], f"{where[1]}.metricSource", f"there is no DataSource {shown(reference)} in the file.")
            return None
        kind = mapped(sources[reference].body.get("spec")).get("type")
    if kind != OURS:
        notes.error(where[0], f"{where[1]}.metricSource", f"its type is {shown(kind or 'not given')}: {MAPPING}")
        return None
    return mapped(source.get("spec"))


def _text(spec: Mapping[str, Any], name: str, where: Where, notes: Notes, default: str | None = None) -> str | None:
    value = spec.get(name, default)
    if isinstance(value, str):
        return value
    notes.error(where[0], f"{where[1]}.{name}", "is missing." if value is None else "must be a text; put it in quotes.")
    return None


def _ratio(total: dict[str, Any], some: dict[str, Any], part: str, where: Where, notes: Notes) -> Events | None:
    document, path = where
    _only(total, ("unit", "q"), (document, f"{path}.total.metricSource.spec"), notes)
    _only(some, ("unit", "q"), (document, f"{path}.{part}.metricSource.spec"), notes)
    unit = _unit(total, (document, f"{path}.total.metricSource.spec"), notes)
    total_q = _text(total, "q", (document, f"{path}.total.metricSource.spec"), notes, "")
    part_q = _text(some, "q", (document, f"{path}.{part}.metricSource.spec"), notes)
    if some.get("unit", unit) != unit:
        notes.error(
            document,
            f"{path}.{part}.metricSource.spec.unit",
            "must be that of total: it counts some of the same events.",
        )
        return None
    if unit is None or total_q is None or part_q is None:
        return None
    return Events(unit, total_q, part_q, part)


def _unit(spec: Mapping[str, Any], where: Where, notes: Notes) -> str | None:
    unit = _text(spec, "unit", where, notes)
    if unit is not None and unit not in UNITS:
        notes.error(where[0], f"{where[1]}.unit", f"{shown(unit)} is none of {', '.join(UNITS)}.")
        return None
    return unit


def _only(spec: Mapping[str, Any], names: tuple[str, ...], where: Where, notes: Notes) -> None:
    for name in spec.keys() - set(names):
        notes.error(
            where[0], f"{where[1]}.{shown(name)}", f"is no field of a {OURS} source here; it has {' and '.join(names)}."
        )


def _threshold(spec: dict[str, Any], objective: Mapping[str, Any], where: Where, notes: Notes) -> Events | None:
    """duration in seconds, cost in USD, tokens as a number: the good events are on the right side of the value."""
    _only(spec, ("unit", "q", "measure"), where, notes)
    unit, q = _unit(spec, where, notes), _text(spec, "q", where, notes, "")
    measure = _text(spec, "measure", where, notes)
    if measure is not None and measure not in MEASURES:
        notes.error(where[0], f"{where[1]}.measure", f"{shown(measure)} is none of {', '.join(MEASURES)}.")
        return None
    value, compare = objective.get("value"), _COMPARE.get(str(objective.get("op")))
    if unit is None or q is None or measure is None or value is None or compare is None:
        return None
    if value < 0:
        notes.error(where[0], "spec.objectives", "value must not be negative.")
        return None
    return Events(unit, q, f"{measure}:{compare}{Decimal(str(value)):f}{MEASURES[measure]}", "good")


def indicator_of(draft: ObjectiveDraft, kept: Mapping[str, Any]) -> dict[str, Any]:
    """kept: of the metadata and the description that an OpenSLO document had."""
    total = {"unit": draft.unit, "q": draft.total_q}
    ratio = {"counter": True, draft.part: _metric({"q": draft.part_q}), "total": _metric(total)}
    described = {"description": kept["description"]} if kept.get("description") else {}
    return {"metadata": kept.get("metadata") or {"name": draft.name}, "spec": {**described, "ratioMetric": ratio}}


def _metric(spec: dict[str, Any]) -> dict[str, Any]:
    return {"metricSource": {"type": OURS, "spec": spec}}
