"""Which address leads to exactly the events of an objective, or to those that are like them? Pure."""

from dataclasses import dataclass

from dashboard.chart_frames import iso
from dashboard.links import in_project, with_query
from tracestore.analysis.slo.promise import UNITS
from tracestore.queries.slo import ObjectiveRow


@dataclass(frozen=True, slots=True)
class Lead:
    """words: what is listed there. exact: the very events; else requests in which some span fits each term for itself."""

    href: str
    words: str
    exact: bool
    short: str = "traces"


def bad_events(slug: str, objective: ObjectiveRow, start_s: int, end_s: int, more: str = "") -> Lead | None:
    """What was bad in [start_s, end_s); more: another condition. None of evaluations: no list shows what was said by itself."""
    if objective.unit == "evaluation":
        return None
    q = " ".join(filter(None, (_grouped(objective.total_q), bad_q(objective), more)))
    ends = {"from_": iso(start_s), "to": iso(end_s)}
    if objective.unit == "session":
        return Lead(with_query(in_project(slug, "sessions"), {}, q=q, **ends), "bad sessions", False, "sessions")
    exact = objective.unit == "request"
    words = "bad requests" if exact else f"requests with bad {UNITS[objective.unit]}"
    return Lead(with_query(in_project(slug, "traces"), {}, q=q, by="end", **ends), words, exact)


def bad_q(objective: ObjectiveRow) -> str:
    """A filter that the bad events match: what cannot be told of an event is not good."""
    return _grouped(objective.part_q) if objective.part == "bad" else f"-({objective.part_q.strip()})"


def _grouped(q: str) -> str:
    return f"({q.strip()})" if " OR " in q else q.strip()


def objective_href(slug: str, name: str, *parts: str) -> str:
    return in_project(slug, "objectives", name, *parts)


def alert_href(slug: str, alert_id: str) -> str:
    return in_project(slug, "alerts", alert_id)


def trace_href(slug: str, trace_id: str) -> str:
    return in_project(slug, "traces", trace_id.replace("-", ""))
