"""The four lines and the golden signals over HTTP, as JSON and CSV."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router

from dashboard.access import KeyAuth
from dashboard.api import line_answers, line_schemas
from dashboard.api.answers import answer
from dashboard.api.forms import Json
from dashboard.api.queries import MAX_STEPS, LinesQuery, range_of, step_of
from dashboard.comparing import Other, parse_compare
from dashboard.params import NS, BadParam, Range, in_ns, parse_filter, parse_zone
from tracestore.analysis.filters import FilterTooWide, Node
from tracestore.analysis.line_pairs import Pair, pairs
from tracestore.analysis.line_steps import Series
from tracestore.analysis.lines import MEMBERS, step_s_of
from tracestore.facts import DAY_S
from tracestore.queries.anomalies import find_anomalies
from tracestore.queries.lines import TooFine, find_lines, finest_step_s
from tracestore.queries.undecided import find_undecided

router = Router(tags=["Lines"])


_CSV = {"responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}}


@router.get("/lines", auth=KeyAuth("read"), response=line_schemas.Lines, by_alias=True, openapi_extra=_CSV)
def show_lines(request: HttpRequest, query: Query[LinesQuery]) -> HttpResponse:
    """Quality, latency, cost, risk and the golden signals of what ended in the range, in steps, each number with what it is
    made of, its n and its 95 % interval. `format=csv` or `Accept: text/csv` gives one row a point."""
    now = timezone.now()
    chosen = range_of(query, now)
    step_s = _step_s(query, chosen, request.auth.project_id)
    wanted = parse_filter(query.q)
    other = parse_compare(query.compare, chosen, step_s, wanted, parse_zone(query.tz or ""))
    if other and other.end_ns - other.start_ns > step_s * MAX_STEPS * NS:
        raise BadParam(f"compare: makes more than {MAX_STEPS} steps; use a longer step.")
    this = Other(chosen.start_ns, chosen.end_ns, wanted, "")
    series = _find(request, query, this, step_s, in_ns(now))
    before = _find(request, query, other, step_s, in_ns(now)) if other else None
    found: list[Series] | list[Pair] = series if before is None else pairs(series, before)
    if _wants_csv(request, query):
        return line_answers.csv_of(found)
    undecided = find_undecided(request.auth.project_id, chosen.start_ns, chosen.end_ns, wanted)
    body = line_answers.json_of(found, chosen, step_s, query.q, other, undecided)
    if query.anomalies:
        body |= _anomalies(request, chosen, wanted, in_ns(now))
    return answer(body)


def _anomalies(request: HttpRequest, chosen: Range, wanted: Node | None, now_ns: int) -> Json:
    """Nothing under a filter that sums do not answer: the weeks before would have to be read row by row."""
    try:
        return line_answers.anomalies(
            find_anomalies(request.auth.project_id, chosen.start_ns, chosen.end_ns, wanted, now_ns=now_ns)
        )
    except FilterTooWide:
        return {}


def _find(request: HttpRequest, query: LinesQuery, of: Other, step_s: int, now_ns: int) -> list[Series]:
    """One member after the other, each followed by the series it is split into."""
    members = _members(query.members)
    try:
        return find_lines(
            request.auth.project_id, of.start_ns, of.end_ns, step_s, of.filter, members, query.split or None,
            now_ns=now_ns, with_whole=True,
        )  # fmt: skip
    except TooFine as error:
        raise BadParam(f"step: {error}.") from error


def _step_s(query: LinesQuery, chosen: Range, project_id: int) -> int:
    if not query.step:
        length_s = -(-(chosen.end_ns - chosen.start_ns) // NS)
        whole_days_s = -(-length_s // (MAX_STEPS * DAY_S)) * DAY_S if length_s > MAX_STEPS * DAY_S else 0
        return max(finest_step_s(project_id, chosen.start_ns), step_s_of(chosen.name, length_s), whole_days_s)
    step_s = step_of(query.step, chosen)
    if step_s % 60:
        raise BadParam("step: must be whole minutes, such as 60, 5m, 1h or 1d.")
    return step_s


def _members(text: str) -> list[str] | None:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in MEMBERS]:
        raise BadParam(f"members: there is no {unknown[0]}; without members the answer names all there are.")
    return list(dict.fromkeys(names)) or None


def _wants_csv(request: HttpRequest, query: LinesQuery) -> bool:
    if query.format:
        return query.format == "csv"
    accepted = request.headers.get("Accept", "")
    return "text/csv" in accepted and "application/json" not in accepted
