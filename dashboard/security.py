"""What every answer and every session must look like: headers, Content-Security-Policy, time limits, passwords."""

import secrets
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import login as django_login
from django.contrib.auth import logout as django_logout
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from tracestore.models.access import User
from tracestore.queries.access import active_user, find_user

GetResponse = Callable[[HttpRequest], HttpResponseBase]

ABSOLUTE_S = 12 * 3600  # a session ends this long after the sign-in
IDLE_S = 2 * 3600  # and this long after its last request
SEEN_EVERY_S = 60  # the last request is known to the minute: one small write a minute and session

POLICY = (
    "default-src 'none'; script-src 'self'{nonce}; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store, private",  # pages hold prompts; static files say otherwise themselves
}


class SecurityHeaders:
    """The outermost middleware, so that errors and refusals carry the headers too."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.csp_nonce = SimpleLazyObject(lambda: _new_nonce(request))  # type: ignore[attr-defined]
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["Content-Security-Policy"] = _policy(request)
        return response


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: {{ csp_nonce }}; the policy names it only where a template used it."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}


def _new_nonce(request: HttpRequest) -> str:
    nonce = secrets.token_urlsafe(18)
    request.csp_nonce_used = nonce  # type: ignore[attr-defined]
    return nonce


def _policy(request: HttpRequest) -> str:
    nonce = getattr(request, "csp_nonce_used", "")
    return POLICY.format(nonce=f" 'nonce-{nonce}'" if nonce else "")


class SessionLimits:
    """Ends sessions that are too old or were idle too long. Stands after AuthenticationMiddleware."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "_auth_user_id" in request.session:
            self._limit(request, time.time())
        return self.get_response(request)

    def _limit(self, request: HttpRequest, now_s: float) -> None:
        session = request.session
        since, seen = session.get("since", now_s), session.get("seen", 0)
        if now_s - since > ABSOLUTE_S or (seen and now_s - seen > IDLE_S):
            django_logout(request)
        elif now_s - seen > SEEN_EVERY_S:
            session["since"], session["seen"] = since, now_s


def begin_session(request: HttpRequest, user: User) -> None:
    """Sign in: a new session id, the clock of its limits, and a freshly given password."""
    django_login(request, user, backend="dashboard.security.PasswordBackend")
    request.session["since"] = request.session["seen"] = time.time()
    renew_proof(request)


def renew_proof(request: HttpRequest) -> None:
    """The password was given just now. The session gets a new id, since it may do more now."""
    request.session.cycle_key()
    request.session["proved"] = time.time()


def find_by_password(email: str, password: str) -> User | None:
    """The active user with this address and password. An unknown address costs the same hash as a known one."""
    user = find_user(email)
    if user is None:
        make_password(password)
        return None
    return user if user.check_password(password) and user.is_active else None


class PasswordBackend:
    """Django's name for where the user of a session comes from; passwords are checked by find_by_password."""

    def get_user(self, user_id: int) -> User | None:
        return active_user(user_id)
