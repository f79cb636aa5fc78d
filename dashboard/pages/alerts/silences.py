"""What is silenced, until when, by whom? And the form that silences something before it makes noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import actor, project_page
from dashboard.links import in_project
from dashboard.objective_links import objective_href
from dashboard.pages.access.settings_frame import attempt
from dashboard.pages.alerts.forms import SilenceForm
from dashboard.params import in_ns
from tracestore.actions.alerts import handling
from tracestore.queries.access import at_least
from tracestore.queries.alerts import SilenceRow, find_silences
from tracestore.queries.slo import find_objectives


class NewSilenceForm(SilenceForm):
    """objective: its id; "" = any, as for service and severity."""

    scope = None
    objective = forms.ChoiceField(required=False)
    service = forms.ChoiceField(required=False)
    severity = forms.ChoiceField(
        required=False, choices=[("", "pages and tickets"), ("page", "pages"), ("ticket", "tickets")]
    )
    field_order = ("objective", "service", "severity", "length", "comment")

    def __init__(self, asked: Mapping[str, str] | None, project_id: int) -> None:
        super().__init__(asked)
        rows = find_objectives(project_id)
        services = sorted({row.service for row in rows if row.service})
        self.fields["objective"].choices = [("", "any"), *((str(row.id), row.label) for row in rows)]
        self.fields["service"].choices = [("", "any"), *((one, one) for one in services)]

    def draft(self, now: datetime) -> handling.SilenceDraft:
        said = self.cleaned_data
        return handling.SilenceDraft(
            comment=said["comment"],
            ends_at=now + self.lasts(),
            objective_id=int(said["objective"]) if said["objective"] else None,
            service=said["service"],
            severity=said["severity"],
        )


@dataclass(frozen=True, slots=True)
class SilenceLine:
    """about: what it covers, in words. objective_href: "" where it covers all."""

    row: SilenceRow
    about: str
    objective_href: str
    starts_ns: int
    ends_ns: int
    end_href: str


@dataclass(frozen=True, slots=True)
class SilencesPage:
    """form: None for who may only read."""

    active: list[SilenceLine]
    over: list[SilenceLine]
    form: NewSilenceForm | None
    list_href: str
    now_ns: int


@project_page(role="viewer")
@require_safe
def silences(request: HttpRequest) -> HttpResponse:
    form = NewSilenceForm(None, request.project.pk) if at_least(request.role, "editor") else None
    return _shown(request, form, datetime.now(UTC))


@project_page(role="editor")
@require_POST
def create(request: HttpRequest) -> HttpResponse:
    now = datetime.now(UTC)
    form = NewSilenceForm(request.POST, request.project.pk)
    if form.is_valid() and attempt(
        request, lambda: handling.create_silence(request.project.pk, form.draft(now), actor(request), now)
    ):
        messages.success(request, "Silenced. Alerts fire all the same, and stand in the list.")
        return _back(request)
    return _shown(request, form, now)


@project_page(role="editor")
@require_POST
def end(request: HttpRequest, silence_id: int) -> HttpResponse:
    now = datetime.now(UTC)
    if silence_id not in {one.id for one in find_silences(request.project.pk, now)}:
        raise Http404("This silence is not in this project.")
    if attempt(request, lambda: handling.end_silence(silence_id, request.project.pk, actor(request), now)):
        messages.success(request, "Ended: what still fires is told again.")
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(in_project(request.project.slug, "alerts", "silences"))


def _shown(request: HttpRequest, form: NewSilenceForm | None, now: datetime) -> HttpResponse:
    slug = request.project.slug
    lines = silence_lines(find_silences(request.project.pk, now), slug)
    page = SilencesPage(
        active=[one for one in lines if one.ends_ns > in_ns(now)],
        over=[one for one in lines if one.ends_ns <= in_ns(now)],
        form=form,
        list_href=in_project(slug, "alerts"),
        now_ns=in_ns(now),
    )
    status = 400 if form is not None and form.errors else 200
    return render(request, "alerts/silences.html", {"page": page}, status=status)


def silence_lines(rows: Sequence[SilenceRow], slug: str) -> list[SilenceLine]:
    return [
        SilenceLine(
            row=row,
            about=about(row),
            objective_href=objective_href(slug, row.objective) if row.objective else "",
            starts_ns=in_ns(row.starts_at),
            ends_ns=in_ns(row.ends_at),
            end_href=in_project(slug, "alerts", "silences", str(row.id), "end"),
        )
        for row in rows
    ]


def about(row: SilenceRow) -> str:
    """tickets of shop; everything."""
    kinds = {"page": "pages", "ticket": "tickets"}.get(row.severity, "")
    of = " ".join(
        filter(None, (f"of {row.service}" if row.service else "", "of this objective" if row.objective else ""))
    )
    return " ".join(filter(None, (kinds or ("everything" if not row.objective else "all alerts"), of)))
