"""What did a document say that we have no field for? Kept beside the objective, so that it is written again."""

from collections.abc import Mapping
from typing import Any

from tracestore.analysis.openslo.notes import Document, listed, mapped
from tracestore.analysis.openslo.settings import RULE, others, ours
from tracestore.analysis.openslo.shapes import KINDS

_METADATA = ("name", "displayName", "labels", "annotations")
_OBJECTIVE = ("target", "targetPercent", "op", "value")
Origin = dict[str, Any]


def origin_of(
    document: Document, objective: Mapping[str, Any], indicator: Mapping[str, Any], is_foreign: bool
) -> Origin:
    """Only what is there. is_foreign: the indicator is another tool's, and is kept whole; annotations say what we count."""
    metadata, spec = mapped(document.body.get("metadata")), mapped(document.body.get("spec"))
    kept: Origin = {
        "labels": metadata.get("labels"),
        "annotations": others(mapped(metadata.get("annotations"))),
        "root": _without(document.body, ("apiVersion", "kind", "metadata", "spec")),
        "metadata": _without(metadata, _METADATA),
        "spec": _without(spec, tuple(mapped(KINDS["SLO"]["spec"].of))),
        "objective": _without(objective, _OBJECTIVE),
        "policies": _policies(spec),
    }
    if is_foreign:
        kept["foreign"] = {name: indicator[name] for name in ("metadata", "spec") if name in indicator}
        kept["threshold"] = {name: objective[name] for name in ("op", "value") if objective.get(name) is not None}
    else:
        kept["indicator"] = _described(indicator, str(metadata.get("name")))
    return {name: value for name, value in kept.items() if value}


def _without(fields: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in known and value is not None}


def _described(indicator: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Its metadata and description, where they say more than the SLO's name."""
    metadata = _without(mapped(indicator.get("metadata")), ())
    described = {
        "metadata": metadata if metadata != {"name": name} else None,
        "description": mapped(indicator.get("spec")).get("description"),
    }
    return {field: value for field, value in described.items() if value}


def _policies(spec: Mapping[str, Any]) -> dict[str, Any]:
    """By the name of the rule; only what stands in the SLO itself."""
    kept = {}
    for policy in listed(spec.get("alertPolicies")):
        metadata = mapped(policy.get("metadata"))
        annotations = mapped(metadata.get("annotations"))
        own = {
            "metadata": _without(metadata, ("name", "annotations")) | _if_any("annotations", others(annotations)),
            "description": mapped(policy.get("spec")).get("description"),
        }
        name = ours(annotations).get(RULE) or str(metadata.get("name", ""))
        if name and (said := {field: value for field, value in own.items() if value}):
            kept[name] = said
    return kept


def _if_any(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {name: value} if value else {}
