"""The index of texts says what a naive reading of all stored texts says, however spans arrive, repeat and go."""

import itertools
import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.auth import ProjectContext
from ingest.receive import receive
from ingest.redact import Redactor
from tests import captures
from tests.builders import NOW, NOW_NS, SECOND, span, trace_id
from tests.conftest import Database
from tests.search.naive import stored_texts
from tests.store.test_other import log
from tests.store.test_settle import Dying, changed, settle, write
from tests.world import World, make_world
from tracestore import db, writer
from tracestore.actions.access import Actor
from tracestore.actions.traces import delete_trace
from tracestore.analysis.filters import parse
from tracestore.analysis.pricing import PriceBook
from tracestore.analysis.texts import MAX_TEXT
from tracestore.analysis.words import holds, wanted, words
from tracestore.jobs import rebuild, search, traces
from tracestore.queries.search_lag import cut_traces, index_lag, index_waiting
from tracestore.queries.trace_list import find_traces
from tracestore.records import Batch, Event, Span

DAY = 86_400
LATER = NOW + timedelta(minutes=5)
EVER = (NOW_NS - 29 * DAY * SECOND, NOW_NS + DAY * SECOND)
VOCABULARY = (
    "refund order ORD-123 bob@example.org snake_case 東京都 Straße cancel flight the user text it's 4711".split()
)


def index(now: datetime = LATER) -> search.Summary:
    return search.run(now)


def indexed(project: int = 1) -> dict[str, set[str]]:
    query = "SELECT encode(uuid_send(trace_id), 'hex'), tsvector_to_array(words) FROM trace_text WHERE project = %s"
    with db.JOBS.connection() as connection:
        rows = connection.execute(query, [project]).fetchall()
    assert len(rows) == len(dict(rows)), "one row a trace"
    return {trace: set(found) for trace, found in rows}


def naive(project: int = 1) -> dict[str, set[str]]:
    return {trace: set().union(*map(words, texts)) for trace, texts in stored_texts(project).items()}


def found(q: str, project: int = 1, **more: Any) -> set[str]:
    page = find_traces(project, *EVER, now_ns=NOW_NS, filter=parse(q), limit=200, **more)
    return {row.trace_id for row in page.items}


# --- what is searched -----------------------------------------------------------------------------------------------------


def said(r: random.Random, size: int) -> str:
    return " ".join(r.choices(VOCABULARY, k=size))


def attributes(r: random.Random, system: str) -> dict[str, Any]:
    """Messages as emitters send them: long and short text, JSON, flat families, nested values, arguments within JSON."""
    message = {
        "role": r.choice(["user", "assistant"]),
        "parts": [{"type": "text", "content": said(r, r.choice([3, 90]))}],
    }
    call = {"role": "tool", "arguments": json.dumps({"order": "ORD-123", "amount": 12.50, "note": said(r, 4)})}
    family = f"llm.input_messages.{r.randrange(3)}.message"
    choices: list[dict[str, Any]] = [
        {"gen_ai.system_instructions": system},
        {"gen_ai.input.messages": json.dumps([{"role": "system", "parts": [{"content": system}]}, message, call])},
        {f"{family}.role": "user", f"{family}.content": said(r, r.choice([3, 90]))},
        {"nested": {"list": [message, call, 7, True, None], "text": said(r, 200)}},
        {"tool.arguments": json.dumps(call), "odd": '{"half": ', "tokens": 815},
    ]
    return {key: value for one in r.sample(choices, r.randrange(1, 4)) for key, value in one.items()}


def history(r: random.Random) -> list[Span]:
    systems = ["You are " + said(r, 80), "Be brief. " + said(r, 80)]
    spans = []
    for number in range(r.randrange(1, 5)):
        root = span(
            trace_id(number + 1), at=-r.choice([0, 5, 3 * DAY]), name=said(r, 2), attributes=attributes(r, systems[0])
        )
        spans.append(root)
        for _ in range(r.randrange(4)):
            event = Event("exception", NOW_NS, {"exception.message": said(r, 3), "n": 5}, 0)
            fields: dict[str, Any] = {"events": [event]} if r.random() < 0.5 else {}
            spans.append(
                span(
                    trace_id(number + 1),
                    root,
                    at=-r.choice([0, 1, DAY]),
                    attributes=attributes(r, r.choice(systems)),
                    **fields,
                )
            )
    for one in r.sample(spans, len(spans) // 2):  # earlier records, some under another day
        raw = {"end_ns": one.raw.end_ns - 1, "start_ns": one.raw.start_ns - r.choice([0, DAY * SECOND])}
        spans.append(changed(one, raw | {"attributes": {"before": said(r, 2) + " half-done"}}))
    r.shuffle(spans)
    return spans


def write_logs(r: random.Random, project: int) -> None:
    """Messages as log records, of traces that have spans or not yet; one names no span."""
    ids = {
        "trace_id": bytes.fromhex(trace_id(r.randrange(1, 5))),
        "span_id": 7,
        "time_ns": NOW_NS - r.choice([0, 5]) * SECOND,
    }
    said_ = {"content": said(r, r.choice([2, 60])), "role": "user"}
    logs = [log(said_, event_name="gen_ai.user.message", **ids), log("of no span", trace_id=ids["trace_id"])]
    writer.write(Batch(project, "logs", NOW_NS, len(logs), logs=logs))


def erase(number: int, project: int) -> None:
    delete_trace(project, trace_id(number), datetime.now(UTC), Actor(None, "key fl_test"))


_projects = itertools.count(10)  # a repeated example begins anew
slow = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.timeout(240)
@slow
@given(seed=st.integers(0, 10**9))
def test_the_index_holds_the_words_of_all_that_is_stored(database: Database, seed: int) -> None:
    """Late and repeated spans, erasing, rebuilding, settling and indexing in any order."""
    r, project = random.Random(seed), next(_projects)
    spans = history(r)
    steps = [lambda: settle(), lambda: index(), lambda: erase(1, project), lambda: rebuild.run(NOW, project)]
    while spans:
        size = r.randrange(1, 6)
        batch, spans = spans[:size], spans[size:]
        write(batch + r.sample(batch, 1), project)
        if r.random() < 0.5:
            write_logs(r, project)
        r.choices(steps, weights=[4, 4, 1, 1])[0]()
    settle(120)
    index()
    held, right = indexed(project), naive(project)
    assert {
        trace: held.get(trace, set()) ^ right.get(trace, set())
        for trace in held | right
        if held.get(trace) != right.get(trace)
    } == {}
    texts = stored_texts(project)
    for _ in range(8):
        q = r.choice([f'"{said(r, r.randrange(1, 4))}"', f"{r.choice(VOCABULARY)[:3]}*", '"You are"', '"ORD-123 note"'])
        sought = wanted(q.strip('"*'), q.endswith("*"))
        expected = {trace for trace, of in texts.items() if any(holds(text, sought) for text in of)}
        assert found(q, project) == expected, q
        assert found(f"-{q}", project, sort="-duration") == texts.keys() - expected, q


def test_two_indexers_at_once_index_as_one(database: Database) -> None:
    for seed in range(3):
        write(history(random.Random(seed)), seed)
    settle(120)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: index(), range(4)))
    for seed in range(3):
        assert indexed(seed) == naive(seed)
    assert index_waiting(None).traces == 0


def test_an_indexer_killed_at_any_statement_changes_nothing(database: Database) -> None:
    write(history(random.Random(5)))
    settle(120)
    waiting, survived, Dying.at = index_waiting(1).traces, False, 0
    while not survived:
        Dying.at, Dying.number = Dying.at + 1, 0
        with db.connect(10_000) as connection:
            connection.cursor_factory = Dying
            try:
                search.index_some(connection, 1, NOW_NS + 10**12)
                survived = True
            except db.psycopg.OperationalError:
                assert (indexed(), index_waiting(1).traces) == ({}, waiting)
    assert indexed() == naive()


def test_what_is_erased_while_it_is_indexed_is_not_found(database: Database) -> None:
    """An eraser waits for the batch that has read the texts, and then removes what that batch wrote."""
    write([span(trace_id(n), attributes={"a": f"secret{n}"}) for n in range(1, 30)])
    settle(120)
    with ThreadPoolExecutor(2) as pool:
        erased = [pool.submit(erase, n, 1) for n in range(1, 20)]
        indexing = [pool.submit(index) for _ in range(3)]
        for future in [*erased, *indexing]:
            future.result()
    index()
    assert indexed().keys() == {trace_id(n) for n in range(20, 30)}


def test_a_damaged_body_keeps_nothing_else_from_being_found(database: Database) -> None:
    write([span(trace_id(1), name="broken", attributes={"a": ["lost"]}), span(trace_id(2), attributes={"a": "here"})])
    settle()
    with db.JOBS.connection() as connection:
        connection.execute("UPDATE span_payload SET body = '\\x01aa' WHERE trace_id = %s", [trace_id(1)])
    index()
    assert (found("broken"), found("lost"), found("here")) == ({trace_id(1)}, set(), {trace_id(2)})


def test_a_day_without_an_index_loses_its_marks_and_nothing_else(database: Database) -> None:
    """Retention may drop the texts of a day before its spans."""
    write([span(trace_id(1), at=-5 * DAY, attributes={"a": "gone"}), span(trace_id(2), attributes={"a": "here"})])
    settle(120)
    index()
    with db.JOBS.connection() as connection:
        connection.execute(f"DROP TABLE trace_text_{NOW - timedelta(days=5):%Y%m%d}")
    search.refill(NOW)
    assert indexed().keys() == {trace_id(2)}
    assert found("gone") == set()
    assert index_waiting(1).traces == 0


def test_messages_that_come_as_logs_are_found_even_late(database: Database) -> None:
    write([span(trace_id(1), at=-DAY)])
    settle()
    index()
    ids = {"trace_id": bytes.fromhex(trace_id(1)), "span_id": 1, "time_ns": NOW_NS - DAY * SECOND}
    said_ = [log({"content": "a late Answer"}, **ids), log("elsewhere", **ids | {"trace_id": bytes(15) + b"9"})]
    writer.write(Batch(1, "logs", NOW_NS, 2, logs=said_))
    assert index_waiting(1).traces == 2
    index()
    assert found('"late answer"') == {trace_id(1)}
    assert index_waiting(1).traces == 0


@pytest.mark.timeout(240)
def test_what_real_emitters_said_is_found(world: World) -> None:
    """Every recorded export, indexed, against a naive reading."""
    project = world.ours.project.pk
    context = ProjectContext(project, None, Redactor.from_rules([]), PriceBook.for_project([]))
    now = datetime.now(UTC)
    for body in [
        body for name in captures.NAMES if name != captures.BROKEN_ON_PURPOSE for body in captures.bodies(name)
    ]:
        receive(body.signal, context, body.plain, body.content_type, int(now.timestamp() * 1e9))
    traces.run(now)
    search.refill(now, project)
    held = indexed(project)
    assert held == naive(project)
    assert len(held) > 50
    assert sum("weather" in words_ for words_ in held.values()) > 10


# --- when -----------------------------------------------------------------------------------------------------------------


def test_a_trace_is_indexed_when_it_is_quiet_or_has_waited_long(database: Database) -> None:
    write([span(trace_id(1), name="first")])
    settle()
    assert index(NOW + timedelta(seconds=2)).traces == 0
    for second in range(3, 14, 2):
        write([span(trace_id(1), name=f"more{second}")])
        settle(second)
        assert index(NOW + timedelta(seconds=second)).traces == 0
    assert index(NOW + timedelta(seconds=15)) == search.Summary(1, 1, left=False)
    assert found("more13") == {trace_id(1)}


def test_what_has_not_changed_is_not_indexed_again(database: Database) -> None:
    write([span(trace_id(n)) for n in range(1, 4)])
    settle()
    assert index().indexed == 3
    rebuild.run(NOW)
    write([span(trace_id(1), name="new")])
    settle()
    assert index() == search.Summary(3, 1, left=False)


def test_the_indexer_rests_while_settling_is_behind(database: Database) -> None:
    write([span(trace_id(1))])
    with db.JOBS.connection() as connection:
        assert search.rest_s(connection, 1, NOW_NS + 10 * SECOND, 0.2) == pytest.approx(1.8)
        assert search.rest_s(connection, 1, NOW_NS + 10 * SECOND, 60) == 5.0
        assert search.rest_s(connection, 2, NOW_NS, 0.2) <= 0.8


def test_projects_take_turns(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with much to index does not keep the others waiting."""
    monkeypatch.setattr(search, "MARKS_AT_ONCE", 2)
    for project in (1, 2):
        write([span(trace_id(n)) for n in range(1, 6)], project)
    settle()
    taken: list[int] = []
    real = search.index_some
    monkeypatch.setattr(search, "index_some", lambda *args: (taken.append(args[1]), real(*args))[1])
    assert index() == search.Summary(10, 10, left=False)
    assert taken == [1, 2, 1, 2, 1, 2]


def test_the_lag_names_the_traces_of_the_range_only(database: Database) -> None:
    write([span(trace_id(1), at=-2 * DAY), span(trace_id(2)), span(trace_id(3))])
    settle(1)
    write([span(trace_id(3))])
    settle(2)
    lag = index_lag(1, NOW_NS - SECOND, NOW_NS + DAY)
    assert (lag.traces, lag.oldest_ns, lag.more) == (2, NOW_NS + SECOND, False)
    assert index_lag(2, *EVER).traces == 0
    index()
    assert index_lag(1, *EVER).traces == 0


def test_long_texts_are_cut_and_it_is_told(database: Database) -> None:
    write([span(trace_id(1), attributes={"a": "begin " + "x " * MAX_TEXT + "finish"}), span(trace_id(2))])
    many = " ".join(f"w{n}" for n in range(12_000))
    write([span(trace_id(3), attributes={f"a{k}": many.replace("w", "abcdefgh"[k]) for k in range(3)})])
    settle(120)
    index()
    assert (found("begin"), found("finish")) == ({trace_id(1)}, set())
    assert cut_traces(1, *EVER) == 2


def page_through(q: str, sort: str, limit: int) -> list[str]:
    ids: list[str] = []
    cursor = None
    while True:
        page = find_traces(1, *EVER, now_ns=NOW_NS, filter=parse(q), limit=limit, sort=sort, cursor=cursor)
        ids += [row.trace_id for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


@pytest.mark.parametrize("q", ["blue", '"blue moon"', "-green", '-"moon blue"', "(blue OR green)"])
@pytest.mark.parametrize("sort", ["-start", "start", "-duration"])
def test_pages_of_a_search_follow_each_other(word_store: None, q: str, sort: str) -> None:
    """Across days, in order, each trace once."""
    ids = page_through(q, sort, 4)
    whole = find_traces(1, *EVER, now_ns=NOW_NS, filter=parse(q), limit=100, sort=sort)
    assert ids == [row.trace_id for row in whole.items]
    assert len(ids) == len(set(ids)) > 8
    spans: Sequence[int] = [row.start_ns if "start" in sort else row.duration_ns for row in whole.items]
    assert list(spans) == sorted(spans, reverse=sort.startswith("-"))


def test_looking_a_phrase_up_stops_and_goes_on(word_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may be short, and says so; nothing is left out."""
    from tracestore.queries import search as questions

    monkeypatch.setattr(questions, "LOOKED_UP_AT_ONCE", 5)
    whole = page_through('"blue moon"', "-start", 100)
    monkeypatch.setattr(questions, "LOOK_UP_S", 0.0)
    page = find_traces(1, *EVER, now_ns=NOW_NS, filter=parse('"blue moon"'), limit=100)
    assert page.stopped
    assert len(page.items) <= 5
    assert page_through('"blue moon"', "-start", 100) == whole


@pytest.fixture
def world(database: Database) -> World:
    return make_world()


@pytest.fixture
def word_store(database: Database) -> None:
    """40 traces over 20 days: most hold blue and moon, half of those one after the other."""
    texts = ["blue moon", "moon and blue", "blue moon green", "green"]
    write(
        [
            span(trace_id(n + 1), at=-DAY * (n // 2) - n, seconds=n % 7, attributes={"a": texts[n % 4]})
            for n in range(40)
        ]
    )
    settle(120)
    index()
