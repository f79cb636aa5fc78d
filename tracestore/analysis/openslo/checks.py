"""What does OpenSLO v1 forbid that no single field shows: what excludes, and what needs, each other."""

from collections.abc import Mapping
from typing import Any, Final

from tracestore.analysis.openslo.notes import Document, Notes, listed, mapped
from tracestore.analysis.openslo.shapes import KINDS, walk

VERSION: Final = "openslo/v1"
Body = Mapping[str, Any]


def check_document(document: Document, notes: Notes) -> bool:
    """False: nothing can be made of it."""
    label = document.label
    if document.body.get("apiVersion") != VERSION:
        notes.error(label, "apiVersion", f"must be {VERSION}; other versions are not read.")
        return False
    if document.kind not in KINDS:
        notes.error(label, "kind", f"must be one of {', '.join(KINDS)}.")
        return False
    if not walk(document.body, KINDS[document.kind], (label, ""), notes):
        return False
    spec, before = mapped(document.body.get("spec")), len(notes.errors)
    if document.kind == "SLO":
        _slo(spec, label, notes)
    elif document.kind == "SLI":
        check_sli(spec, label, "spec", notes)
    elif document.kind == "AlertPolicy":
        check_policy(spec, label, "spec", notes)
    return len(notes.errors) == before


def _slo(spec: Body, label: str, notes: Notes) -> None:
    _indicators(spec, label, notes)
    windows, objectives = listed(spec.get("timeWindow")), listed(spec.get("objectives"))
    if not windows:
        notes.breach(label, "spec.timeWindow", "is missing: it must hold one window. 28 rolling days are taken.")
    if len(windows) > 1:
        notes.error(label, "spec.timeWindow", "must hold exactly one window.")
    for window in windows:
        _window(window, label, notes)
    if not objectives:
        notes.error(label, "spec.objectives", "must hold an objective.")
    for at, objective in enumerate(objectives):
        _objective(objective, spec, (label, f"spec.objectives[{at}]"), notes)
    for at, policy in enumerate(listed(spec.get("alertPolicies"))):
        _policy_or_reference(policy, label, f"spec.alertPolicies[{at}]", notes)


def is_composite(spec: Body) -> bool:
    return any(one.get("indicator") or one.get("indicatorRef") for one in listed(spec.get("objectives")))


def _indicators(spec: Body, label: str, notes: Notes) -> None:
    given = [name for name in ("indicator", "indicatorRef") if spec.get(name)]
    if len(given) + is_composite(spec) != 1:
        notes.error(
            label, "spec", "must have exactly one of indicator, indicatorRef, and indicators of its objectives."
        )
    if spec.get("indicator"):
        check_sli(spec["indicator"]["spec"], label, "spec.indicator.spec", notes)


def _window(window: Body, label: str, notes: Notes) -> None:
    path = "spec.timeWindow[0]"
    if window.get("isRolling") and window.get("calendar"):
        notes.error(label, path, "calendar and isRolling: true exclude each other; remove one of them.")
    if not window.get("isRolling") and not window.get("calendar"):
        notes.error(label, path, "needs isRolling: true, or calendar with startTime and timeZone.")


def _objective(objective: Body, spec: Body, where: tuple[str, str], notes: Notes) -> None:
    given = [name for name in ("target", "targetPercent") if objective.get(name) is not None]
    if len(given) != 1:
        notes.error(*where, "must have exactly one of target and targetPercent.")
    needed = {"Timeslices": ("timeSliceTarget", "timeSliceWindow"), "RatioTimeslices": ("timeSliceWindow",)}
    for name in needed.get(spec["budgetingMethod"], ()):
        if objective.get(name) is None:
            notes.breach(where[0], f"{where[1]}.{name}", f"is missing: {spec['budgetingMethod']} needs it.")
    sli = mapped(mapped(spec.get("indicator")).get("spec"))
    if sli.get("ratioMetric") and (objective.get("op") or objective.get("value") is not None):
        notes.breach(*where, "op and value belong to thresholdMetric; a ratio has none, so they mean nothing here.")
    if sli.get("thresholdMetric") and (not objective.get("op") or objective.get("value") is None):
        notes.error(*where, "needs op and value: its indicator is a thresholdMetric.")


def check_sli(spec: Body, label: str, path: str, notes: Notes) -> None:
    if bool(spec.get("thresholdMetric")) == bool(spec.get("ratioMetric")):
        notes.error(label, path, "must have exactly one of thresholdMetric and ratioMetric.")
    ratio = spec.get("ratioMetric")
    if not ratio:
        return
    parts = [name for name in ("good", "bad") if ratio.get(name)]
    if bool(ratio.get("total")) == bool(ratio.get("raw")):
        notes.error(label, f"{path}.ratioMetric", "must have exactly one of total and raw.")
    elif ratio.get("total") and len(parts) != 1:
        notes.error(label, f"{path}.ratioMetric", "must have exactly one of good and bad beside total.")
    elif ratio.get("raw") and (parts or not ratio.get("rawType")):
        notes.breach(label, f"{path}.ratioMetric", "raw needs rawType, and neither good nor bad.")


def _policy_or_reference(policy: Body, label: str, path: str, notes: Notes) -> None:
    if _is_one(policy, "alertPolicyRef", label, path, notes) and policy.get("spec"):
        check_policy(policy["spec"], label, f"{path}.spec", notes)


def check_policy(spec: Body, label: str, path: str, notes: Notes) -> None:
    conditions, targets = listed(spec.get("conditions")), listed(spec.get("notificationTargets"))
    if len(conditions) != 1:
        taken = "the first is taken" if conditions else "the policy is left out"
        notes.breach(label, f"{path}.conditions", f"must hold exactly one condition; {taken}.")
    if not targets:
        notes.breach(label, f"{path}.notificationTargets", "must hold a target.")
    for at, condition in enumerate(conditions):
        _is_one(condition, "conditionRef", label, f"{path}.conditions[{at}]", notes)
    for at, target in enumerate(targets):
        _is_one(target, "targetRef", label, f"{path}.notificationTargets[{at}]", notes)


def _is_one(given: Body, reference: str, label: str, path: str, notes: Notes) -> bool:
    """Either a name or the thing itself."""
    if bool(given.get(reference)) == bool(given.get("spec")):
        notes.error(label, path, f"must be either {reference} or kind, metadata and spec.")
        return False
    if given.get("spec") and not (given.get("metadata") and given.get("kind")):
        notes.breach(label, path, "kind and metadata are missing.")
    return True
