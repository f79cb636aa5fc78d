"""What does an alert say: since when, from which version, what to do, and what became of it?"""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import project_page
from tracestore.models.alerts import Alert


@project_page(role="viewer")
@require_safe
def alert(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    return render(request, "alerts/alert.html", {"alert": _alert_or_404(request, alert_id)})


@project_page(role="editor")
@require_POST
def acknowledge(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    _alert_or_404(request, alert_id)
    return redirect("alert", request.project.slug, alert_id)


@project_page(role="editor")
@require_POST
def outcome(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    _alert_or_404(request, alert_id)
    return redirect("alert", request.project.slug, alert_id)


@project_page(role="editor")
@require_POST
def silence(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    _alert_or_404(request, alert_id)
    return redirect("alert", request.project.slug, alert_id)


def _alert_or_404(request: HttpRequest, alert_id: UUID) -> Alert:
    found = Alert.objects.filter(project_id=request.project.pk, pk=alert_id).first()
    if found is None:
        raise Http404("This alert is not in this project.")
    return found
