"""What people do about an alert from its page. Each is a POST that comes back to the page; GET changes nothing."""

from datetime import UTC, datetime
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from dashboard.access import actor, project_page
from dashboard.objective_links import alert_href
from dashboard.pages.access.settings_frame import attempt
from dashboard.pages.alerts.alert import alert_or_404
from dashboard.pages.alerts.forms import ALL, SERVICE, SEVERITY, OutcomeForm, SilenceForm
from tracestore.actions.alerts import handling
from tracestore.queries.alerts import AlertRow


@project_page(role="editor")
@require_POST
def acknowledge(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    now = datetime.now(UTC)
    row = alert_or_404(request, alert_id, now)
    if attempt(request, lambda: handling.acknowledge(row.id, request.project.pk, actor(request), now)):
        messages.success(request, "Acknowledged: no reminders will be sent. It still resolves by itself.")
    return _back(request, row)


@project_page(role="editor")
@require_POST
def outcome(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    now = datetime.now(UTC)
    row, form = alert_or_404(request, alert_id, now), OutcomeForm(request.POST)
    if not _is_understood(request, form):
        return _back(request, row)
    said, text = form.cleaned_data["outcome"], form.cleaned_data["text"]
    if attempt(request, lambda: handling.record_outcome(row.id, request.project.pk, said, actor(request), now, text)):
        messages.success(request, "Recorded.")
    return _back(request, row)


@project_page(role="editor")
@require_POST
def silence(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    now = datetime.now(UTC)
    row, form = alert_or_404(request, alert_id, now), SilenceForm(request.POST)
    if not _is_understood(request, form):
        return _back(request, row)
    draft = silence_of(row, form, now)
    if attempt(request, lambda: handling.create_silence(request.project.pk, draft, actor(request), now)):
        messages.success(request, f"Silenced until {draft.ends_at:%Y-%m-%d %H:%M} UTC. Alerts fire all the same.")
    return _back(request, row)


def silence_of(row: AlertRow, form: SilenceForm, now: datetime) -> handling.SilenceDraft:
    """As the form asks, about the alert's objective where it does not say otherwise."""
    scope, whole = form.cleaned_data["scope"], form.cleaned_data["scope"] in (SERVICE, ALL)
    return handling.SilenceDraft(
        comment=form.cleaned_data["comment"],
        ends_at=now + form.lasts(),
        objective_id=None if whole else row.objective_id,
        service=row.service if scope == SERVICE else "",
        severity=row.severity if scope == SEVERITY else "",
    )


def _is_understood(request: HttpRequest, form: forms.Form) -> bool:
    if form.is_valid():
        return True
    words = "; ".join(f"{form.fields[name].label or name}: {errors[0]}" for name, errors in form.errors.items())
    messages.error(request, f"Nothing was changed. {words}")
    return False


def _back(request: HttpRequest, row: AlertRow) -> HttpResponse:
    return HttpResponseRedirect(alert_href(request.project.slug, row.id))
