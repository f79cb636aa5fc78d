"""How is what a trace came to computed again? The recompute that settle, rebuild, reprice and erase share, and its lock."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import attrgetter
from uuid import UUID

import psycopg

from tracestore import failpoints
from tracestore.analysis.settle_span import DAY_NS, SettleSpan
from tracestore.analysis.settled import Trace, merge, settle
from tracestore.analysis.span_profile import Profile
from tracestore.analysis.versions import VersionSet, unite
from tracestore.partitions import date_of
from tracestore.rollups import mark, mark_sessions, widen_reach
from tracestore.settling_reads import (
    Before,
    as_uuids,
    intervals,
    read_attrs,
    read_before,
    read_former,
    read_parts,
    read_spans,
    read_twins,
)
from tracestore.settling_rows import (
    CALL_COLUMNS,
    TOOL_COLUMNS,
    TRACE_COLUMNS,
    call_row,
    profile,
    set_parts,
    tool_row,
    trace_row,
)
from tracestore.settling_scores import recompute_scores
from tracestore.text_marks import mark_texts
from tracestore.writer_transaction import copy_rows

MINUTE_NS = 60_000_000_000
SETTLE_LOCK = 3  # class of advisory locks, by project; reprice, rebuild and erase take the same


def lock(connection: psycopg.Connection, project_id: int) -> None:
    """As a statement of its own: what is read next sees everything that the lock's last holder committed."""
    connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", [SETTLE_LOCK, project_id])


def recompute(
    connection: psycopg.Connection,
    project_id: int,
    days: dict[bytes, tuple[int, int]],
    before: Mapping[bytes, Before],
    now_ns: int,
) -> tuple[int, int]:
    """Replaces all that is derived from these traces, and from those that hold twins of their calls.

    The caller holds the lock. days: storage days of each trace. Returns the number of traces and spans.
    """
    if not days:
        return 0, 0
    # A partition of today has no statistics yet, and a guess would read it whole.
    connection.execute("SET LOCAL enable_seqscan = off")
    known = {trace_id: was for trace_id, was in before.items() if trace_id in days}
    with _without_collector():
        spans = _with_twins(connection, project_id, dict(days), known)
        traces = settle(spans)
        sets = _version_sets(connection, project_id, traces)
        attrs = read_attrs(connection, project_id, traces)
        minutes = _delete(connection, project_id, known)
        failpoints.reach("mid-settle")
        minutes |= _write(connection, project_id, traces, sets, attrs, now_ns)
        minutes |= recompute_scores(connection, project_id, days.keys() | {t.trace_id for t in traces}, traces, sets)
        mark(connection, project_id, minutes)
        _keep_sets(connection, project_id, traces, sets)
        starts = {trace.trace_id: trace.start_ns for trace in traces}
        texts = {trace_id: of for trace_id, of in days.items() if trace_id in known or trace_id in starts}
        mark_texts(connection, project_id, texts, starts, now_ns)
    return len(traces), len(spans)


def settle_whole(
    connection: psycopg.Connection,
    project_id: int,
    spans: Sequence[SettleSpan],
    attrs: Mapping[bytes, dict[str, object]],
    now_ns: int,
) -> None:
    """Writes what new, whole traces come to: nothing is read back and nothing replaced. attrs: of the roots, by trace."""
    with _without_collector():
        traces = settle(spans)
        sets = _version_sets(connection, project_id, traces)
        minutes = _write(connection, project_id, traces, sets, attrs, now_ns)
        lock(connection, project_id)  # for what traces share, and only until the commit that follows
        minutes |= recompute_scores(connection, project_id, sets.keys(), traces, sets)
        mark(connection, project_id, minutes)
        _keep_sets(connection, project_id, traces, sets)


@contextmanager
def _without_collector() -> Iterator[None]:
    """All that is built here lives until the commit, and holds no cycles: looking for garbage in it cost 5 of 29 us a span."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _with_twins(
    connection: psycopg.Connection, project_id: int, days: dict[bytes, tuple[int, int]], before: dict[bytes, Before]
) -> list[SettleSpan]:
    """The spans of the traces and, until none is new, of traces that hold twins of their calls, then and now."""
    spans = merge(read_spans(connection, project_id, days))
    where = intervals(spans) | read_former(connection, project_id, before)
    while others := read_twins(connection, project_id, where) - days.keys():
        more = read_before(connection, project_id, others)
        their_days = {trace_id: (was.first_day, was.last_day) for trace_id, was in more.items()}
        theirs = merge(read_spans(connection, project_id, their_days))
        spans += theirs
        days |= their_days | dict.fromkeys(others - more.keys(), (0, 0))
        before |= more
        where = intervals(theirs) | read_former(connection, project_id, more)
    return spans


Sets = dict[bytes, dict[str, VersionSet]]  # trace -> service -> set
_part_of = attrgetter("service", "version_part_id")


def _version_sets(connection: psycopg.Connection, project_id: int, traces: Sequence[Trace]) -> Sets:
    """The parts that a trace's spans know, united for each service."""
    ids = {span.version_part_id for trace in traces for span in trace.spans if span.version_part_id is not None}
    parts = read_parts(connection, project_id, ids)
    united: dict[tuple[str, frozenset[int]], VersionSet] = {}
    sets: Sets = {}
    for trace in traces:
        by_service: dict[str, set[int]] = {}
        for service, part_id in set(map(_part_of, trace.spans)):
            if part_id in parts:
                by_service.setdefault(service, set()).add(part_id)
        sets[trace.trace_id] = {}
        for service, of_service in by_service.items():
            key = (service, frozenset(of_service))
            if key not in united:
                united[key] = unite(service, (parts[id_][1] for id_ in of_service))
            sets[trace.trace_id][service] = united[key]
    return sets


# The minutes that lose a row are to be summed again, as are those that win one; so are sessions that lose a request.
DELETES = tuple(
    f"WITH gone AS (DELETE FROM {table} WHERE project = %(project)s AND trace_id = ANY(%(traces)s::uuid[])"  # noqa: S608  # constants
    f" AND day BETWEEN %(first)s::date AND %(last)s::date RETURNING end_ns, {session} AS session_id)"
    " SELECT DISTINCT end_ns / 60000000000 * 60, session_id FROM gone"
    for table, session in (("trace", "session_id"), ("llm_call", "NULL"), ("tool_call", "NULL"))
)


def _delete(connection: psycopg.Connection, project_id: int, before: Mapping[bytes, Before]) -> set[int]:
    """Derived rows lie within the storage days that the trace's row named. Returns the minutes they ended in."""
    if not before:
        return set()
    parameters = {
        "project": project_id,
        "traces": as_uuids(sorted(before)),
        "first": date_of(min(was.first_day for was in before.values())),
        "last": date_of(max(was.last_day for was in before.values())),
    }
    gone = [row for delete in DELETES for row in connection.execute(delete, parameters)]
    mark_sessions(
        connection, project_id, {(session_id, minute) for minute, session_id in gone if session_id is not None}
    )
    return {minute for minute, _ in gone}


def _write(
    connection: psycopg.Connection,
    project_id: int,
    traces: Sequence[Trace],
    sets: Sets,
    attrs: Mapping[bytes, dict[str, object]],
    now_ns: int,
) -> set[int]:
    """In the order of the times that are indexed, which keeps those indexes a third smaller. Returns the minutes of the ends."""
    rows: list[tuple[int, bytes]] = []
    calls: list[tuple[int, bytes]] = []
    tools: list[tuple[int, bytes]] = []
    profiles: dict[tuple[int, int], Profile] = {}
    for trace in traces:
        own = sets[trace.trace_id]
        counted = profile(trace, own)
        profiles[trace.day, counted.id] = counted
        attributes = attrs.get(trace.trace_id, {})
        rows.append((trace.start_ns, trace_row(project_id, trace, own, attributes, now_ns, counted)))
        calls += [(call.span.plausible_end_ns, call_row(project_id, trace, call, own)) for call in trace.calls]
        tools += [(tool[0].plausible_end_ns, tool_row(project_id, trace, tool, own)) for tool in trace.tools]
    _keep_profiles(connection, project_id, profiles)
    tables = (("trace", TRACE_COLUMNS, rows), ("llm_call", CALL_COLUMNS, calls), ("tool_call", TOOL_COLUMNS, tools))
    for table, columns, timed in tables:
        if timed:
            copy_rows(connection, table, columns, [row for _, row in sorted(timed)])
    reach = max(trace.end_ns // DAY_NS - trace.day for trace in traces) if traces else 0
    if reach > 1:
        widen_reach(connection, project_id, reach)
    ends = {trace.end_ns // MINUTE_NS for trace in traces} | {end // MINUTE_NS for end, _ in (*calls, *tools)}
    return {end * 60 for end in ends}


KEEP_PROFILES = """
INSERT INTO span_profile (project, day, id, counts)
SELECT %(project)s, day, id, counts
FROM unnest(%(days)s::date[], %(ids)s::bigint[], %(counts)s::jsonb[]) AS seen (day, id, counts)
ORDER BY id, day
ON CONFLICT DO NOTHING
"""


def _keep_profiles(
    connection: psycopg.Connection, project_id: int, profiles: Mapping[tuple[int, int], Profile]
) -> None:
    """profiles: by day of the traces and id."""
    if not profiles:
        return
    parameters = {
        "project": project_id,
        "days": [date_of(day) for day, _ in profiles],
        "ids": [id_ for _, id_ in profiles],
        "counts": [one.counts for one in profiles.values()],
    }
    connection.execute(KEEP_PROFILES, parameters)


KEEP_SETS = """
INSERT INTO version_set AS kept (project, id, service, service_version, parts, first_seen_ns, last_seen_ns)
SELECT %(project)s, id, service, service_version, parts, first_ns, last_ns
FROM unnest(%(ids)s::uuid[], %(services)s::text[], %(versions)s::text[], %(parts)s::jsonb[], %(first)s::bigint[],
  %(last)s::bigint[]) AS seen (id, service, service_version, parts, first_ns, last_ns)
ORDER BY id
ON CONFLICT (project, id) DO UPDATE SET
  first_seen_ns = least(kept.first_seen_ns, excluded.first_seen_ns),
  last_seen_ns = greatest(kept.last_seen_ns, excluded.last_seen_ns)
WHERE excluded.first_seen_ns < kept.first_seen_ns OR excluded.last_seen_ns > kept.last_seen_ns
"""


def _keep_sets(connection: psycopg.Connection, project_id: int, traces: Sequence[Trace], sets: Sets) -> None:
    """First and last seen of the sets of whole traces: the set of half a trace is not yet a version of anything."""
    seen: dict[UUID, tuple[VersionSet, int, int]] = {}
    for trace in traces:
        for one in sets[trace.trace_id].values() if trace.whole else ():
            _, first, last = seen.get(one.id, (one, trace.start_ns, trace.end_ns))
            seen[one.id] = (one, min(first, trace.start_ns), max(last, trace.end_ns))
    if not seen:
        return
    parameters = {
        "project": project_id,
        "ids": list(seen),
        "services": [one.service for one, _, _ in seen.values()],
        "versions": [one.service_version for one, _, _ in seen.values()],
        "parts": [set_parts(one) for one, _, _ in seen.values()],
        "first": [first for _, first, _ in seen.values()],
        "last": [last for _, _, last in seen.values()],
    }
    connection.execute(KEEP_SETS, parameters)
