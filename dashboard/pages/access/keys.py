"""Which keys open this project's ingest and API?"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import actor, project_page
from dashboard.pages.access.forms import KeyForm
from dashboard.pages.access.settings_frame import SettingsFrame, attempt, settings_frame
from tracestore.actions import access as actions
from tracestore.queries.access import ApiKeyRow, keys_of


@dataclass(frozen=True, slots=True)
class KeysPage:
    """created: the text of the key just made, shown this once."""

    frame: SettingsFrame
    keys: Sequence[ApiKeyRow]
    form: KeyForm
    created: str


@project_page(role="editor")
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    return _keys(request, KeyForm())


@project_page(role="editor", recent=True)
@require_POST
def create_key(request: HttpRequest) -> HttpResponse:
    """Make a key. Its text is in the answer to this POST and nowhere else."""
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _keys(request, form)
    name, scope, expires_at = form.cleaned_data["name"], form.cleaned_data["scope"], form.expires_at()
    try:
        created = actions.create_key(request.project.pk, scope, name, expires_at, timezone.now(), actor(request))
    except actions.Refused as refusal:
        form.add_error(None, str(refusal))
        return _keys(request, form)
    return _keys(request, KeyForm(), created)


@project_page(role="editor", recent=True)
@require_POST
def revoke_key(request: HttpRequest, prefix: str) -> HttpResponse:
    if prefix not in {key.prefix for key in keys_of(request.project.pk, timezone.now())}:
        raise Http404
    attempt(request, lambda: actions.revoke_key(request.project.pk, prefix, timezone.now(), actor(request)))
    return redirect("keys", request.project.slug)


def _keys(request: HttpRequest, form: KeyForm, created: str = "") -> HttpResponse:
    page = KeysPage(settings_frame(request, "keys"), keys_of(request.project.pk, timezone.now()), form, created)
    return render(request, "access/keys.html", {"page": page}, status=400 if form.errors else 200)
