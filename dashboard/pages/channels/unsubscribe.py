"""The way out of mail. A GET shows a button and changes nothing: scanners of mail open every link."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from dashboard.access import client_address, public
from tracestore.actions.channels import subscribe_again
from tracestore.actions.channels import unsubscribe as leave
from tracestore.channels.unsubscribing import Claim, read_token
from tracestore.models.access import Project
from tracestore.models.alerts import Unsubscription
from tracestore.models.slo import Objective


@dataclass(frozen=True, slots=True)
class UnsubscribePage:
    """about: an objective, or the whole project. done: this address gets none of it."""

    address: str
    about: str
    done: bool


@public
@csrf_exempt  # a mail program posts without our cookies (RFC 8058); the signed token is what proves the right
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    claim = read_token(token)
    about = _about(claim) if claim else ""
    if claim is None or not about:
        raise Http404("This link is not one of ours, or what it was about is gone.")
    if request.method == "POST":
        change = subscribe_again if request.POST.get("again") == "1" else leave
        change(claim, timezone.now(), client_address(request))
    rows = Unsubscription.objects.filter(project_id=claim.project_id, objective_id=claim.objective_id)
    done = rows.filter(address__iexact=claim.address).exists()
    return render(request, "channels/unsubscribe.html", {"page": UnsubscribePage(claim.address, about, done)})


def _about(claim: Claim) -> str:
    """In words for whoever holds the mail, who knows these names from it; "" when it is gone."""
    project = Project.objects.filter(id=claim.project_id, deleted_at=None).first()
    if project is None:
        return ""
    if claim.objective_id is None:
        return f"alerts of the project {project}"
    objective = Objective.objects.filter(id=claim.objective_id, project=project).first()
    return f"alerts of the objective {objective} (project {project})" if objective else ""
