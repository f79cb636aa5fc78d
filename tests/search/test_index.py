"""The index of texts says what a naive reading of all stored texts says, however spans arrive, repeat and go."""

from datetime import timedelta

from tests.builders import NOW, span, trace_id
from tests.conftest import Database
from tests.store.test_settle import settle, write
from tracestore import db
from tracestore.jobs import search


def index(at: float = 60) -> search.Summary:
    return search.run(NOW + timedelta(seconds=at))


def words(number: int = 1) -> set[str]:
    with db.JOBS.connection() as connection:
        found = connection.execute(
            "SELECT tsvector_to_array(words) FROM trace_text WHERE trace_id = %s", [trace_id(number)]
        ).fetchall()
    assert len(found) == 1
    return set(found[0][0])


def test_messages_arguments_and_names_are_words(database: Database) -> None:
    long = "a very long Prompt " * 100
    write(
        [
            span(
                trace_id(1),
                name="book flight",
                attributes={"gen_ai.prompt": long, "n": 4711, "args": '{"order": "ORD-123"}'},
            )
        ]
    )
    settle()
    assert index() == search.Summary(1, 1, left=False)
    assert words() >= {"book", "flight", "very", "prompt", "4711", "ord-123", "ord", "123"}
    assert "order" not in words()
