"""How full were the limits that an application reports? A member of the lines that is read from OTLP metrics."""

from tracestore.analysis.line_estimates import UNKNOWN, Estimate
from tracestore.analysis.line_forms import Member, Reading
from tracestore.analysis.line_steps import NS, Period, Point, Series, unanswered
from tracestore.queries.metrics import SeriesSteps, find_series, read_series


def find_reading(project_id: int, member: Member, period: Period, narrowed: bool) -> Series:
    """The largest value that any series reported last in a step. narrowed: by a filter, which metrics know nothing of.

    n: how many series said something. Raises psycopg QueryCanceled past 5 s.
    """
    if narrowed:
        return unanswered(member, period, "It is read from metrics, which know nothing of the filter")
    largest = _largest(_read(project_id, member, period), period)
    points = [
        Point(at, found.value, found.n, partial=period.cuts(at))
        for at in period.steps()
        for found in [largest.get(at, UNKNOWN)]
    ]
    values = [one.value for one in largest.values() if one.value is not None]
    total = Estimate(max(values), max(one.n for one in largest.values())) if values else UNKNOWN
    return Series(member, points, total)


def _read(project_id: int, member: Member, period: Period) -> list[SeriesSteps]:
    assert isinstance(member.form, Reading), member.name
    series = [one for name in member.form.metrics for one in find_series(project_id, name) if one.kind == "gauge"]
    if not series:
        return []
    return read_series(project_id, series, period.steps().start * NS, period.end_ns, period.step_s)


def _largest(series: list[SeriesSteps], period: Period) -> dict[int, Estimate]:
    values: dict[int, list[float]] = {}
    for one in series:
        for step in one.steps:
            if step.value is not None:
                values.setdefault(step.time_ns // NS // period.step_s * period.step_s, []).append(step.value)
    return {at: Estimate(max(found), len(found)) for at, found in values.items()}
