"""What the access pages ask for. Forms check shapes; whether a change is allowed is decided by actions."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from tracestore.actions.access import KeepFor
from tracestore.analysis.redaction import DETECTORS
from tracestore.models.access import MAX_RETENTION_DAYS, Role, RuleAction, RuleKind, Scope, User

NANO = 1_000_000_000
MAX_PASSWORD_CHARS = 1024  # hashing a megabyte costs whoever is asked, not who asks
PRICE_FIELDS = {  # form label of each rate that tracestore.analysis.pricing knows
    "input": "Input, USD per million tokens",
    "output": "Output, USD per million tokens",
    "cache_read": "Cache read, USD per million tokens",
    "cache_write": "Cache write, USD per million tokens",
    "cache_write_1h": "Cache write for an hour, USD per million tokens",
    "output_reasoning": "Reasoning, USD per million tokens",
    "input_audio": "Audio input, USD per million tokens",
    "output_audio": "Audio output, USD per million tokens",
    "requests": "USD per request",
}


def _password(label: str, **attributes: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs=attributes)
    return forms.CharField(label=label, widget=widget, strip=False, max_length=MAX_PASSWORD_CHARS)


class SignInForm(forms.Form):
    email = forms.EmailField(widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}))
    password = _password("Password", autocomplete="current-password")
    next = forms.CharField(required=False, widget=forms.HiddenInput)


class ConfirmForm(forms.Form):
    password = _password("Your password", autocomplete="current-password", autofocus="autofocus")
    next = forms.CharField(required=False, widget=forms.HiddenInput)


class ResetForm(forms.Form):
    email = forms.EmailField(widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}))


class NewPasswordForm(forms.Form):
    """Two equal passwords of at least 12 characters; the user's own name is no password."""

    password = _password("New password", autocomplete="new-password")
    again = _password("New password again", autocomplete="new-password")

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["password"].help_text = "At least 12 characters. A few words in a row are easy to remember."

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self.user)
        return password

    def clean(self) -> None:
        if self.cleaned_data.get("password") and self.cleaned_data.get("again") != self.cleaned_data["password"]:
            self.add_error("again", "The two passwords differ.")


class ChangePasswordForm(NewPasswordForm):
    current = _password("Current password", autocomplete="current-password")
    field_order = ("current", "password", "again")


class RegisterForm(NewPasswordForm):
    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    name = forms.CharField(max_length=120, required=False, label="Your name")
    field_order = ("email", "name", "password", "again")


class AccountForm(forms.Form):
    name = forms.CharField(max_length=120, required=False)
    email = forms.EmailField(label="E-mail address")
    time_zone = forms.ChoiceField(choices=[(name, name) for name in sorted(available_timezones())])


class NewProjectForm(forms.Form):
    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autofocus": True}))


def _days(label: str, help_text: str, required: bool = True) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=1, max_value=MAX_RETENTION_DAYS, help_text=help_text, required=required
    )


class ProjectForm(forms.Form):
    name = forms.CharField(max_length=80)
    retention_days = _days(
        "Keep traces for, days", "Spans with their tokens and cost. Older UTC days are removed whole."
    )
    text_retention_days = _days(
        "Keep texts for, days",
        "Messages, tool arguments, attributes and events. Empty: as long as traces. Spans stay when their texts go.",
        required=False,
    )
    log_retention_days = _days("Keep logs for, days", "Empty: as long as traces.", required=False)
    metric_retention_days = _days("Keep metrics for, days", "Empty: as long as traces.", required=False)

    def keep(self) -> KeepFor:
        given = self.cleaned_data
        texts, logs = given["text_retention_days"], given["log_retention_days"]
        return KeepFor(given["retention_days"], texts, logs, given["metric_retention_days"])


class DeleteForm(forms.Form):
    name = forms.CharField(label="Name of the project", widget=forms.TextInput(attrs={"autocomplete": "off"}))


class EraseForm(forms.Form):
    """The id twice: an erasure has no way back."""

    user_id = forms.CharField(
        label="User id",
        max_length=256,
        strip=False,
        help_text="Exactly as the agents send it (user.id).",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    again = forms.CharField(
        label="User id again", max_length=256, strip=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def clean(self) -> None:
        if self.cleaned_data.get("again") != self.cleaned_data.get("user_id"):
            self.add_error("again", "The two ids differ.")


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class InviteForm(forms.Form):
    email = forms.EmailField(
        label="E-mail address", required=False, help_text="Empty: whoever holds the link may use it, once."
    )
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER)


class KeyForm(forms.Form):
    name = forms.CharField(max_length=80, label="Where it will live")
    scope = forms.ChoiceField(choices=Scope.choices)
    expires_in_days = forms.TypedChoiceField(
        label="Expires",
        coerce=int,
        choices=[(0, "Never"), (30, "In 30 days"), (90, "In 90 days"), (365, "In a year")],
        initial=90,
    )

    def expires_at(self) -> object:
        days = self.cleaned_data["expires_in_days"]
        return timezone.now() + timedelta(days=days) if days else None


class RuleForm(forms.Form):
    """A detector is chosen from a list, the other kinds are typed."""

    kind = forms.ChoiceField(choices=RuleKind.choices)
    detector = forms.ChoiceField(
        required=False, choices=[("", "–"), *((name, detector.label) for name, detector in DETECTORS.items())]
    )
    pattern = forms.CharField(
        required=False,
        strip=False,
        max_length=200,
        label="Text or attribute key",
        help_text="A key may begin or end with *: user.* or *.password",
    )
    action = forms.ChoiceField(choices=RuleAction.choices, help_text="Dropping and hashing are for attribute keys.")
    replacement = forms.CharField(required=False, max_length=80, initial="[redacted]")

    def clean(self) -> None:
        if self.cleaned_data.get("kind") == RuleKind.DETECTOR:
            self.cleaned_data["pattern"] = self.cleaned_data.get("detector", "")
        if not self.cleaned_data.get("pattern"):
            raise ValidationError("Choose a detector, or type a text or an attribute key.")


class SampleForm(forms.Form):
    sample = forms.CharField(
        label="Sample text",
        strip=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
    )


class PriceForm(forms.Form):
    pattern = forms.CharField(max_length=200, label="Model", help_text="* at the end matches the rest: gpt-4o*")
    provider = forms.CharField(max_length=64, required=False, help_text="Empty: any provider.")
    effective_from = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}), help_text="UTC day.")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for name, label in PRICE_FIELDS.items():
            self.fields[name] = forms.DecimalField(
                label=label, required=False, min_value=0, max_value=1_000_000, decimal_places=9, max_digits=16
            )

    def rates(self) -> dict[str, int]:
        """Integer nano-USD by name, those that were given."""
        given = {name: self.cleaned_data.get(name) for name in PRICE_FIELDS}
        return {name: int(Decimal(value) * NANO) for name, value in given.items() if value is not None}


class AuditFilterForm(forms.Form):
    who = forms.CharField(required=False, max_length=254)
    what = forms.CharField(required=False, max_length=60)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)
