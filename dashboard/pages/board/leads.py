"""Which traces stand behind a point? The filter that finds them, and where it finds more than the point counts. Pure."""

from dashboard.links import in_project, quoted, with_query
from dashboard.pages.board.asked import Asked
from tracestore.analysis.lines import Member

# What a member is about, as a term of the filter language; of the good ones the bad side, which is what one looks for.
TERMS = {
    "success_rate": ("outcome:error", "the requests that failed"),
    "error_rate": ("outcome:error", "the requests that failed"),
    "failed_latency_p95": ("outcome:error", ""),
    "tool_success_rate": ("tool:* status:error", "requests with a tool call in which something failed"),
    "adoption_rate": ("signal:rejected", "the answers rejected"),
    "retrieval_hit_rate": (
        "signal:retrieval_known -signal:retrieval_hit",
        "requests in which a retrieval found nothing",
    ),
    "timeout_rate": ("signal:timed_out", "the requests in which something timed out"),
    "policy_violation_rate": ("signal:policy_violated", "the requests that violated a policy"),
    "injection_rate": ("signal:injection_detected", "the requests with an injection"),
    "refusal_rate": ("signal:refused", "the requests refused"),
    "sensitive_rate": ("signal:sensitive_found", "the requests with sensitive content"),
    "unknown_state_rate": ("signal:state_unknown", "requests with such a tool call"),
    "above_tier_rate": ("signal:above_tier", "requests with such a tool call"),
    "unapproved_rate": ("signal:unapproved", "requests with such a tool call"),
    "duplicate_effect_rate": ("signal:duplicate_effect", "requests with such a tool call"),
    "implicit_error_rate": ("signal:implicit_error", "the requests without a usable answer"),
    "policy_error_rate": ("signal:policy_error", "the requests stopped"),
    "rate_limited_rate": ("signal:rate_limited", "the requests that met a limit"),
    "degraded_rate": ("signal:degraded", "the requests answered so"),
    "breaker_open_rate": ("signal:breaker_open", "the requests that met it"),
}
_OF_FACT = {
    "llm_call": ("model:*", "requests with a model call"),
    "tool_call": ("tool:*", "requests with a tool call"),
    "score": ("", "all requests of this time: a filter cannot pick those evaluated"),
}
SPLIT_FIELDS = ("version", "model", "environment", "service", "operation", "tool")


def lead(asked: Asked, member: Member, version: str = "", split_by: str | None = None, key: str | None = None) -> str:
    """Address of the traces that ended in [{from}, {to}), which whoever draws fills in."""
    terms = [f"version:{quoted(version)}"] if version else []
    if split_by in SPLIT_FIELDS:
        terms.append(f"{split_by}:{quoted(key)}" if key else f"-{split_by}:*")
    terms.append(_term(member)[0])
    q = asked.kept.get("q", "")
    q = " ".join(one for one in [f"({q})" if " OR " in q else q, *terms] if one)
    return with_query(in_project(asked.slug, "traces"), {}, by="end", q=q) + "&from={from}&to={to}"


def lead_words(member: Member) -> str:
    """What a click opens, where it is not simply the items of the point."""
    words = _term(member)[1]
    return f"opens {words}" if words else ""


def _term(member: Member) -> tuple[str, str]:
    return TERMS.get(member.name) or _OF_FACT.get(member.fact, ("", ""))
