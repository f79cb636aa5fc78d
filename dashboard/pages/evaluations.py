"""What was said of this answer, and what do you say? Evaluations on the page of a trace, and the form beside them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from dashboard.access import actor, project_page
from dashboard.links import in_project, with_query
from dashboard.params import in_ns
from dashboard.trees import span_number
from tracestore.actions.access import Refused
from tracestore.actions.evaluations import Feedback, rate_trace
from tracestore.db import Unavailable
from tracestore.queries.access import at_least
from tracestore.queries.evaluations import EvaluationRow, evaluations_of_trace
from tracestore.queries.trace_now import find_trace

SHOWN = 100
SOURCES = {"people": "person", "code": "code", "judge": "judge", "otlp": "telemetry"}


@dataclass(frozen=True, slots=True)
class Opinion:
    """One evaluation. verdict: passed | failed | "". span_href: to the span it is about, "" where that is here or none."""

    row: EvaluationRow
    source: str
    verdict: str
    score: str
    span_href: str


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a trace, or of one of its spans. form_href: "" for who may not say anything. span_id: "" of a trace."""

    opinions: list[Opinion]
    hidden: int
    form_href: str
    span_id: str
    now_ns: int


def load_said(request: HttpRequest, trace_id: str, span_id: str = "") -> Said:
    """span_id: only what is said of that span."""
    rows = evaluations_of_trace(request.project.pk, trace_id)
    about = [row for row in rows if not span_id or row.span_id == span_id]
    return Said(
        opinions=_opinions(about[:SHOWN], "" if span_id else request.path),
        hidden=max(0, len(about) - SHOWN),
        form_href=_form_href(request, trace_id) if at_least(request.role, "editor") else "",
        span_id=span_id,
        now_ns=in_ns(datetime.now(UTC)),
    )


def _form_href(request: HttpRequest, trace_id: str) -> str:
    return in_project(request.project.slug, "traces", trace_id, "feedback")


def _opinions(rows: Iterable[EvaluationRow], path: str) -> list[Opinion]:
    return [
        Opinion(
            row=row,
            source=SOURCES[row.source],
            verdict="" if row.passed is None else "passed" if row.passed else "failed",
            score="" if row.score is None else f"{row.score:.6g}",
            span_href=with_query(path, {}, span=row.span_id) if path and row.span_id else "",
        )
        for row in rows
    ]


class FeedbackForm(forms.Form):
    """A thumb, a comment, or both."""

    rating = forms.ChoiceField(choices=[("", ""), ("up", "up"), ("down", "down")], required=False)
    comment = forms.CharField(max_length=2_000, required=False)
    span = forms.RegexField("^[0-9a-f]{16}$", required=False)

    def clean(self) -> dict[str, str]:
        said: dict[str, str] = self.cleaned_data
        if not said.get("rating") and not said.get("comment"):
            raise forms.ValidationError("Choose a thumb or write a comment.")
        return said


@project_page(role="editor")
@require_POST
def rate(request: HttpRequest, trace_id: str) -> HttpResponse:
    """A member says what they think of a trace or of one of its spans; said again, it replaces what they said before."""
    now = datetime.now(UTC)
    if find_trace(request.project.pk, trace_id, now_ns=in_ns(now)) is None:
        raise Http404("No such trace in this project.")
    form = FeedbackForm(request.POST)
    if form.is_valid():
        _keep(request, _feedback(request, trace_id, form.cleaned_data), now)
    else:
        messages.error(
            request, "That was not understood: choose a thumb or write a comment of at most 2,000 characters."
        )
    span = form.cleaned_data.get("span") or None
    return HttpResponseRedirect(with_query(in_project(request.project.slug, "traces", trace_id), {}, span=span))


def _feedback(request: HttpRequest, trace_id: str, said: dict[str, str]) -> Feedback:
    return Feedback(
        trace_id=bytes.fromhex(trace_id),
        span_id=span_number(said["span"]),
        rating=said["rating"] or None,
        comment=said["comment"] or None,
        user_id=request.user.email,
        id=f"member {request.user.pk} {said['span']}",
    )


def _keep(request: HttpRequest, feedback: Feedback, now: datetime) -> None:
    try:
        rate_trace(request.project.pk, feedback, now, in_ns(now), actor(request))
    except (Refused, Unavailable) as error:
        messages.error(request, f"Your feedback was not kept: {error}.")
    else:
        messages.success(request, "Thank you: your feedback is kept.")
