"""What does a page say when its question cannot be answered: a cursor of another list, or one that takes too long?"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg.errors
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from dashboard.links import with_query
from dashboard.listing import Listing
from tracestore.analysis.filters import FilterTooWide, Node
from tracestore.queries.cursors import CursorError

Answer = TypeVar("Answer")
View = Callable[..., HttpResponse]


def answered(view: View) -> View:
    """Put it below the access decorator. An old cursor leads to the first page; what takes too long says what to narrow."""

    @functools.wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except CursorError:
            return HttpResponseRedirect(with_query(request.path, request.GET, cursor=None))
        except FilterTooWide as wide:
            narrower = with_query(request.path, request.GET, range="7d", from_=None, to=None, cursor=None)
            return render(request, "errors/wide.html", {"reason": f"{wide}.", "narrower_href": narrower}, status=400)
        except psycopg.errors.QueryCanceled:
            narrower = with_query(request.path, request.GET, range="1h", from_=None, to=None, cursor=None)
            return render(request, "errors/slow.html", {"narrower_href": narrower}, status=503)

    return asked


def with_filter(listing: Listing, ask: Callable[[Node | None], Answer]) -> Answer:
    """What is asked under the filter of the address; without one, and saying so, where it would read too many rows."""
    try:
        return ask(listing.filter)
    except FilterTooWide as wide:
        listing.errors.append(f"{str(wide).rstrip('.')}. Nothing was filtered.")
        return ask(None)
