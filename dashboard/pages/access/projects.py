"""Which projects are there, and how are they named, kept and deleted?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.access import actor, admin_page, project_page, user_page
from dashboard.pages.access.forms import DeleteForm, EraseForm, NewProjectForm, ProjectForm
from dashboard.pages.access.settings_frame import SettingsFrame, settings_frame
from tracestore.actions import access as actions
from tracestore.analysis.retention import Kept, kept, oldest
from tracestore.models import Project
from tracestore.queries.access import ProjectRow, projects_of
from tracestore.queries.retention import count_before, kept_by


@dataclass(frozen=True, slots=True)
class ProjectsPage:
    projects: Sequence[ProjectRow]
    may_create: bool


@dataclass(frozen=True, slots=True)
class NewProjectPage:
    """created: the new project with its keys, which are shown this once; None before."""

    form: NewProjectForm
    created: actions.NewProject | None


@dataclass(frozen=True, slots=True)
class GoingLine:
    """What a shorter retention removes. count: None when there are too many to count quickly."""

    word: str
    before: date
    count: int | None
    unit: str


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """going: what the change would remove, to be confirmed; None when nothing is asked. confirm: what is confirmed."""

    frame: SettingsFrame
    form: ProjectForm
    going: Sequence[GoingLine] | None
    confirm: str
    kept: Kept


@dataclass(frozen=True, slots=True)
class ErasePage:
    frame: SettingsFrame
    form: EraseForm


@dataclass(frozen=True, slots=True)
class DeletePage:
    frame: SettingsFrame
    form: DeleteForm
    name: str


def home_of(user_id: int) -> str:
    """Straight into the project of who has only one."""
    found = projects_of(user_id)
    return f"/p/{found[0].slug}/board" if len(found) == 1 else "/projects"


@user_page
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return redirect(home_of(request.user.pk))


@user_page
@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    page = ProjectsPage(projects_of(request.user.pk), bool(request.user.is_admin))
    return render(request, "access/projects.html", {"page": page})


@admin_page
@require_http_methods(["GET", "HEAD", "POST"])
def new_project(request: HttpRequest) -> HttpResponse:
    """Make a project. Its keys are in the answer to this POST and nowhere else."""
    form, created = NewProjectForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        try:
            created = actions.create_project(form.cleaned_data["name"], timezone.now(), actor(request))
        except actions.Refused as refusal:
            form.add_error("name", str(refusal))
    status = 400 if form.errors else 200
    return render(request, "access/new_project.html", {"page": NewProjectPage(form, created)}, status=status)


@project_page()
@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    project = request.project
    names = ("name", "retention_days", "text_retention_days", "log_retention_days", "metric_retention_days")
    form = ProjectForm(initial={name: getattr(project, name) for name in names})
    return _settings(request, form)


@project_page(role="owner")
@require_http_methods(["POST"])
def change_project(request: HttpRequest) -> HttpResponse:
    form = ProjectForm(request.POST)
    if not form.is_valid():
        return _settings(request, form)
    keep = form.keep()
    going = going_lines(request.project, keep, timezone.now().date())
    if going and request.POST.get("confirm") != str(keep):
        return _settings(request, form, going, str(keep))
    try:
        actions.change_project(request.project.pk, form.cleaned_data["name"], keep, timezone.now(), actor(request))
    except actions.Refused as refusal:
        form.add_error(None, str(refusal))
        return _settings(request, form)
    messages.success(request, "Saved.")
    return redirect("settings", request.project.slug)


@project_page(role="owner", recent=True)
@require_http_methods(["GET", "HEAD", "POST"])
def delete_project(request: HttpRequest) -> HttpResponse:
    form = DeleteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            actions.delete_project(request.project.pk, form.cleaned_data["name"], timezone.now(), actor(request))
        except actions.Refused as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, f"{request.project.name} is deleted. Its data is being removed.")
            return redirect("/")
    page = DeletePage(settings_frame(request, "general"), form, request.project.name)
    return render(request, "access/delete_project.html", {"page": page}, status=400 if form.errors else 200)


@project_page(role="owner", recent=True)
@require_http_methods(["GET", "HEAD", "POST"])
def erase_user(request: HttpRequest) -> HttpResponse:
    form = EraseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.request_erasure(request.project.pk, form.cleaned_data["user_id"], timezone.now(), actor(request))
        messages.success(
            request, "All of this user is erased within a few minutes. The audit log says when it is done."
        )
        return redirect("settings", request.project.slug)
    page = ErasePage(settings_frame(request, "general"), form)
    return render(request, "access/erase_user.html", {"page": page}, status=400 if form.errors else 200)


def going_lines(project: Project, keep: actions.KeepFor, today: date) -> list[GoingLine]:
    """What would be removed, of each signal that is kept for fewer days than now."""
    now, then = kept_by(project), kept(project.pk, keep.traces, keep.texts, keep.logs, keep.metrics)
    words = (("traces", "Traces", "trace"), ("texts", "Texts", "trace"), ("logs", "Logs", "log record"))
    return [
        GoingLine(
            word, oldest(today, then.days(signal)), _count(project, signal, oldest(today, then.days(signal))), unit
        )
        for signal, word, unit in (*words, ("metrics", "Metrics", "metric point"))
        if then.days(signal) < now.days(signal)
    ]


def _count(project: Project, signal: str, before: date) -> int | None:
    return count_before(project.pk, "traces" if signal == "texts" else signal, before)


def _settings(
    request: HttpRequest, form: ProjectForm, going: Sequence[GoingLine] | None = None, confirm: str = ""
) -> HttpResponse:
    page = SettingsPage(settings_frame(request, "general"), form, going, confirm, kept_by(request.project))
    return render(request, "access/settings.html", {"page": page}, status=400 if form.errors else 200)
