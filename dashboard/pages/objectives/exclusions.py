"""Which times do not count for an objective, who said so, and who must still agree?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import actor, project_page
from dashboard.objective_links import objective_href
from dashboard.pages.access.settings_frame import attempt
from dashboard.pages.objectives.forms import ExclusionForm
from dashboard.params import in_ns
from tracestore.actions import exclusions as actions
from tracestore.models.slo import Exclusion, ExclusionProposal
from tracestore.queries.access import at_least
from tracestore.queries.slo import ObjectiveRow, get_objective
from tracestore.queries.slo_exclusions import ExclusionRow, find_exclusions

CATEGORIES: Final = dict(Exclusion.Category.choices)
PROPOSED: Final = "This covers a page that was sent: it counts for nothing until another editor or owner confirms it."


@dataclass(frozen=True, slots=True)
class Line:
    """state: running | ahead | over | proposed. own: whoever looks is who proposed it, and cannot confirm it."""

    id: int
    starts_ns: int
    ends_ns: int
    state: str
    everywhere: bool
    category: str
    reason: str
    author: str
    confirmed_by: str
    own: bool


@dataclass(frozen=True, slots=True)
class ExclusionsPage:
    """title: of the objective. here: where changes are posted to, no slash behind."""

    title: str
    proposals: Sequence[Line]
    lines: Sequence[Line]
    form: ExclusionForm | None
    here: str
    objective_href: str
    now_ns: int


@project_page(role="viewer")
@require_safe
def exclusions(request: HttpRequest, objective: str) -> HttpResponse:
    row, now = _objective_or_404(request, objective), timezone.now()
    begin = now.replace(second=0, microsecond=0)
    return _page(request, row, ExclusionForm(initial={"starts_at": begin, "ends_at": begin + timedelta(hours=1)}), now)


@project_page(role="editor")
@require_POST
def add(request: HttpRequest, objective: str) -> HttpResponse:
    row, now = _objective_or_404(request, objective), timezone.now()
    form = ExclusionForm(request.POST)
    if not form.is_valid():
        return _page(request, row, form, now)
    try:
        made = actions.add_exclusion(request.project.pk, form.draft(row.name), actor(request), now)
    except actions.Refused as refusal:
        form.add_error(None, str(refusal))
        return _page(request, row, form, now)
    if isinstance(made, ExclusionProposal):
        messages.warning(request, PROPOSED)
    return _back(request, row)


@project_page(role="editor")
@require_POST
def end(request: HttpRequest, objective: str, exclusion_id: int) -> HttpResponse:
    return _change(request, objective, False, exclusion_id, actions.end_exclusion)


@project_page(role="editor")
@require_POST
def confirm(request: HttpRequest, objective: str, proposal_id: int) -> HttpResponse:
    return _change(request, objective, True, proposal_id, actions.confirm_exclusion)


@project_page(role="editor")
@require_POST
def decline(request: HttpRequest, objective: str, proposal_id: int) -> HttpResponse:
    return _change(request, objective, True, proposal_id, actions.decline_exclusion)


def _change(
    request: HttpRequest, objective: str, proposed: bool, number: int, change: Callable[..., object]
) -> HttpResponse:
    """Of one that this objective's page shows; 404 for any other."""
    row = _objective_or_404(request, objective)
    if (number, proposed) not in {(one.id, one.proposed) for one in find_exclusions(row.project_id, row.id)}:
        raise Http404
    attempt(request, lambda: change(request.project.pk, number, actor(request), timezone.now()))
    return _back(request, row)


def _objective_or_404(request: HttpRequest, name: str) -> ObjectiveRow:
    row = get_objective(request.project.pk, name)
    if row is None:
        raise Http404
    return row


def _back(request: HttpRequest, row: ObjectiveRow) -> HttpResponse:
    return redirect(objective_href(request.project.slug, row.name, "exclusions"))


def _page(request: HttpRequest, row: ObjectiveRow, form: ExclusionForm, now: datetime) -> HttpResponse:
    slug, me = request.project.slug, actor(request).name
    lines = [line(one, me, now) for one in find_exclusions(row.project_id, row.id)]
    page = ExclusionsPage(
        title=row.label,
        proposals=[one for one in lines if one.state == "proposed"],
        lines=[one for one in lines if one.state != "proposed"],
        form=form if at_least(request.role, "editor") else None,
        here=objective_href(slug, row.name, "exclusions"),
        objective_href=objective_href(slug, row.name),
        now_ns=in_ns(now),
    )
    return render(request, "objectives/exclusions.html", {"page": page}, status=400 if form.errors else 200)


def line(one: ExclusionRow, me: str, now: datetime) -> Line:
    return Line(
        id=one.id,
        starts_ns=in_ns(one.starts_at),
        ends_ns=in_ns(one.ends_at),
        state=state_of(one, now),
        everywhere=one.objective_id is None,
        category=CATEGORIES[one.category],
        reason=one.reason,
        author=one.author,
        confirmed_by=one.confirmed_by,
        own=one.author == me,
    )


def state_of(one: ExclusionRow, now: datetime) -> str:
    if one.proposed:
        return "proposed"
    if one.starts_at > now:
        return "ahead"
    return "running" if one.ends_at > now else "over"
