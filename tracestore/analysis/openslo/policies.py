"""Which rules do alert policies make? One window each in OpenSLO, two in ours: the short one stands in an annotation."""

from collections.abc import Mapping
from typing import Any, Final

from tracestore.analysis.openslo.durations import MINUTE_S, duration_of, parse_duration
from tracestore.analysis.openslo.notes import Document, Notes, mapped, shown
from tracestore.analysis.openslo.settings import (
    OF_POLICY,
    PENDING,
    PREFIX,
    RULE,
    SHORT_WINDOW,
    check_known,
    ours,
    prefixed,
)
from tracestore.analysis.openslo.shapes import is_label

RuleFields = dict[str, Any]
Where = tuple[str, str]
Named = Mapping[str, Document]
TARGET: Final = "fourline"  # who is told stands in fourline.dev/notify
_PAGES: Final = frozenset({"page", "critical", "high", "p1", "sev1", "urgent"})
_TICKETS: Final = frozenset({"ticket", "warning", "low", "medium", "minor", "p2", "p3"})


def rule_of(policy: Mapping[str, Any], where: Where, conditions: Named, notes: Notes) -> RuleFields | None:
    """The rule of a policy (metadata and spec). None: it cannot be expressed and is left out; notes say so."""
    document, path = where
    metadata, spec = mapped(policy.get("metadata")), mapped(policy.get("spec"))
    settings = ours(mapped(metadata.get("annotations")))
    check_known(settings, OF_POLICY, (document, f"{path}.metadata.annotations"), notes)
    _unexpressed(spec, (document, f"{path}.spec"), notes)
    if spec.get("alertWhenBreaching") is False:
        notes.warn(document, f"{path}.spec.alertWhenBreaching", "is false, so the policy never alerts; it is left out.")
        return None
    found = _condition(spec, (document, f"{path}.spec.conditions[0]"), conditions, notes)
    if found is None:
        return None
    named = settings.get(RULE) or str(metadata.get("name") or found.get("name") or "rule")
    return _rule(named[:63], found, settings, (document, f"{path}.spec.conditions[0]"), notes)


def _unexpressed(spec: Mapping[str, Any], where: Where, notes: Notes) -> None:
    document, path = where
    if spec.get("alertWhenNoData"):
        notes.warn(
            document,
            f"{path}.alertWhenNoData",
            "Fourline alerts on absent data by a rule of its own, for every objective.",
        )
    if spec.get("alertWhenResolved") is False:
        notes.warn(document, f"{path}.alertWhenResolved", "is false; Fourline always tells when an alert is resolved.")
    targets = [
        mapped(one.get("spec")).get("target") or one.get("targetRef") for one in spec.get("notificationTargets") or ()
    ]
    if any(target != TARGET for target in targets):
        notes.warn(
            document,
            f"{path}.notificationTargets",
            f"are not taken over; name addresses or channels in {PREFIX}notify.",
        )


def _condition(spec: Mapping[str, Any], where: Where, conditions: Named, notes: Notes) -> dict[str, Any] | None:
    """severity, and what the condition says."""
    given = (spec.get("conditions") or [None])[0]
    if given is None:
        return None
    if given.get("conditionRef"):
        if given["conditionRef"] not in conditions:
            notes.error(*where, f"there is no AlertCondition {shown(given['conditionRef'])} in the file.")
            return None
        given = conditions[given["conditionRef"]].body
    of, name = mapped(given["spec"]), mapped(given.get("metadata")).get("name")
    return {**of["condition"], "severity": of["severity"], "name": name}


def _rule(
    name: str, condition: dict[str, Any], settings: Mapping[str, str], where: Where, notes: Notes
) -> RuleFields | None:
    document, path = where
    if condition["op"] in ("lt", "lte"):
        notes.warn(
            document,
            f"{path}.spec.condition.op",
            f"{condition['op']} alerts while the budget burns slowly; the rule is left out. For above the threshold, write gt.",
        )
        return None
    if condition["op"] == "gte":
        notes.warn(
            document, f"{path}.spec.condition.op", "Fourline's rules fire strictly above the factor; gt is taken."
        )
    long = parse_duration(condition["lookbackWindow"])
    assert long is not None
    rule = {
        "name": name,
        "severity": _severity(condition["severity"], (document, f"{path}.spec.severity"), notes),
        "long_s": long.seconds,
        "short_s": _short_s(settings, long.seconds, where, notes),
        "factor": condition["threshold"],
    }
    pending_s = _pending_s(condition, settings, where, notes)
    return rule | ({"pending_s": pending_s} if pending_s else {})


def _severity(word: str, where: Where, notes: Notes) -> str:
    if word.lower() in _PAGES:
        return "page"
    if word.lower() not in _TICKETS:
        notes.warn(*where, f"{shown(word)} is taken as ticket; page and ticket are what Fourline knows.")
    return "ticket"


def _short_s(settings: Mapping[str, str], long_s: int, where: Where, notes: Notes) -> int:
    if SHORT_WINDOW in settings:
        given = parse_duration(settings[SHORT_WINDOW])
        if given is None:
            notes.error(*where, f"{PREFIX}{SHORT_WINDOW} must be a duration such as 5m.")
        return given.seconds if given else 0
    short_s = max(round(long_s / 12 / MINUTE_S), 2) * MINUTE_S
    notes.warn(
        *where,
        f"has one window; {duration_of(short_s)}, a twelfth, is taken as the short one. Say another in {PREFIX}{SHORT_WINDOW}.",
    )
    return short_s


def _pending_s(condition: Mapping[str, Any], settings: Mapping[str, str], where: Where, notes: Notes) -> int:
    if PENDING in settings:
        text = settings[PENDING].removesuffix("s")
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        notes.error(*where, f"{PREFIX}{PENDING} must be seconds such as 90s.")
    after = parse_duration(condition.get("alertAfter", "0m"))
    return after.seconds if after else 0


def policy_of(rule: Mapping[str, Any], number: int, kept: Mapping[str, Any]) -> dict[str, Any]:
    """kept: what a document's policy had besides, as importing keeps it."""
    name, pending_s = rule["name"], rule.get("pending_s", 0)
    label = name if is_label(name) else f"rule-{number}"
    settings = {SHORT_WINDOW: duration_of(rule["short_s"])}
    settings |= {RULE: name} if label != name else {}
    settings |= {PENDING: f"{pending_s}s"} if pending_s % MINUTE_S else {}
    condition = {
        "kind": "burnrate",
        "op": "gt",
        "threshold": rule["factor"],
        "lookbackWindow": duration_of(rule["long_s"]),
        "alertAfter": duration_of(pending_s - pending_s % MINUTE_S),
    }
    metadata = {"name": label, **_without(kept.get("metadata", {}), "annotations")}
    metadata["annotations"] = {**kept.get("metadata", {}).get("annotations", {}), **prefixed(settings)}
    described = {"description": kept["description"]} if kept.get("description") else {}
    return {
        "kind": "AlertPolicy",
        "metadata": metadata,
        "spec": {
            **described,
            "alertWhenNoData": False,
            "alertWhenBreaching": True,
            "alertWhenResolved": True,
            "conditions": [
                {
                    "kind": "AlertCondition",
                    "metadata": {"name": label},
                    "spec": {"severity": rule["severity"], "condition": condition},
                }
            ],
            "notificationTargets": [
                {"kind": "AlertNotificationTarget", "metadata": {"name": TARGET}, "spec": {"target": TARGET}}
            ],
        },
    }


def _without(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}
