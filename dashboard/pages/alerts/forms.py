"""What do people ask of alerts? Acknowledge, say what became of the action, be quiet about it for a while."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django import forms

from dashboard.templatetags.units import visible_text
from tracestore.queries.alerts import AlertRow


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    words: str


SILENCED_FOR: Final = [
    Option("1h", "1 hour"),
    Option("4h", "4 hours"),
    Option("12h", "12 hours"),
    Option("1d", "1 day"),
    Option("3d", "3 days"),
    Option("7d", "7 days"),
]
LENGTHS: Final = {
    one.value: timedelta(**{{"h": "hours", "d": "days"}[one.value[-1]]: int(one.value[:-1])}) for one in SILENCED_FOR
}
OBJECTIVE, SERVICE, SEVERITY, ALL = "objective", "service", "severity", "all"


def silence_scopes(row: AlertRow) -> list[Option]:
    """What else of its kind would be silenced along with an alert; the narrowest first."""
    scopes = [Option(OBJECTIVE, f"this objective: {visible_text(row.objective_title)}")]
    if row.severity == "page":
        scopes.append(Option(SEVERITY, "this objective's pages; its tickets are told"))
    if row.service:
        scopes.append(Option(SERVICE, f"all objectives of {visible_text(row.service)}"))
    return [*scopes, Option(ALL, "everything in this project")]


class OutcomeForm(forms.Form):
    outcome = forms.ChoiceField(choices=[(one, one) for one in ("taken", "worked", "failed", "declined")])
    text = forms.CharField(max_length=300, required=False)


class SilenceForm(forms.Form):
    length = forms.ChoiceField(choices=[(one.value, one.words) for one in SILENCED_FOR], label="For")
    scope = forms.ChoiceField(choices=[(one, one) for one in (OBJECTIVE, SEVERITY, SERVICE, ALL)], required=False)
    comment = forms.CharField(max_length=500, label="Why")

    def lasts(self) -> timedelta:
        return LENGTHS[self.cleaned_data["length"]]
