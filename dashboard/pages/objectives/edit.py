"""How is an objective made, tried and changed? The form, with what it would have done beside it."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.access import actor, project_page
from dashboard.links import in_project
from dashboard.pages.access.settings_frame import attempt
from dashboard.pages.objectives.forms import ObjectiveForm, initial_of, sections
from dashboard.pages.objectives.preview import Preview, named, preview_of
from tracestore.actions import objectives as actions
from tracestore.analysis.slo.drafts import ObjectiveDraft
from tracestore.analysis.slo.templates import TEMPLATES, for_service
from tracestore.queries.services import find_services
from tracestore.queries.slo import ObjectiveRow, find_objectives, get_objective


@dataclass(frozen=True, slots=True)
class EditPage:
    """name: of the objective that is changed, "" for a new one. preview: None until it was asked for."""

    heading: str
    name: str
    form: ObjectiveForm
    sections: Sequence[tuple[str, str, list[Any]]]
    services: Sequence[str]
    here: str
    list_href: str
    delete_href: str
    preview: Preview | None


@project_page(role="editor")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _submitted(request, ObjectiveForm(request.POST), None)
    draft = with_free_name(asked_for(request.GET), {row.name for row in find_objectives(request.project.pk)})
    return _page(request, ObjectiveForm(initial=initial_of(draft)), None)


@project_page(role="editor")
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, objective: str) -> HttpResponse:
    row = _objective_or_404(request, objective)
    was = actions.draft_of(row)
    if request.method == "POST":
        return _submitted(request, ObjectiveForm(request.POST, was=was), row)
    return _page(request, ObjectiveForm(initial=initial_of(was), was=was), row)


@project_page(role="editor")
@require_POST
def delete(request: HttpRequest, objective: str) -> HttpResponse:
    row = _objective_or_404(request, objective)
    now = timezone.now()
    if attempt(request, lambda: actions.delete_objective(request.project.pk, row.name, actor(request), now)):
        messages.success(request, f"{row.label} is no longer an objective.")
    return redirect(in_project(request.project.slug, "objectives"))


def asked_for(query: QueryDict) -> ObjectiveDraft:
    """What a new objective begins with: the template of the address, for its service; else the first one's numbers."""
    template = TEMPLATES.get(query.get("template", ""))
    service = query.get("service", "")[:256]
    if template is not None:
        return for_service(template, service)
    first = for_service(TEMPLATES["answered-within-2s"], service)
    return ObjectiveDraft(name="", part_q="", target=first.target, service=service, total_q=first.total_q)


def with_free_name(draft: ObjectiveDraft, taken: Set[str]) -> ObjectiveDraft:
    """A second objective of one template is called name-2."""
    names = [draft.name, *(f"{draft.name}-{n}" for n in range(2, len(taken) + 3))]
    return replace(draft, name=next(name for name in names if name not in taken))


def _objective_or_404(request: HttpRequest, name: str) -> ObjectiveRow:
    row = get_objective(request.project.pk, name)
    if row is None:
        raise Http404
    return row


def _submitted(request: HttpRequest, form: ObjectiveForm, row: ObjectiveRow | None) -> HttpResponse:
    if request.POST.get("do") != "preview":
        return _saved(request, form, row)
    preview = preview_of(request.project.pk, form, row, timezone.now())
    if request.headers.get("HX-Request"):
        return render(request, "objectives/_preview.html", {"preview": preview})
    return _page(request, form, row, preview)


def _saved(request: HttpRequest, form: ObjectiveForm, row: ObjectiveRow | None) -> HttpResponse:
    if not form.is_valid():
        return _page(request, form, row)
    project_id, draft, now = request.project.pk, form.draft(), timezone.now()
    try:
        if row is None:
            saved = actions.create_objective(project_id, draft, actor(request), now)
        else:
            saved = actions.update_objective(project_id, row.name, draft, actor(request), now)
    except actions.InvalidObjective as refusal:
        form.add_problems(refusal.problems)
        return _page(request, form, row)
    except actions.Refused as refusal:
        form.add_error(None, str(refusal))
        return _page(request, form, row)
    for one in actions.check_for(project_id, draft, saved.name):
        messages.warning(request, f"Saved. {named(form, one).text}")
    return redirect(in_project(request.project.slug, "objectives", saved.name))


def _page(
    request: HttpRequest, form: ObjectiveForm, row: ObjectiveRow | None, preview: Preview | None = None
) -> HttpResponse:
    slug = request.project.slug
    page = EditPage(
        heading=row.label if row else "New objective",
        name=row.name if row else "",
        form=form,
        sections=sections(form),
        services=find_services(request.project.pk),
        here=request.path,
        list_href=in_project(slug, "objectives"),
        delete_href=in_project(slug, "objectives", row.name, "delete") if row else "",
        preview=preview,
    )
    refused = form.is_bound and bool(form.errors) and preview is None
    return render(request, "objectives/edit.html", {"page": page}, status=400 if refused else 200)
