"""A database that says nothing: whoever waits for it is let go."""

import psycopg
import pytest

from tests.conftest import Database
from tracestore import db


def test_the_control_plane_gives_up_and_throws_the_connection_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "ANSWER_S", 0.2)
    with db.Impatient.connect(**db.conninfo()) as connection:
        with pytest.raises(psycopg.OperationalError, match="does not answer"):
            connection.execute("SELECT pg_sleep(5)")
        assert connection.closed


def test_a_statement_has_a_shorter_deadline_than_the_block_it_stands_in(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "GRACE_S", -0.6)  # so the watchdog comes before the server's own timeout
    with pytest.raises(psycopg.OperationalError) as cut:
        db.fetch("SELECT pg_sleep(5)", None, tuple, timeout_ms=1_000)
    assert not isinstance(cut.value, psycopg.errors.QueryCanceled)
