"""Which traces stand behind a point? The filter that finds them, and what it cannot say. Pure."""

from dashboard.links import in_project, quoted, with_query
from dashboard.pages.board.asked import Asked
from tracestore.analysis.lines import Member

FAILED = ("success_rate", "error_rate", "failed_latency_p95")
_OF_FACT = {"llm_call": "model:*", "tool_call": "tool:*"}
_SPLIT_FIELDS = ("version", "model", "environment", "service", "operation", "tool")


def lead(asked: Asked, member: Member, version: str = "", split_by: str | None = None, key: str | None = None) -> str:
    """Address of the traces that ended in [{from}, {to}), which whoever draws fills in."""
    terms = [f"version:{quoted(version)}"] if version else []
    if split_by in _SPLIT_FIELDS and key:
        terms.append(f"{split_by}:{quoted(key)}")
    elif split_by in _SPLIT_FIELDS and key is None:
        terms.append(f"-{split_by}:*")
    terms += [_OF_FACT[member.fact]] if member.fact in _OF_FACT else []
    failed = 1 if member.name in FAILED else None
    q = asked.kept.get("q", "")
    q = " ".join([f"({q})" if " OR " in q and terms else q, *terms]).strip()
    path = in_project(asked.slug, "traces")
    return with_query(path, {}, by="end", q=q, failed=failed) + "&from={from}&to={to}"


def lead_words(member: Member) -> str:
    """What a click opens, said where it is not simply the items of the point."""
    if member.name in FAILED:
        return "opens the requests that failed"
    if member.fact == "llm_call":
        return "opens all requests with a model call"
    if member.fact == "tool_call":
        return "opens all requests with a tool call"
    if member.fact == "score" or member.line == "risk":
        return "opens all requests of this time: a filter cannot pick these"
    return ""
