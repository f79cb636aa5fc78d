"""What did the demo's company promise? One objective for each line that its bad releases hurt, and one by the textbook.

A bad release lasts an hour and comes every four, so that each fault is there for about 8 % of the time. Targets are low enough
that this leaves something of each budget, and the one rule of each is quick enough to page about ten minutes into the hour.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from dashboard.demo import airline, research
from tracestore.actions.access import COMMAND_LINE
from tracestore.actions.objectives import ObjectiveDraft, create_objective
from tracestore.models import Objective

AIRLINE: Final = airline.PRODUCT.service
RESEARCH: Final = research.PRODUCT.service
LONG_S, SHORT_S = 900, 180


def _rule(factor: float) -> list[dict[str, Any]]:
    return [{"name": "quick-burn", "severity": "page", "long_s": LONG_S, "short_s": SHORT_S, "factor": factor}]


def _promise(name: str, title: str, percent: int, good: str, **more: Any) -> ObjectiveDraft:
    service = more.pop("service", AIRLINE)
    total = f"service:{service} {more.pop('total', '')}".strip()
    target = Decimal(percent) / 100
    return ObjectiveDraft(name, good, target, title, service=service, total_q=total, **more)


# Beside each: the share of bad events while all is well, and under the fault that it is there for.
PROMISES: Final = (
    _promise("availability", "Requests are answered", 97, "-outcome:error"),  # 1 %, 7 %: spends, and never pages
    _promise("tool-success", "Tool calls succeed", 93, "-status:error", unit="tool_call", rules=_rule(1.5)),  # 3 %, 25 %
    _promise("answer-time", "Answers within 10 s", 88, "duration:<=10s", rules=_rule(1.5)),  # 4 %, 42 %
    _promise(
        "approvals", "Tools run with the approval they need", 98, "-signal:unapproved",
        unit="tool_call", rules=_rule(2.0),
    ),  # 0 %, 15 %
    _promise(
        "request-cost", "Requests cost what a cached prompt costs", 85,
        "(model:gpt-4.1* cost:<=0.02) OR (model:gpt-5.4* cost:<=0.006)",
        total="cost:* (model:gpt-4.1* OR model:gpt-5.4*)", rules=_rule(2.0),
    ),  # 1 %, 76 %
    _promise(
        "grounded-answers", "Answers are grounded in passages", 88, "outcome:ok",
        service=RESEARCH, unit="evaluation", total="name:groundedness -outcome:unset", rules=_rule(1.5),
    ),  # 5 %, 43 %
)  # fmt: skip


def promise(project_id: int, now: datetime) -> int:
    """Create them in a project that never had an objective; returns how many were created."""
    if Objective.objects.filter(project_id=project_id).exists():
        return 0
    for draft in PROMISES:
        create_objective(project_id, draft, COMMAND_LINE, now)
    return len(PROMISES)
