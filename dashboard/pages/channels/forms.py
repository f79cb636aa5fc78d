"""What the channels page asks for. Whether a target may be called is decided by actions."""

from collections.abc import Sequence
from typing import Any

from django import forms

from dashboard.pages.access.forms import AccountForm
from tracestore.actions.channels import ChannelDraft
from tracestore.models.alerts import Channel, Severity

TARGETS = "Email: addresses with commas between them, or owners. Webhook and Slack: the https:// address they gave you."


def _time(label: str, help_text: str = "") -> forms.TimeField:
    return forms.TimeField(
        label=label, required=False, help_text=help_text, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )


class TimingForm(forms.Form):
    """All that may be changed of the channel that every project has."""

    severity = forms.ChoiceField(
        label="Told of", choices=[(Severity.TICKET, "Pages and tickets"), (Severity.PAGE, "Pages only")]
    )
    quiet_from = _time("Quiet hours from", "Tickets wait until they end.")
    quiet_to = _time("Quiet hours to")
    quiet_pages = forms.BooleanField(label="Pages wait too", required=False)
    time_zone = forms.ChoiceField(
        choices=AccountForm.base_fields["time_zone"].choices,
        help_text="Of the quiet hours, and of the times in its messages.",
    )

    def draft(self, **kept: str) -> ChannelDraft:
        """kept: name, kind and target, where the form does not ask for them."""
        return ChannelDraft(**(kept | self.cleaned_data))


class EditForm(TimingForm):
    name = forms.CharField(max_length=63, help_text="Objectives name their channels by it.")
    target = forms.CharField(max_length=2000, help_text=TARGETS)
    field_order: Sequence[str] = ("name", "target", "severity", "quiet_from", "quiet_to", "quiet_pages", "time_zone")


class ChannelForm(EditForm):
    kind = forms.ChoiceField(choices=Channel.Kind.choices)
    field_order = ("kind", *EditForm.field_order)


def kept_of(channel: Channel) -> dict[str, Any]:
    """A channel as the initial values of its form."""
    names = ("name", "target", "severity", "quiet_from", "quiet_to", "quiet_pages", "time_zone")
    return {name: getattr(channel, name) for name in names}
