"""Who did what, when?"""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import admin_page, project_page
from dashboard.pages.access.forms import AuditFilterForm
from dashboard.pages.access.settings_frame import SettingsFrame, settings_frame
from tracestore.queries.access import AuditPage, find_audit_entries


@dataclass(frozen=True, slots=True)
class AuditLogPage:
    """frame: None for the log of the instance. older_href: of the next page, None on the last."""

    frame: SettingsFrame | None
    form: AuditFilterForm
    log: AuditPage
    older_href: str | None


@project_page(role="owner")
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    return _audit(request, request.project.pk, settings_frame(request, "audit"), "access/audit.html")


@admin_page
@require_safe
def instance_audit(request: HttpRequest) -> HttpResponse:
    """Sign-ins and changes of accounts: what belongs to no project."""
    return _audit(request, None, None, "access/instance_audit.html")


def _audit(request: HttpRequest, project_id: int | None, frame: SettingsFrame | None, template: str) -> HttpResponse:
    form = AuditFilterForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    who, what = wanted.get("who", ""), wanted.get("what", "")
    log = find_audit_entries(project_id, who, what, wanted.get("before"))
    older = {"who": who, "what": what, "before": log.next_before}
    older_href = f"?{urlencode({k: v for k, v in older.items() if v})}" if log.next_before else None
    page = AuditLogPage(frame, form, log, older_href)
    return render(request, template, {"page": page}, status=400 if form.errors else 200)
