"""How are our objectives written as OpenSLO v1? So that reading it again gives the same objective."""

from collections.abc import Mapping
from typing import Any, Final

from tracestore.analysis.openslo.checks import VERSION
from tracestore.analysis.openslo.indicators import indicator_of
from tracestore.analysis.openslo.notes import mapped
from tracestore.analysis.openslo.policies import policy_of
from tracestore.analysis.openslo.settings import DEFAULTS, TEXTS, UNASSIGNED, names_text, prefixed
from tracestore.analysis.openslo.windows import window_of
from tracestore.analysis.slo.drafts import ObjectiveDraft

LONGEST_DISPLAY_NAME: Final = 63


def document_of(draft: ObjectiveDraft) -> dict[str, Any]:
    """An SLO with its indicator and its alert policies inline; what came with it from a document stands in it again."""
    kept = draft.origin
    target = {"target": float(draft.target)}
    return {
        "apiVersion": VERSION,
        "kind": "SLO",
        "metadata": _metadata(draft, kept),
        "spec": {
            "description": draft.description,
            "service": draft.service or UNASSIGNED,
            "indicator": kept.get("foreign") or indicator_of(draft, mapped(kept.get("indicator"))),
            "timeWindow": [window_of(draft)],
            "budgetingMethod": "Occurrences",
            "objectives": [{**mapped(kept.get("objective")), **mapped(kept.get("threshold")), **target}],
            **_policies(draft, mapped(kept.get("policies"))),
            **mapped(kept.get("spec")),
        },
        **mapped(kept.get("root")),
    }


def _metadata(draft: ObjectiveDraft, kept: Mapping[str, Any]) -> dict[str, Any]:
    annotations = {**mapped(kept.get("annotations")), **prefixed(_settings(draft, kept))}
    written = {
        "name": draft.name,
        "displayName": draft.title[:LONGEST_DISPLAY_NAME].strip(),
        "labels": kept.get("labels"),
        "annotations": annotations,
        **mapped(kept.get("metadata")),
    }
    return {name: value for name, value in written.items() if value}


def _settings(draft: ObjectiveDraft, kept: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: str(getattr(draft, field)) for name, field in TEXTS.items() if name != "title"}
    settings = {name: text for name, text in texts.items() if text != DEFAULTS.get(TEXTS[name], "")}
    if draft.title != draft.title[:LONGEST_DISPLAY_NAME].strip():
        settings["title"] = draft.title
    if not draft.service:
        settings["any-service"] = "true"
    if draft.notify:
        settings["notify"] = names_text(draft.notify)
    if not draft.enabled:
        settings["enabled"] = "false"
    if "foreign" in kept:
        settings |= {"unit": draft.unit, "total": draft.total_q, draft.part: draft.part_q}
    return settings


def _policies(draft: ObjectiveDraft, kept: Mapping[str, Any]) -> dict[str, Any]:
    if draft.rules is None:
        return {}
    rules = enumerate(draft.rules, 1)
    return {"alertPolicies": [policy_of(rule, number, mapped(kept.get(rule["name"]))) for number, rule in rules]}
