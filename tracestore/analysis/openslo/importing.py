"""Which objectives do OpenSLO documents describe? Drafts of ours, what they do not say, and what we cannot."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tracestore.analysis.openslo.checks import check_document, is_composite
from tracestore.analysis.openslo.indicators import Events, events_of, events_of_settings
from tracestore.analysis.openslo.notes import Document, Note, Notes, listed, mapped, shown
from tracestore.analysis.openslo.origin import origin_of
from tracestore.analysis.openslo.policies import RuleFields, rule_of
from tracestore.analysis.openslo.settings import OF_SLO, PREFIX, TEXTS, UNASSIGNED, check_known, ours, parse_names
from tracestore.analysis.openslo.shapes import is_label
from tracestore.analysis.openslo.windows import period_fields
from tracestore.analysis.slo.drafts import ObjectiveDraft

LONGEST_NAME: Final = 63
MAX_ORIGIN_BYTES: Final = 64 * 1024
METHODS: Final = (
    "{} is not counted here: Fourline counts events. Write Occurrences if the share of good events is what is promised."
)
UNKEPT: Final = ("Service", "DataSource", "AlertNotificationTarget")
COMPOSITE: Final = "a composite is not counted here: make an SLO of each of its indicators."


@dataclass(frozen=True, slots=True)
class Imported:
    """drafts: none if there is an error among the notes. documents: which one each draft is of, by name."""

    drafts: list[ObjectiveDraft]
    notes: list[Note]
    documents: Mapping[str, str]

    @property
    def errors(self) -> list[Note]:
        return [note for note in self.notes if note.level == "error"]

    @property
    def warnings(self) -> list[Note]:
        return [note for note in self.notes if note.level == "warning"]


def import_documents(documents: Sequence[Document], strict: bool = False) -> Imported:
    """strict: what the specification forbids is an error even where its meaning is plain."""
    notes = Notes(strict)
    sound = [document for document in documents if check_document(document, notes)]
    library = _library(sound, notes)
    drafts: dict[str, ObjectiveDraft] = {}
    labels: dict[str, str] = {}
    for document in (one for one in sound if one.kind == "SLO"):
        for draft in _Reading(document, library, notes).drafts():
            if draft.name in drafts:
                notes.error(document.label, "metadata.name", f"{draft.name} stands twice; names must differ.")
            drafts[draft.name], labels[draft.name] = draft, document.label
    if not any(document.kind == "SLO" for document in documents):
        notes.error("", "", "The file holds no document of kind: SLO.")
    for kind in UNKEPT:
        if kind in library:
            notes.warn("", "", f"Documents of kind {kind} are read and not kept: an export does not hold them.")
    return Imported([] if notes.errors else list(drafts.values()), notes.found, labels)


Library = Mapping[str, Mapping[str, Document]]  # kind -> name -> document


def _library(documents: Sequence[Document], notes: Notes) -> Library:
    found: dict[str, dict[str, Document]] = {}
    for document in documents:
        of_kind = found.setdefault(document.kind, {})
        if document.name in of_kind and document.kind != "SLO":
            notes.error(document.label, "metadata.name", "stands twice; names must differ.")
        of_kind[document.name] = document
    return found


@dataclass(frozen=True, slots=True)
class _Reading:
    """Of one SLO document, which may be several objectives."""

    document: Document
    library: Library
    notes: Notes

    def drafts(self) -> list[ObjectiveDraft]:
        before = len(self.notes.errors)
        settings = self._settings()
        period = period_fields(listed(self._spec.get("timeWindow")), self._label, self.notes)
        if not self._countable() or period is None:
            return []
        shared = self._shared(settings) | period
        found = [self._draft(number, shared, settings) for number in range(1, len(self._objectives) + 1)]
        return [] if len(self.notes.errors) > before else [draft for draft in found if draft]

    @property
    def _label(self) -> str:
        return self.document.label

    @property
    def _metadata(self) -> dict[str, Any]:
        return mapped(self.document.body.get("metadata"))

    @property
    def _spec(self) -> dict[str, Any]:
        return mapped(self.document.body.get("spec"))

    @property
    def _objectives(self) -> list[Any]:
        return listed(self._spec.get("objectives"))

    def _settings(self) -> dict[str, str]:
        settings = ours(mapped(self._metadata.get("annotations")))
        check_known(settings, OF_SLO, (self._label, "metadata.annotations"), self.notes)
        return settings

    def _countable(self) -> bool:
        method = self._spec["budgetingMethod"]
        if method != "Occurrences":
            self.notes.error(self._label, "spec.budgetingMethod", METHODS.format(method))
        if is_composite(self._spec):
            self.notes.error(self._label, "spec.objectives", COMPOSITE)
        return method == "Occurrences" and not is_composite(self._spec)

    def _shared(self, settings: Mapping[str, str]) -> dict[str, Any]:
        """The fields that all objectives of the document have alike."""
        texts = {field: settings[name] for name, field in TEXTS.items() if name in settings}
        service = str(self._spec["service"])
        return {
            "title": str(self._metadata.get("displayName") or ""),
            "description": str(self._spec.get("description") or ""),
            "service": "" if settings.get("any-service") == "true" and service == UNASSIGNED else service,
            "enabled": self._flag(settings, "enabled", True),
            "notify": self._names(settings),
            "rules": self._rules(),
            **texts,
        }

    def _flag(self, settings: Mapping[str, str], name: str, default: bool) -> bool:
        word = settings.get(name, str(default).lower())
        if word not in ("true", "false"):
            self.notes.error(self._label, f"metadata.annotations.{PREFIX}{name}", 'must be "true" or "false".')
        return word == "true"

    def _names(self, settings: Mapping[str, str]) -> tuple[str, ...]:
        try:
            return parse_names(settings.get("notify", ""))
        except ValueError:
            self.notes.error(
                self._label,
                f"metadata.annotations.{PREFIX}notify",
                "must be names or addresses with commas between them.",
            )
            return ()

    def _rules(self) -> list[RuleFields] | None:
        """None: the default ones, also where none of the policies could be expressed."""
        rules = []
        for at, policy in enumerate(listed(self._spec.get("alertPolicies"))):
            where, given = (self._label, f"spec.alertPolicies[{at}]"), policy
            if policy.get("alertPolicyRef"):
                referred = self._referred("AlertPolicy", str(policy["alertPolicyRef"]), where[1])
                given = referred.body if referred else {}
            if given and (rule := rule_of(given, where, self.library.get("AlertCondition", {}), self.notes)):
                rules.append(rule)
        if not rules and listed(self._spec.get("alertPolicies")):
            self.notes.warn(self._label, "spec.alertPolicies", "none could be taken over; the default rules apply.")
        return rules or None

    def _referred(self, kind: str, name: str, path: str) -> Document | None:
        found = self.library.get(kind, {}).get(name)
        if found is None:
            self.notes.error(self._label, path, f"there is no {kind} {shown(name)} in the file, or it has errors.")
        return found

    def _indicator(self) -> tuple[dict[str, Any], str] | None:
        """(metadata and spec, path)"""
        if not self._spec.get("indicatorRef"):
            return mapped(self._spec.get("indicator")), "spec.indicator.spec"
        document = self._referred("SLI", str(self._spec["indicatorRef"]), "spec.indicatorRef")
        return (mapped(document.body), f"spec.indicatorRef ({document.label}).spec") if document else None

    def _events(self, objective: Mapping[str, Any], settings: Mapping[str, str]) -> Events | None:
        stated = events_of_settings(settings, (self._label, "metadata.annotations"), self.notes)
        found = self._indicator()
        if stated or not found or any(name in settings for name in ("good", "bad")):
            return stated
        where = (self._label, found[1])
        return events_of(mapped(found[0].get("spec")), objective, where, self.library.get("DataSource", {}), self.notes)

    def _draft(self, number: int, shared: dict[str, Any], settings: Mapping[str, str]) -> ObjectiveDraft | None:
        objective = self._objectives[number - 1]
        events = self._events(objective, settings)
        name = self._name(number)
        found = self._indicator()
        if events is None or name is None or found is None:
            return None
        several = {"title": self._title(number, shared["title"])} if len(self._objectives) > 1 else {}
        origin = origin_of(
            self.document, objective, found[0], is_foreign=any(one in settings for one in ("good", "bad"))
        )
        if len(json.dumps(origin)) > MAX_ORIGIN_BYTES:
            self.notes.error(
                self._label, "", f"what Fourline has no field for is more than {MAX_ORIGIN_BYTES // 1024} KiB."
            )
            return None
        return ObjectiveDraft(
            **{
                **shared,
                "name": name,
                "target": _target(objective),
                "unit": events.unit,
                "total_q": events.total_q,
                "part_q": events.part_q,
                "part": events.part,
                "origin": origin,
                **several,
            }
        )

    def _title(self, number: int, title: str) -> str:
        own = str(self._objectives[number - 1].get("displayName") or number)
        return f"{title}: {own}"[:120] if title else own[:120]

    def _name(self, number: int) -> str | None:
        given = str(self._metadata["name"])
        name = given if is_label(given) else as_label(given)
        if not name:
            self.notes.error(self._label, "metadata.name", "use lower-case letters, digits and hyphens.")
            return None
        if name != given:
            self.notes.warn(self._label, "metadata.name", f"{name} is taken.")
        if len(self._objectives) == 1:
            return name
        own = f"{name[: LONGEST_NAME - len(str(number)) - 1].rstrip('-')}-{number}"
        self.notes.warn(
            self._label, f"spec.objectives[{number - 1}]", f"an objective has one target here; this one becomes {own}."
        )
        return own


def as_label(text: str) -> str:
    """The RFC 1123 label that is nearest; "" where nothing is left."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text.lower())
    return "-".join(part for part in plain.split("-") if part)[:LONGEST_NAME].rstrip("-")


def _target(objective: Mapping[str, Any]) -> Decimal:
    """A YAML number as it was written: the shortest text of a float."""
    if objective.get("target") is not None:
        return Decimal(str(objective["target"]))
    return Decimal(str(objective["targetPercent"])) / 100
