"""Which fields has an OpenSLO v1 object, and of what type? As data, and a walk over it that names each place.

Source: the specification (https://github.com/OpenSLO/OpenSLO) and the rules of its SDK
(https://github.com/OpenSLO/go-sdk, pkg/openslo/v1), read in 2025.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Union

from tracestore.analysis.openslo.durations import HINT, parse_duration
from tracestore.analysis.openslo.notes import Notes, shown
from tracestore.analysis.slo.drafts import zones

Rule = Callable[[Any], str | None]  # what is wrong with a value of the right type, and what to do


@dataclass(frozen=True, slots=True)
class Field:
    """of: a Python type, the shape of an object, or a list of one shape. rule: broken = a breach of the specification.

    hard: broken, the value means nothing, so that it is an error in lenient reading too.
    """

    of: Union[type, tuple[type, ...], "Shape", list["Shape"]]
    required: bool = False
    rule: Rule | None = None
    hard: bool = False


Shape = Mapping[str, Field]
NUMBER: Final = (int, float)

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_KEY: Final = re.compile(r"[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")
_ANNOTATION_KEY: Final = re.compile(
    r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*/)?[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"
)


def is_label(text: str) -> bool:
    """An RFC 1123 label."""
    return bool(_LABEL.fullmatch(text))


def _label(text: str) -> str | None:
    return None if is_label(text) else "use at most 63 lower-case letters, digits and hyphens (an RFC 1123 label)."


def _at_most(length: int) -> Rule:
    return lambda text: None if len(text) <= length else f"is longer than {length} characters; shorten it."


def one_of(*words: str) -> Rule:
    return lambda text: None if text in words else f"{shown(text)} is none of {', '.join(words)}."


def _not_empty(value: Any) -> str | None:
    return None if value else "must not be empty."


def _duration(text: str) -> str | None:
    return None if parse_duration(text) else f"{shown(text)} is no duration: write {HINT}."


def _share(low_open: bool, high_open: bool, most: float) -> Rule:
    def rule(value: float) -> str | None:
        inside = (value > 0 if low_open else value >= 0) and (value < most if high_open else value <= most)
        return None if inside else f"must lie between 0 and {most:g}{', below it' if high_open else ''}."

    return rule


def _positive(value: float) -> str | None:
    return None if value > 0 else "must be above 0."


def _start_time(text: str) -> str | None:
    try:
        datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  # wall time; the zone stands beside it
    except ValueError:
        return f"{shown(text)} is no start time: write it as 2026-01-01 00:00:00."
    return None


def _zone(text: str) -> str | None:
    return None if text in zones() else f"{shown(text)} is no time zone: use a name such as Europe/Berlin."


def _labels(labels: dict[str, Any]) -> str | None:
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key):
            return f"{shown(key)} is no key of a label."
        if not all(isinstance(one, str) for one in (value if isinstance(value, list) else [value])):
            return f"{shown(key)}: must be a text or a list of texts; put it in quotes."
    return None


def _annotations(annotations: dict[str, Any]) -> str | None:
    for key, value in annotations.items():
        if not _ANNOTATION_KEY.fullmatch(key):
            return f"{shown(key)} is no key of an annotation."
        if not isinstance(value, str):
            return f"{shown(key)}: must be a text; put it in quotes."
    return None


OPERATORS: Final = ("gt", "lt", "gte", "lte")
_text_1050: Final = Field(str, rule=_at_most(1050))
_METADATA: Final[Shape] = {
    "name": Field(str, True, _label),
    "displayName": Field(str, rule=_at_most(63)),
    "labels": Field(dict, rule=_labels),
    "annotations": Field(dict, rule=_annotations),
}
_SOURCE: Final[Shape] = {
    "metricSourceRef": Field(str, rule=_label),
    "type": Field(str),
    "spec": Field(dict, True, _not_empty),
}
_METRIC: Final[Shape] = {"metricSource": Field(_SOURCE, True)}
_RATIO: Final[Shape] = {
    "counter": Field(bool),
    "good": Field(_METRIC),
    "bad": Field(_METRIC),
    "total": Field(_METRIC),
    "rawType": Field(str, rule=one_of("success", "failure"), hard=True),
    "raw": Field(_METRIC),
}
_SLI_SPEC: Final[Shape] = {
    "description": _text_1050,
    "thresholdMetric": Field(_METRIC),
    "ratioMetric": Field(_RATIO),
}
_INDICATOR: Final[Shape] = {"metadata": Field(_METADATA, True), "spec": Field(_SLI_SPEC, True)}
_OBJECTIVE: Final[Shape] = {
    "displayName": Field(str),
    "op": Field(str, rule=one_of(*OPERATORS), hard=True),
    "value": Field(NUMBER),
    "target": Field(NUMBER, rule=_share(False, True, 1), hard=True),
    "targetPercent": Field(NUMBER, rule=_share(False, True, 100), hard=True),
    "timeSliceTarget": Field(NUMBER, rule=_share(True, False, 1)),
    "timeSliceWindow": Field(str, rule=_duration, hard=True),
    "indicator": Field(_INDICATOR),
    "indicatorRef": Field(str, rule=_label),
    "compositeWeight": Field(NUMBER, rule=_positive),
}
_WINDOW: Final[Shape] = {
    "duration": Field(str, True, _duration, True),
    "isRolling": Field(bool),
    "calendar": Field({"startTime": Field(str, True, _start_time, True), "timeZone": Field(str, True, _zone, True)}),
}
_CONDITION_SPEC: Final[Shape] = {
    "severity": Field(str, True, _not_empty),
    "description": _text_1050,
    "condition": Field(
        {
            "kind": Field(str, True, one_of("burnrate"), True),
            "op": Field(str, True, one_of(*OPERATORS), True),
            "threshold": Field(NUMBER, True),
            "lookbackWindow": Field(str, True, _duration, True),
            "alertAfter": Field(str, rule=_duration, hard=True),
        },
        True,
    ),
}
_TARGET_SPEC: Final[Shape] = {"target": Field(str, True, _not_empty), "description": _text_1050}


def _inline(reference: str, kind: str, spec: Shape) -> Shape:
    """Either a reference by name or the object itself."""
    return {
        reference: Field(str, rule=_label),
        "kind": Field(str, rule=one_of(kind)),
        "metadata": Field(_METADATA),
        "spec": Field(spec),
    }


_POLICY_SPEC: Final[Shape] = {
    "description": _text_1050,
    "alertWhenNoData": Field(bool),
    "alertWhenBreaching": Field(bool),
    "alertWhenResolved": Field(bool),
    "conditions": Field([_inline("conditionRef", "AlertCondition", _CONDITION_SPEC)]),
    "notificationTargets": Field([_inline("targetRef", "AlertNotificationTarget", _TARGET_SPEC)]),
}
_SLO_SPEC: Final[Shape] = {
    "description": _text_1050,
    "service": Field(str, True, _not_empty),
    "indicator": Field(_INDICATOR),
    "indicatorRef": Field(str, rule=_label),
    "budgetingMethod": Field(str, True, one_of("Occurrences", "Timeslices", "RatioTimeslices"), True),
    "timeWindow": Field([_WINDOW]),
    "objectives": Field([_OBJECTIVE]),
    "alertPolicies": Field([_inline("alertPolicyRef", "AlertPolicy", _POLICY_SPEC)]),
}
_SPECS: Final[Mapping[str, Shape]] = {
    "SLO": _SLO_SPEC,
    "SLI": _SLI_SPEC,
    "Service": {"description": _text_1050},
    "DataSource": {"description": _text_1050, "type": Field(str, True, _not_empty), "connectionDetails": Field(dict)},
    "AlertPolicy": _POLICY_SPEC,
    "AlertCondition": _CONDITION_SPEC,
    "AlertNotificationTarget": _TARGET_SPEC,
}
KINDS: Final[Mapping[str, Shape]] = {
    kind: {
        "apiVersion": Field(str, True),
        "kind": Field(str, True),
        "metadata": Field(_METADATA, True),
        "spec": Field(spec, kind != "Service"),
    }
    for kind, spec in _SPECS.items()
}


def walk(value: object, shape: Shape, where: tuple[str, str], notes: Notes) -> bool:
    """Says what of an object is of the wrong type, is missing, is unknown, or breaks a rule.

    where: (document, path). False: something is of the wrong type, so that nothing more can be said of it.
    """
    document, path = where
    if not isinstance(value, dict):
        notes.error(document, path, "must be an object with fields.")
        return False
    for name in value.keys() - shape.keys():
        notes.breach(
            document, _below(path, name), "is no field of OpenSLO v1; Fourline keeps it and does nothing with it."
        )
    for name, field in shape.items():
        if field.required and value.get(name) is None:
            notes.error(document, _below(path, name), "is missing.")
    known = [(name, field) for name, field in shape.items() if value.get(name) is not None]
    good = [_walk_field(value[name], field, (document, _below(path, name)), notes) for name, field in known]
    return all(good) and all(value.get(name) is not None for name, field in shape.items() if field.required)


def _walk_field(value: Any, field: Field, where: tuple[str, str], notes: Notes) -> bool:
    if isinstance(field.of, Mapping):
        return walk(value, field.of, where, notes)
    if isinstance(field.of, list):
        return _walk_list(value, field.of[0], where, notes)
    is_flag_for_number = isinstance(value, bool) and field.of is not bool
    if not isinstance(value, field.of) or is_flag_for_number:
        notes.error(*where, f"{shown(value)} is no {_TYPE_WORDS.get(field.of, 'value')}.")
        return False
    if field.rule and (fault := field.rule(value)):
        (notes.error if field.hard else notes.breach)(*where, fault)
        return not field.hard
    return True


_TYPE_WORDS: Final[Mapping[Any, str]] = {
    str: "text; put it in quotes",
    bool: "true or false",
    dict: "object with fields",
    NUMBER: "number",
}


def _walk_list(value: object, shape: Shape, where: tuple[str, str], notes: Notes) -> bool:
    if not isinstance(value, list):
        notes.error(*where, "must be a list.")
        return False
    document, path = where
    sound = [walk(one, shape, (document, f"{path}[{at}]"), notes) for at, one in enumerate(value)]
    return all(sound)


def _below(path: str, name: str) -> str:
    return f"{path}.{shown(name)}" if path else shown(name)
