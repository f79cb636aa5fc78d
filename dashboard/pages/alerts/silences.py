"""What is silenced, until when, by whom?"""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import project_page
from tracestore.models.alerts import Silence


@project_page(role="viewer")
@require_safe
def silences(request: HttpRequest) -> HttpResponse:
    return render(request, "alerts/silences.html", {})


@project_page(role="editor")
@require_POST
def end(request: HttpRequest, silence_id: int) -> HttpResponse:
    if not Silence.objects.filter(project_id=request.project.pk, pk=silence_id).exists():
        raise Http404
    return redirect("silences", request.project.slug)
