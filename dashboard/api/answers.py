"""How does the API answer: JSON bodies, and errors as {"detail": what is wrong and what to do}?"""

import logging
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg
from django import db
from django.http import Http404, HttpRequest, HttpResponse
from ninja.errors import AuthenticationError, HttpError, ValidationError

from dashboard.params import BadParam
from tracestore.analysis.filters import FilterTooWide
from tracestore.db import Unavailable

log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder(enc_hook=str)

NOT_FOUND = "There is no such thing in this project."
NO_KEY = "Send a valid API key: Authorization: Bearer KEY."
TOO_SLOW = "This took too long and was stopped: narrow the time range or the filter."
NO_DATABASE = "The database does not answer; try again in a few seconds."


def answer(body: Any, status: int = 200) -> HttpResponse:
    """bytes become base64; NaN and infinities null; integers stay exact."""
    response = HttpResponse(_encoder.encode(body), content_type="application/json", status=status)
    response["Cache-Control"] = "no-store, private"
    return response


def problem(status: int, detail: str) -> HttpResponse:
    response = answer({"detail": detail}, status)
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Fourline"'
    if status == 503:
        response["Retry-After"] = "5"
    return response


def not_found() -> HttpResponse:
    """The same bytes for what never was and for what belongs to another project."""
    return problem(404, NOT_FOUND)


def _no_database(request: HttpRequest, error: Exception) -> HttpResponse:
    """The answer is the same for all of them; why stands in the log alone, since it names hosts and relations."""
    log.warning("no database for %s: %s: %s", request.path, type(error).__name__, error)
    return problem(503, NO_DATABASE)


Handler = Callable[[HttpRequest, Any], HttpResponse]

HANDLERS: dict[type[Exception], Handler] = {
    BadParam: lambda _request, error: problem(400, error.detail),
    ValidationError: lambda _request, error: problem(400, _sentence(error.errors)),
    AuthenticationError: lambda _request, _error: problem(401, NO_KEY),
    HttpError: lambda _request, error: problem(error.status_code, str(error)),
    Http404: lambda _request, _error: not_found(),
    FilterTooWide: lambda _request, error: problem(400, f"q: {error}."),
    psycopg.errors.QueryCanceled: lambda _request, _error: problem(400, TOO_SLOW),
    psycopg.OperationalError: _no_database,
    Unavailable: _no_database,
    db.OperationalError: _no_database,
    db.InterfaceError: _no_database,
}


def _sentence(errors: list[dict[str, Any]]) -> str:
    """What ninja found wrong with the parameters, as one line."""
    return " ".join(f"{error['loc'][-1]}: {error['msg'].rstrip('.')}." for error in errors)
