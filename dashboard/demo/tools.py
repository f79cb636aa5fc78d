"""How is a tool run written down? One span of its own in the dialect of its agent, with what went in and what came out."""

import random
from dataclasses import dataclass
from typing import Any

from dashboard.demo.chance import around
from dashboard.demo.dialects import Message, answers, asks, compact
from dashboard.demo.plan import Attributes, SpanPlan, Story


@dataclass(frozen=True, slots=True)
class Tool:
    """seconds: median. effect on the world: none | reversible | irreversible; what is irreversible needs an approval."""

    name: str
    description: str
    seconds: float
    effect: str = "none"
    spread: float = 0.45


@dataclass(frozen=True, slots=True)
class Run:
    """One execution. handled: the tool reported its failure as a result and the span stays OK, as frameworks do.

    key: of the effect, so that it happens once. approval: approved | denied | missing | not_required.
    tier: at which this run may act, where it is not its agent's. unknown: nobody knows whether the effect happened.
    repeated: the tool had done it before and said so.
    """

    tool: Tool
    call_id: str
    arguments: dict[str, Any]
    result: str
    error: tuple[str, str] | None = None  # (type, message)
    handled: bool = False
    slower: float = 1.0
    key: str = ""
    approval: str = ""
    tier: int | None = None
    unknown: bool = False
    repeated: bool = False
    extra: tuple[tuple[str, Any], ...] = ()

    def asked(self, thought: str = "") -> Message:
        return asks(self.call_id, self.tool.name, self.arguments, thought)

    def answered(self) -> Message:
        return answers(self.call_id, self.outcome())

    def outcome(self) -> str:
        return compact({"status": "error", "error": self.error[1]}) if self.error else self.result


def definition(tool: Tool) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"id": {"type": "string"}}, "additionalProperties": True}
    return {"type": "function", "name": tool.name, "description": tool.description, "parameters": schema}


def run_tool(story: Story, r: random.Random, run: Run, dialect: str = "genai") -> SpanPlan:
    """The run as a span; dialect: genai | openinference | vercel."""
    with story.span(_span_name(run, dialect), attributes=WRITERS[dialect](run)) as span:
        span.attributes |= _effects(run) | dict(run.extra)
        story.spend(around(r, run.tool.seconds, run.tool.spread) * run.slower)
        if run.error and not run.handled:
            story.fail(span, *run.error)
        if run.error:
            story.log(
                "WARN",
                f"{run.tool.name} failed: {run.error[1]}",
                {"gen_ai.tool.name": run.tool.name, "error.type": run.error[0]},
            )
    return span


def _effects(run: Run) -> Attributes:
    own: Attributes = {
        "fourline.tool.effect": run.tool.effect,
        "fourline.tool.state": "unknown" if run.unknown else "confirmed",
    }
    if run.key:
        own["fourline.tool.idempotency_key"] = run.key
    if run.approval:
        own["fourline.tool.approval"] = run.approval
    if run.tier is not None:
        own["fourline.autonomy.tier"] = run.tier
    if run.repeated:
        own["fourline.tool.deduplicated"] = True
    return own


def _span_name(run: Run, dialect: str) -> str:
    return {"genai": f"execute_tool {run.tool.name}", "vercel": "ai.toolCall"}.get(dialect, run.tool.name)


def _genai(run: Run) -> Attributes:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": run.tool.name,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": run.tool.description,
        "gen_ai.tool.call.id": run.call_id,
        "gen_ai.tool.call.arguments": compact(run.arguments),
        "gen_ai.tool.call.result": run.outcome(),
    }


def _openinference(run: Run) -> Attributes:
    return {
        "openinference.span.kind": "TOOL",
        "tool.name": run.tool.name,
        "tool.description": run.tool.description,
        "tool.id": run.call_id,
        "input.value": compact(run.arguments),
        "input.mime_type": "application/json",
        "output.value": run.outcome(),
    }


def _vercel(run: Run) -> Attributes:
    return {
        "operation.name": "ai.toolCall",
        "ai.operationId": "ai.toolCall",
        "ai.toolCall.name": run.tool.name,
        "ai.toolCall.id": run.call_id,
        "ai.toolCall.args": compact(run.arguments),
        "ai.toolCall.result": run.outcome(),
    }


WRITERS = {"genai": _genai, "openinference": _openinference, "vercel": _vercel}
