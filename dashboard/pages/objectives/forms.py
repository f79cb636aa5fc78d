"""What the pages of objectives ask for. Forms check shapes; what makes sense is decided by actions."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final
from zoneinfo import available_timezones

from django import forms
from django.utils.text import slugify

from tracestore.actions.exclusions import ExclusionDraft
from tracestore.analysis.slo.drafts import ObjectiveDraft
from tracestore.analysis.slo.problems import Problem
from tracestore.models.slo import Action, Exclusion, NoData, Unit

ROLLING: Final = "rolling"
PERIODS: Final = (
    (ROLLING, "Rolling: the last days"),
    ("week", "Calendar weeks"),
    ("month", "Calendar months"),
    ("quarter", "Calendar quarters"),
    ("year", "Calendar years"),
    ("day", "Calendar days"),
)
PARTS: Final = (("good", "good"), ("bad", "bad"))
# Where a problem of a draft's field is shown.
SHOWN_AT: Final = {"target": "target_percent", "calendar_unit": "period", "rules": None}
# Fields of the form that mean the same in a draft.
_SAME: Final = (
    *("title", "name", "service", "unit", "total_q", "part", "part_q", "action", "no_data"),
    *("runbook_url", "owner", "description", "enabled", "time_zone"),
)


def _zones() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(available_timezones())]


def _text(label: str, help_text: str = "", limit: int = 2_000, required: bool = False, **attrs: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"} | attrs)
    return forms.CharField(label=label, help_text=help_text, max_length=limit, required=required, widget=widget)


class ObjectiveForm(forms.Form):
    title = _text("Title", "", 120, placeholder="99.9 % answered within 2 s")
    name = _text("Name", "In addresses: small letters, digits, hyphens. Empty: from the title.", 100)
    service = _text("Service", "Whose promise it is; filters nothing.", 256, list="services")
    unit = forms.ChoiceField(label="Count", choices=Unit.choices)
    total_q = _text("Of these", "A filter, as everywhere. Empty: all of them.", placeholder="service:my-agent")
    part = forms.ChoiceField(label="Those are", choices=PARTS)
    part_q = _text("That match", "A filter within them.", placeholder="duration:<=2s -outcome:error")
    target_percent = forms.DecimalField(
        label="Target, % good",
        max_digits=9,
        decimal_places=6,
        widget=forms.NumberInput(attrs={"step": "any", "min": "0", "max": "100"}),
    )
    period = forms.ChoiceField(label="Period", choices=PERIODS)
    period_days = forms.IntegerField(label="Days", required=False, min_value=1, max_value=366)
    calendar_count = forms.IntegerField(
        label="How many of them make a period", required=False, min_value=1, max_value=366, initial=1
    )
    calendar_first = forms.DateField(
        label="First period begins on",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Local midnight; later ones follow the calendar.",
    )
    time_zone = forms.ChoiceField(label="Time zone", choices=_zones)
    action = forms.ChoiceField(
        label="Propose to",
        choices=Action.choices,
        help_text="What its alerts say to do, unless the evidence says more.",
    )
    no_data = forms.ChoiceField(
        label="Windows without events count", choices=NoData.choices, help_text="Not at all: alerts stay as they are."
    )
    notify = _text("Notify", "Addresses and names of channels, with commas. Empty: every channel of the project.")
    runbook_url = _text("Runbook", "", 600, placeholder="https://")
    owner = _text("Owner", "", 254)
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    enabled = forms.BooleanField(label="Evaluate it and alert", required=False, initial=True)
    default_rules = forms.BooleanField(
        label="Use the default rules instead of its own", required=False, help_text="Its own came from a file."
    )

    def __init__(self, *args: Any, was: ObjectiveDraft | None = None, **kwargs: Any) -> None:
        """was: the objective that is changed."""
        super().__init__(*args, **kwargs)
        self.was = was
        if was is None or was.rules is None:
            del self.fields["default_rules"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        return name or slugify(self.cleaned_data.get("title", ""))[:63].strip("-")

    def draft(self) -> ObjectiveDraft:
        """Of a form that is valid. What it does not ask for stays as it was."""
        given = self.cleaned_data
        was = self.was or ObjectiveDraft(name="", part_q="", target=Decimal(0))
        rolling = given["period"] == ROLLING
        return replace(
            was,
            **{name: given[name] for name in _SAME},
            target=given["target_percent"] / 100,
            period_days=given["period_days"] or 0 if rolling else None,
            calendar_unit="" if rolling else given["period"],
            calendar_count=1 if rolling else given["calendar_count"] or 1,
            calendar_first=None if rolling else given["calendar_first"],
            notify=tuple(filter(None, (one.strip() for one in given["notify"].split(",")))),
            rules=None if given.get("default_rules") else was.rules,
        )

    def add_problems(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            if problem.is_error:
                self.add_error(SHOWN_AT.get(problem.field, problem.field), problem.text)


def initial_of(draft: ObjectiveDraft) -> dict[str, Any]:
    """What the form shows of a draft."""
    return {name: getattr(draft, name) for name in _SAME} | {
        "target_percent": f"{(draft.target * 100).normalize():f}",
        "period": draft.calendar_unit or ROLLING,
        "period_days": draft.period_days,
        "calendar_count": draft.calendar_count,
        "calendar_first": draft.calendar_first,
        "notify": ", ".join(draft.notify),
    }


LOCAL: Final = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class ExclusionForm(forms.Form):
    """Times are in the reader's zone, as everywhere on pages."""

    starts_at = forms.DateTimeField(label="From", widget=LOCAL)
    ends_at = forms.DateTimeField(label="To", widget=LOCAL)
    category = forms.ChoiceField(choices=Exclusion.Category.choices)
    reason = _text("Reason", "Kept in the audit log.", 500, required=True)
    everywhere = forms.BooleanField(label="For every objective of the project", required=False)

    def draft(self, objective: str) -> ExclusionDraft:
        given = self.cleaned_data
        return ExclusionDraft(
            given["starts_at"],
            given["ends_at"],
            given["reason"],
            given["category"],
            None if given["everywhere"] else objective,
        )


def sections(form: ObjectiveForm) -> Sequence[tuple[str, str, list[Any]]]:
    """(title, class, its fields), in the order in which one thinks of them."""
    named = (
        ("What it is", "names", ("title", "name", "service")),
        ("What is counted", "counts", ("unit", "total_q", "part", "part_q")),
        ("What is promised", "promise", ("target_percent", "period", "period_days", *CALENDAR)),
        ("When it burns", "burning", ("action", "notify", "no_data", "runbook_url")),
        ("Who looks after it", "owner", ("owner", "description", "enabled", "default_rules")),
    )
    return [(title, kind, [form[name] for name in names if name in form.fields]) for title, kind, names in named]


CALENDAR: Final = ("calendar_count", "calendar_first", "time_zone")
