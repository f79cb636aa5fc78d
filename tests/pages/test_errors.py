"""An error page says what to do, and whether to come again."""

import psycopg
import pytest
from django import db
from django.test import RequestFactory

from dashboard.pages import errors
from tracestore.db import Unavailable


@pytest.mark.parametrize(
    "away", [db.OperationalError("x"), db.InterfaceError("x"), psycopg.OperationalError("x"), Unavailable("x")]
)
def test_a_database_that_is_away_is_503_with_retry_after(away: Exception) -> None:
    try:
        raise away
    except Exception:
        answer = errors.server_error(RequestFactory().get("/projects"))
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "database" in answer.content.decode()


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_table_that_is_held_for_a_while_is_no_database_that_is_away(wrapped: bool) -> None:
    try:
        try:
            raise psycopg.errors.LockNotAvailable("x")
        except psycopg.Error as held:
            if wrapped:
                raise db.OperationalError("x") from held
            raise
    except Exception:
        answer = errors.server_error(RequestFactory().get("/projects"))
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    text = answer.content.decode()
    assert "Maintenance" in text
    assert "Try again" in text
    assert "database" not in text


def test_any_other_error_is_ours() -> None:
    try:
        raise ValueError("a secret of our insides")
    except ValueError:
        answer = errors.server_error(RequestFactory().get("/projects"))
    assert answer.status_code == 500
    assert "secret" not in answer.content.decode()
