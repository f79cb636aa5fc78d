"""What does a person read when something went wrong, and what can they do?

These pages ask nothing of the database: it may be what went wrong.
"""

import sys
from dataclasses import dataclass

import psycopg
from django import db
from django.http import HttpRequest, HttpResponse
from django.template import loader
from psycopg.errors import LockNotAvailable

from tracestore.db import Unavailable

NOT_FOUND = (
    "The address may be wrong, the data may have been deleted or be older than the retention, "
    "or it may belong to a project that you are not a member of."
)
SERVER_ERROR = (
    "It is our error, and it is in the log of the server. Data that was acknowledged is safe. "
    "Try again in a moment; if it stays, run: python manage.py doctor"
)
NO_DATABASE = (
    "The database does not answer at the moment. Nothing that was acknowledged is lost, and senders are told to try again. "
    "Reload this page in a few seconds; if it stays, run: python manage.py doctor"
)
LOCKED = (
    "Maintenance, such as the removal of old days or of a user, holds a table that this page reads. Nothing is lost. "
    "Reload this page in a few seconds."
)
AWAY = (db.OperationalError, db.InterfaceError, psycopg.OperationalError, psycopg.InterfaceError, Unavailable)
RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class ErrorPage:
    code: int
    title: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class PlainFrame:
    theme: str


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, ErrorPage(400, "This request cannot be read", "Go back and try again from the page itself."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """exception: PermissionDenied, whose text says which role is needed."""
    reason = str(exception) if exception and str(exception) else "Your role does not allow this."
    return answer(request, ErrorPage(403, "Not allowed", reason))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = "The form was open for too long, or cookies are switched off. Go back, reload the page and send it again."
    return answer(request, ErrorPage(403, "This form has expired", text))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Also for what belongs to projects of others: whether it exists is not told."""
    return answer(request, ErrorPage(404, "There is nothing here", NOT_FOUND))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls it while it looks at the exception."""
    error = sys.exc_info()[1]
    if isinstance(error, LockNotAvailable) or isinstance(getattr(error, "__cause__", None), LockNotAvailable):
        return come_again(request, ErrorPage(503, "Just a moment", LOCKED))
    if isinstance(error, AWAY):
        return no_database(request)
    return answer(request, ErrorPage(500, "Something went wrong", SERVER_ERROR))


def no_database(request: HttpRequest) -> HttpResponse:
    return come_again(request, ErrorPage(503, "The database is away", NO_DATABASE))


def come_again(request: HttpRequest, page: ErrorPage) -> HttpResponse:
    response = answer(request, page)
    response["Retry-After"] = str(RETRY_AFTER_S)
    response._has_been_logged = True  # type: ignore[attr-defined]  # an outage would fill the log with tracebacks
    return response


def answer(request: HttpRequest, page: ErrorPage) -> HttpResponse:
    theme = request.COOKIES.get("theme", "")
    frame = PlainFrame(theme if theme in ("dark", "light") else "")
    return HttpResponse(loader.render_to_string("errors/page.html", {"page": page, "frame": frame}), status=page.code)
