"""Which alerts are there, open ones first?"""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page


@dataclass(frozen=True, slots=True)
class AlertsPage:
    objectives_href: str


@project_page(role="viewer")
@require_safe
def alerts(request: HttpRequest) -> HttpResponse:
    return render(request, "alerts/page.html", {"page": AlertsPage(f"/p/{request.project.slug}/objectives")})
