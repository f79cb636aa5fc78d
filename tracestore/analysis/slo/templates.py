"""Objectives that most agents need: in one click, to be adjusted before they are saved."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from tracestore.analysis.filter_words import quoted
from tracestore.analysis.slo.drafts import ObjectiveDraft


@dataclass(frozen=True, slots=True)
class Template:
    """about: what it watches and what feeds it, one sentence. needs: the name of the evaluation it is counted from."""

    draft: ObjectiveDraft
    about: str
    needs: str = ""

    @property
    def name(self) -> str:
        return self.draft.name


def _share(percent: str) -> Decimal:
    return Decimal(percent) / 100


_ALL: Final = (
    Template(
        ObjectiveDraft(
            name="answered-within-2s",
            title="99.9 % answered within 2 s",
            part_q="duration:<=2s -outcome:error",
            target=_share("99.9"),
            action="rollback",
        ),
        "Requests that ended without an error within 2 seconds: a fast failure is no answer.",
    ),
    Template(
        ObjectiveDraft(
            name="p95-under-5s",
            title="p95 under 5 s",
            description="The 95th percentile lies under 5 s exactly when at least 95 % take no longer than that.",
            total_q="-outcome:error",
            part_q="duration:<=5s",
            target=_share("95"),
        ),
        "95 % of the requests that did not fail took at most 5 seconds. Shares add up over time, percentiles do not.",
    ),
    Template(
        ObjectiveDraft(
            name="policy-violations",
            title="Policy violations under 0.1 %",
            total_q="signal:policy_checked",
            part_q="signal:policy_violated",
            part="bad",
            target=_share("99.9"),
            action="degrade",
        ),
        "Requests with a violated check, of those with a check whose outcome is known.",
    ),
    Template(
        ObjectiveDraft(
            name="tool-success",
            title="Tool success over 95 %",
            unit="tool_call",
            part_q="status:error",
            part="bad",
            target=_share("95"),
        ),
        "Executions of tools that did not fail, each counted once.",
    ),
    Template(
        ObjectiveDraft(
            name="tool-state-unknown",
            title="Tool calls of unknown state under 1 %",
            unit="tool_call",
            part_q="signal:state_unknown",
            part="bad",
            target=_share("99"),
            action="degrade",
        ),
        "Executions of which nobody knows whether they happened, such as a timeout of a booking.",
    ),
    Template(
        ObjectiveDraft(
            name="cost-per-request",
            title="99 % of requests cost at most $0.05",
            total_q="cost:*",
            part_q="cost:<=0.05",
            target=_share("99"),
            action="rate-limit",
        ),
        "Requests whose cost is known and under a limit. Set the limit to what a request may cost you.",
    ),
    Template(
        ObjectiveDraft(
            name="hallucination",
            title="Hallucination under 0.5 %",
            unit="evaluation",
            total_q="name:hallucination -outcome:unset",
            part_q="outcome:error",
            part="bad",
            target=_share("99.5"),
            action="rollback",
        ),
        "Judged answers that failed the evaluation hallucination.",
        needs="hallucination",
    ),
)
TEMPLATES: Final[Mapping[str, Template]] = {one.name: one for one in _ALL}


def for_service(template: Template, service: str) -> ObjectiveDraft:
    """The template's objective for one service, whose events alone it counts; "" = of the whole project."""
    if not service:
        return template.draft
    own = f"service:{quoted(service)}"
    return replace(
        template.draft,
        name=f"{_label(service)}-{template.name}"[:63].strip("-"),
        service=service,
        total_q=" ".join(filter(None, (own, template.draft.total_q))),
    )


def _label(service: str) -> str:
    """Something like the service's name that RFC 1123 allows; never empty."""
    letters = "".join(one if one.isascii() and one.isalnum() else "-" for one in service.lower())
    return "-".join(filter(None, letters.split("-")))[:40].strip("-") or "service"
