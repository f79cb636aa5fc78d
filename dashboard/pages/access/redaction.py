"""What is taken out of this project's texts before anything is stored?"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import actor, project_page
from dashboard.pages.access.forms import RuleForm, SampleForm
from dashboard.pages.access.settings_frame import SettingsFrame, attempt, settings_frame
from tracestore.actions import access as actions
from tracestore.analysis.redaction import Rules
from tracestore.models.access import RedactionRule
from tracestore.queries.access import redaction_rules, rules_of


@dataclass(frozen=True, slots=True)
class RedactionPage:
    """tried: the sample after the rules that are enabled; None before one was tried."""

    frame: SettingsFrame
    rules: Sequence[RedactionRule]
    form: RuleForm
    sample: SampleForm
    tried: str | None


@project_page(role="editor")
@require_safe
def redaction(request: HttpRequest) -> HttpResponse:
    return _redaction(request, RuleForm(), SampleForm())


@project_page(role="editor")
@require_POST
def add_rule(request: HttpRequest) -> HttpResponse:
    form = RuleForm(request.POST)
    if not form.is_valid():
        return _redaction(request, form, SampleForm())
    fields = form.cleaned_data
    try:
        actions.add_rule(
            request.project.pk,
            fields["kind"],
            fields["pattern"],
            fields["action"],
            fields["replacement"],
            timezone.now(),
            actor(request),
        )
    except actions.Refused as refusal:
        form.add_error(None, str(refusal))
        return _redaction(request, form, SampleForm())
    return redirect("redaction", request.project.slug)


@project_page(role="editor")
@require_POST
def switch_rule(request: HttpRequest, rule_id: int) -> HttpResponse:
    """enabled=1 switches a rule on, anything else off."""
    _rule_or_404(request, rule_id)
    enabled, now = request.POST.get("enabled") == "1", timezone.now()
    attempt(request, lambda: actions.set_rule_enabled(request.project.pk, rule_id, enabled, now, actor(request)))
    return redirect("redaction", request.project.slug)


@project_page(role="editor")
@require_POST
def delete_rule(request: HttpRequest, rule_id: int) -> HttpResponse:
    _rule_or_404(request, rule_id)
    attempt(request, lambda: actions.delete_rule(request.project.pk, rule_id, timezone.now(), actor(request)))
    return redirect("redaction", request.project.slug)


@project_page(role="editor")
@require_POST
def try_rules(request: HttpRequest) -> HttpResponse:
    """Show what the enabled rules make of a text. Nothing is kept."""
    sample = SampleForm(request.POST)
    if not sample.is_valid():
        return _redaction(request, RuleForm(), sample)
    rules = Rules.compile(redaction_rules(request.project.pk))
    return _redaction(request, RuleForm(), sample, rules.text(sample.cleaned_data["sample"]))


def _rule_or_404(request: HttpRequest, rule_id: int) -> None:
    if rule_id not in {rule.pk for rule in rules_of(request.project.pk)}:
        raise Http404


def _redaction(request: HttpRequest, form: RuleForm, sample: SampleForm, tried: str | None = None) -> HttpResponse:
    page = RedactionPage(settings_frame(request, "redaction"), rules_of(request.project.pk), form, sample, tried)
    status = 400 if form.errors or sample.errors else 200
    return render(request, "access/redaction.html", {"page": page}, status=status)
