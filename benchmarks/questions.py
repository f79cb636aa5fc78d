"""What is a large store asked? Addresses of API and pages with their goals, filled in from what the store holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from urllib.parse import quote, urlencode

import psycopg

from benchmarks.ingest import stamp

GOAL_MS, BY_USER_MS, TEXT_MS = 50.0, 300.0, 150.0
DAY_S = 86_400
CALLS = 30
LIST = "/api/v1/traces"


@dataclass(frozen=True, slots=True)
class Question:
    """paths: asked in turn, so that no answer is measured thirty times. page: with a session, else with a key.

    follow: how many pages on through next_cursor the measured call stands.
    """

    name: str
    paths: list[str]
    goal_ms: float = GOAL_MS
    page: bool = False
    follow: int = 0


@dataclass(frozen=True, slots=True)
class Store:
    """What a project holds that questions can be about. start_s, end_s: Unix seconds around its traces."""

    slug: str
    spans: int
    traces: int
    start_s: float
    end_s: float
    users: list[str]
    sessions: list[str]
    versions: list[str]
    by_size: dict[int, list[str]]  # about so many spans -> trace ids
    spans_of: dict[str, str]  # trace id -> a span of it


SIZES = {10: (9, 11), 1_000: (900, 1_300), 50_000: (45_000, 60_000)}


def look(connection: psycopg.Connection, project_id: int, slug: str) -> Store:
    def column(query: str, *values: object) -> list[str]:
        return [str(row[0]) for row in connection.execute(query, [project_id, *values])]

    (start, end, traces, spans) = connection.execute(
        "SELECT min(start_ns) / 1e9, max(end_ns) / 1e9, count(*), sum(span_count)::bigint FROM trace WHERE project = %s",
        [project_id],
    ).fetchone() or (0, 0, 0, 0)
    sized = "SELECT replace(trace_id::text, '-', '') FROM trace WHERE project = %s AND span_count BETWEEN %s AND %s LIMIT 30"
    by_size = {size: column(sized, *between) for size, between in SIZES.items()}
    some = (
        "SELECT {0} FROM (SELECT {0} FROM trace WHERE project = %s AND {0} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC"
        " LIMIT 3000) AS often ORDER BY md5({0}) LIMIT 30"
    )
    one = "SELECT lpad(to_hex(span_id), 16, '0') FROM span WHERE project = %s AND trace_id = %s LIMIT 1 OFFSET 5"
    return Store(
        slug, int(spans or 0), int(traces), float(start or 0), float(end or 0),
        users=column(some.format("user_id")), sessions=column(some.format("session_id")),
        versions=column("SELECT DISTINCT service_version FROM version_set WHERE project = %s ORDER BY 1 LIMIT 30"),
        by_size=by_size, spans_of={trace: column(one, trace)[0] for trace in by_size[10]},
    )  # fmt: skip


def questions(store: Store) -> Iterator[Question]:
    yield from _lists(store)
    yield from _traces(store)
    yield from _sums(store)
    yield from _pages(store)


def _range(store: Store, days: float) -> dict[str, str]:
    return {"from": stamp(store.end_s - days * DAY_S), "to": stamp(store.end_s + 1)}


def _asked(path: str, store: Store, days: float = 14, **query: str) -> str:
    return f"{path}?{urlencode(_range(store, days) | query, quote_via=quote)}"


FILTERS = (
    *("status:error", "-status:error", "service:support-agent", "model:gpt-4.1", "model:claude*", "operation:retrieval"),
    *("tool:draw_chart", "environment:staging", "attr.plan:enterprise", "attr.region:ap -attr.plan:free"),
    *("duration:>60s", "duration:>600s", "cost:>0.05", "cost:>1", "tokens:>100000", "error:TimeoutError"),
    *("agent:writer", "provider:vllm", "service:coding-agent status:error", "service:mail-triage tool:forward -model:gpt*"),
    *("tool:run_sql duration:>20s status:error", "tenant:tenant-007", "model:nothing", "tool:nothing", "agent:nobody"),
)  # fmt: skip


def _lists(store: Store) -> Iterator[Question]:
    yield Question("list, first page", [_asked(LIST, store)])
    yield Question("list, page 50", [_asked(LIST, store)], follow=49)
    yield Question("list, the last hour", [_asked(LIST, store, days=1 / 24)])
    for q in FILTERS:
        yield Question(f"list {q}", [_asked(LIST, store, q=q)])
    yield Question("list user:", [_asked(LIST, store, q=f"user:{user}") for user in store.users])
    yield Question("list session:", [_asked(LIST, store, q=f'session:"{one}"') for one in store.sessions])
    yield Question("list version:", [_asked(LIST, store, q=f"version:{one}") for one in store.versions])
    yield Question("list user: status:error", [_asked(LIST, store, q=f"user:{u} status:error") for u in store.users])
    for sort in ("-duration", "duration", "-cost", "cost", "-tokens", "-errors"):
        yield Question(f"list by {sort}", [_asked(LIST, store, sort=sort)])
    yield Question("list by -duration, page 50", [_asked(LIST, store, sort="-duration")], follow=49)
    yield Question("list by -cost, service:", [_asked(LIST, store, sort="-cost", q="service:report-writer")])
    yield Question("free text, rare", [_asked(LIST, store, days=7, q='"zyxwv nothing"')], TEXT_MS)
    yield Question("free text, common", [_asked(LIST, store, days=7, q="customer")], TEXT_MS)


def _traces(store: Store) -> Iterator[Question]:
    for size, ids in store.by_size.items():
        if ids:
            yield Question(f"trace of {size:,} spans", [f"{LIST}/{one}" for one in ids])
    yield Question("span", [f"{LIST}/{trace}/spans/{span}" for trace, span in store.spans_of.items()])
    yield Question("session", [f"/api/v1/sessions/{quote(one)}" for one in store.sessions])
    yield Question("sessions, 24 h", [_asked("/api/v1/sessions", store, 1)])
    yield Question("sessions, 14 d", [_asked("/api/v1/sessions", store)])


def _sums(store: Store) -> Iterator[Question]:
    for group in ("none", "model", "service", "operation", "version"):
        yield Question(f"usage by {group}, 24 h", [_asked("/api/v1/usage", store, 1, group_by=group)])
        yield Question(f"usage by {group}, 14 d", [_asked("/api/v1/usage", store, group_by=group)])
    yield Question("usage by user, 14 d", [_asked("/api/v1/usage", store, group_by="user")], BY_USER_MS)
    yield Question("ledger, 24 h", [_asked("/api/v1/ledger", store, 1)])
    yield Question("ledger, 14 d", [_asked("/api/v1/ledger", store)])
    yield Question("versions, 14 d", [_asked("/api/v1/versions", store)])


def _pages(store: Store) -> Iterator[Question]:
    base = f"/p/{store.slug}"
    for name, days in (("24 h", 1.0), ("7 d", 7.0), ("14 d", 14.0)):
        yield Question(f"page: list, {name}", [_asked(f"{base}/traces", store, days)], page=True)
        yield Question(
            f"page: list, {name}, error", [_asked(f"{base}/traces", store, days, q="status:error")], page=True
        )
    by_cost = _asked(f"{base}/traces", store, 7, sort="-cost", q="model:gpt-4.1")
    yield Question("page: list, 7 d, by cost, model:", [by_cost], page=True)
    for size, ids in store.by_size.items():
        if ids:
            yield Question(f"page: trace of {size:,} spans", [f"{base}/traces/{one}" for one in ids], page=True)
    panels = [f"{base}/traces/{trace}?span={span}" for trace, span in store.spans_of.items()]
    yield Question("page: trace with a span", panels, page=True)
    yield Question("page: session", [f"{base}/sessions/{quote(one)}" for one in store.sessions], page=True)
    yield Question("page: sessions, 24 h", [_asked(f"{base}/sessions", store, 1)], page=True)
    yield Question("page: versions, 14 d", [_asked(f"{base}/versions", store)], page=True)
    yield Question("page: ingest, 24 h", [_asked(f"{base}/ingest", store, 1)], page=True)


def asked_in_turn(question: Question, calls: int = CALLS) -> list[str]:
    return list(islice(cycle(question.paths), calls))
