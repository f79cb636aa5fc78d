"""The public JSON API: every endpoint asks for a key, errors are {"detail": ...}."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Router

from dashboard.access import KeyAuth
from dashboard.api import alerts, evaluations, lines, numbers, releases, slos, traces
from dashboard.api.answers import HANDLERS, not_found, problem
from dashboard.api.queries import is_storable

View = Callable[..., Any]


def checked(view: View) -> View:
    """After the key, before the view: no NUL in the query string."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not is_storable(request):
            return problem(400, "A parameter holds a NUL byte; remove it.")
        return view(request, *args, **kwargs)

    return guarded


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def refuse_other_methods(router: Router) -> None:
    """Every path answers every method as JSON: ninja's own refusal is plain text."""
    for path, view in list(router.path_operations.items()):
        known = {method for operation in view.operations for method in operation.methods}
        others = [method for method in METHODS if method not in known]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # ninja misses the path's ids in the view, which needs none
            router.api_operation(others, path, auth=KeyAuth("read"), include_in_schema=False)(refused)


def refused(request: HttpRequest, **_ids: str) -> HttpResponse:
    return problem(405, f"{request.method} is not possible here.")


elsewhere = Router()


@elsewhere.api_operation(list(METHODS), "/{text:rest}", auth=KeyAuth("read"), include_in_schema=False)
def nothing_here(request: HttpRequest, rest: str) -> HttpResponse:
    return not_found()


api = NinjaAPI(title="Fourline", version="1", docs_url=None, openapi_url=None, urls_namespace="api")
for error, handler in HANDLERS.items():
    api.add_exception_handler(error, handler)
ROUTERS = (traces.router, numbers.router, lines.router, evaluations.router, releases.router, slos.router, alerts.router)
for router in ROUTERS:
    refuse_other_methods(router)
for router in (*ROUTERS, elsewhere):
    router.add_decorator(checked, mode="operation")
    api.add_router("", router)
