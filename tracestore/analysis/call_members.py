"""What is asked of single model calls and tools where a table breaks them down: members beside those of the lines."""

from typing import Final

from tracestore.analysis.line_forms import Member, Quantile, Ratio, Share

_NO_CALLS: Final = "No model call ended in this range."
_NO_TOOLS: Final = "No tool call ended in this range."

CALL_SUCCESS: Final = Member(
    "call_success_rate", "quality", "Success rate", "ratio", "up", "model calls that did not fail / model calls",
    "llm_call", Share(("calls",), failed=("errors",)), "model calls", _NO_CALLS,
)  # fmt: skip
CALL_COST: Final = Member(
    "cost_per_call", "cost", "Cost per call", "nanousd", "down", "cost that is known / model calls", "llm_call",
    Ratio("cost_nanousd", "calls", "calls"), "model calls", "No call has a known cost: send its model and its tokens.",
)  # fmt: skip
CALL_REFUSALS: Final = Member(
    "call_refusal_rate", "risk", "Refusals", "ratio", "down", "model calls that were refused / model calls where that is known",
    "llm_call", Share(("refusal_known",), ("refusals",)), "model calls",
    "No span says whether the model refused. Send gen_ai.response.finish_reasons or fourline.refusal (true or false).",
)  # fmt: skip
TOOL_TIMEOUTS: Final = Member(
    "tool_timeout_rate", "latency", "Timeouts", "ratio", "down", "tool calls that timed out / tool calls", "tool_call",
    Share(("tool_calls",), ("timeouts",)), "tool calls", _NO_TOOLS,
)  # fmt: skip
TOOL_RETRIES: Final = Member(
    "tool_retry_rate", "latency", "Retries per call", "ratio", "down", "retries that spans report / tool calls",
    "tool_call", Ratio("retries", "tool_calls", "tool_calls"), "tool calls",
    "No span says how often a tool was tried again.",
)  # fmt: skip


def _lasted(name: str, title: str, of: str, form: Quantile) -> Member:
    formula = f"the value that {form.q * 100:.0f} % of the tool calls that {of} do not exceed"
    return Member(name, "latency", title, "ns", "down", formula, "tool_call", form, "tool calls", _NO_TOOLS)


TOOL_P50: Final = _lasted("tool_latency_p50", "Latency p50", "succeeded", Quantile("duration", 0.5))
TOOL_P99: Final = _lasted("tool_latency_p99", "Latency p99", "succeeded", Quantile("duration", 0.99))
TOOL_FAILED_P50: Final = _lasted("tool_failed_p50", "Failures p50", "failed", Quantile("failed_duration", 0.5))
TOOL_FAILED_P95: Final = _lasted("tool_failed_p95", "Failures p95", "failed", Quantile("failed_duration", 0.95))
TOOL_FAILED_P99: Final = _lasted("tool_failed_p99", "Failures p99", "failed", Quantile("failed_duration", 0.99))
