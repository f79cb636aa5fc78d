"""How much of an objective's error budget is left, how fast does it go, and what spends it?"""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from tracestore.queries.slo import ObjectiveRow, get_objective


@dataclass(frozen=True, slots=True)
class BudgetPage:
    objective: ObjectiveRow
    list_href: str


@project_page(role="viewer")
@require_safe
def objective(request: HttpRequest, objective: str) -> HttpResponse:
    page = BudgetPage(objective_or_404(request, objective), f"/p/{request.project.slug}/objectives")
    return render(request, "budget/page.html", {"page": page})


@project_page(role="viewer")
@require_safe
def figures(request: HttpRequest, objective: str) -> HttpResponse:
    objective_or_404(request, objective)
    return JsonResponse({})


def objective_or_404(request: HttpRequest, name: str) -> ObjectiveRow:
    found = get_objective(request.project.pk, name)
    if found is None:
        raise Http404("This objective is not in this project.")
    return found
