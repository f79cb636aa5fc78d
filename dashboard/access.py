"""Who may call this view? Every view is marked by one decorator of this module; a view without a mark is not found.

    @project_page(role="editor", recent=True)   members of /p/<slug>/...; recent: POST needs a fresh password
    @user_page, @admin_page                     whoever is signed in; an administrator of the instance
    @public                                     everybody: sign-in and what leads to it
    @key_view("read")                           a bearer of an API key (plain views; the API itself uses KeyAuth)

Somebody who is not a member is told 404, as if there were no such project; a member whose role does not suffice, 403.
"""

import functools
import ipaddress
import logging
import time
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.utils import timezone
from ninja.errors import HttpError
from ninja.security.base import AuthBase

from dashboard.zones import zone_of
from tracestore.actions.access import Actor, note_key_used
from tracestore.analysis.keys import key_prefix, matches
from tracestore.models.access import User
from tracestore.queries.access import KeyRow, at_least, find_api_key, find_membership

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

log = logging.getLogger(__name__)
PROOF_LASTS_S = 15 * 60  # how long a password counts as freshly given
BAD_KEYS_A_MINUTE = 300  # from one address; a good key is never counted


def public(view: View[P]) -> View[P]:
    """Open to everybody. The list of these views is tested: tests/security/test_routes.py."""
    return _marked(view, "public")


def user_page(view: View[P]) -> View[P]:
    """For whoever is signed in. The view must not show or change anything of a project."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        with timezone.override(zone_of(request).info):
            return view(request, *args, **kwargs)

    return _marked(guarded, "user")


def admin_page(view: View[P]) -> View[P]:
    """For administrators of the instance; to others it does not exist."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        if not request.user.is_admin:
            raise Http404
        with timezone.override(zone_of(request).info):
            return view(request, *args, **kwargs)

    return _marked(guarded, "admin")


def project_page(role: str = "viewer", recent: bool = False) -> Callable[[Callable[..., HttpResponseBase]], View[...]]:
    """For members of the project in the address. Sets request.project and request.role; takes `slug` off the arguments.

    role: the least that is needed. recent: a change (POST) needs a password given in the last 15 minutes.
    The membership is read for every request, so a removed member is out at once.
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> View[...]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            _enter_project(request, slug, role)
            if recent and request.method == "POST" and not recently_proved(request):
                return to_confirmation(request)
            with timezone.override(zone_of(request).info):
                return view(request, *args, **kwargs)

        guarded.needs_role = role  # type: ignore[attr-defined]
        guarded.needs_proof = recent  # type: ignore[attr-defined]
        return _marked(guarded, "project")

    return decorate


def key_view(scope: str) -> Callable[[View[P]], View[P]]:
    """For a plain view that is read with an API key. Sets request.key."""

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                key = authenticate_key(request, scope)
            except HttpError as refusal:
                return JsonResponse({"detail": refusal.message}, status=refusal.status_code)
            if key is None:
                return JsonResponse({"detail": NO_KEY}, status=401, headers={"WWW-Authenticate": "Bearer"})
            request.key = key  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        return _marked(guarded, "key")

    return decorate


def _marked(view: Any, guard: str) -> Any:
    view.guard = guard
    return view


def _enter_project(request: HttpRequest, slug: str, role: str) -> None:
    found = find_membership(request.user.pk, slug)
    if found is None:
        raise Http404
    request.project, request.role = found  # type: ignore[attr-defined]
    if not at_least(request.role, role):  # type: ignore[attr-defined]
        raise PermissionDenied(f"This needs the role {role}. Ask an owner of the project.")


# ---- ways to the sign-in page


def to_sign_in(request: HttpRequest) -> HttpResponse:
    return _detour(request, "/sign-in")


def to_confirmation(request: HttpRequest) -> HttpResponse:
    return _detour(request, "/confirm")


def _detour(request: HttpRequest, path: str) -> HttpResponse:
    """To a page that comes back here. A fragment's request cannot come back: htmx is told to leave the page."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": path})
    back = request.get_full_path() if request.method in ("GET", "HEAD") else request.path
    return HttpResponseRedirect(f"{path}?{urlencode({'next': back})}")


def safe_next(path: str, default: str = "/") -> str:
    """Where to go after signing in: a path of ours, never another site (`//host`, `/\\host`, `https:...`)."""
    plain = path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else default


def recently_proved(request: HttpRequest) -> bool:
    """Whether the password was given in the last 15 minutes of this session."""
    return time.time() - request.session.get("proved", 0) < PROOF_LASTS_S


def actor(request: HttpRequest) -> Actor:
    """Who asks, for the audit log."""
    assert isinstance(request.user, User)
    return Actor(request.user.pk, request.user.email, client_address(request))


def client_address(request: HttpRequest) -> str:
    """The peer; behind a proxy of our own (FOURLINE_PUBLIC_URL is set, the peer is not public) what that proxy saw.

    Only the last entry of X-Forwarded-For is believed: a proxy appends to whatever the client sent.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    if not (settings.PUBLIC_URL and forwarded and _is_inside(peer)):
        return peer
    return forwarded if _is_address(forwarded) else peer


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_inside(peer: str) -> bool:
    return _is_address(peer) and not ipaddress.ip_address(peer).is_global


# ---- API keys

NO_KEY = "Send an API key: Authorization: Bearer fl_..."


class KeyAuth(AuthBase):
    """Authentication of the JSON API. Sets request.auth to the key's row; its project_id is the tenant.

    scope: "read" or "write"; "ingest" also lets a write key pass (feedback and releases).
    Cookies are never looked at, so no request can be forged from another site.
    """

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> KeyRow | None:
        return authenticate_key(request, self.scope)


def authenticate_key(request: HttpRequest, scope: str) -> KeyRow | None:
    """The key of this request; None when there is none or it is unknown, expired or revoked.

    Raises HttpError 403 when its scope does not suffice, 429 when an address keeps sending bad keys.
    """
    now = timezone.now()
    text = bearer(request.headers.get("Authorization", "")) or request.headers.get("X-Api-Key", "")
    prefix = key_prefix(text)
    key = find_api_key(prefix) if prefix else None
    if key is None or not matches(text, key.sha256) or not key.valid_at(now):
        if text and not BAD_KEYS.allow(client_address(request), now.timestamp()):
            raise HttpError(429, "Too many requests with a key that is not valid. Check the key, then wait a minute.")
        return None
    if not (key.allows(scope) or (scope == "ingest" and key.allows("write"))):
        raise HttpError(403, f"This key has the scope {key.scope}; this needs {scope}.")
    note_key_used(key.id, now)
    return key


def bearer(header: str) -> str:
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


class Meter:
    """How often something happened in this minute, by name, in this process. Forgets everything each minute."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.minute = 0
        self.counts: dict[str, int] = {}

    def allow(self, name: str, now_s: float) -> bool:
        minute = int(now_s // 60)
        if minute != self.minute or len(self.counts) > 10_000:
            self.minute, self.counts = minute, {}
        self.counts[name] = self.counts.get(name, 0) + 1
        return self.counts[name] <= self.limit


BAD_KEYS = Meter(BAD_KEYS_A_MINUTE)


# ---- deny by default


class DenyByDefault:
    """A view that no decorator of this module marked does not exist. Ninja's operations carry their auth instead."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any) -> None:
        if guard_of(view) is None and not is_guarded_operation(view):
            log.error("refused %s: its view carries no access decorator", request.resolver_match)
            raise Http404


def guard_of(view: Any) -> str | None:
    """public | user | admin | project | key, or None for a view that was not marked."""
    return getattr(view, "guard", None)


def is_guarded_operation(view: Any) -> bool:
    """Whether this is ninja's view of a path all of whose operations authenticate by key."""
    path_view = _path_view(view)
    operations = getattr(path_view, "operations", None)
    if not operations:
        return False
    return all(
        operation.auth_callbacks and all(isinstance(auth, KeyAuth) for auth in operation.auth_callbacks)
        for operation in operations
    )


def _path_view(view: Any) -> Any:
    """Ninja hands Django a closure over its PathView."""
    for cell in getattr(view, "__closure__", None) or ():
        if hasattr(cell.cell_contents, "operations"):
            return cell.cell_contents
    return None
