"""Who answers a request? OTLP paths go to ingest, everything else to Django; on the OTLP port nothing else is served."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django = get_asgi_application()

from django.conf import settings  # noqa: E402  settings are ready now

from ingest.otlp_http import OTLP_PATHS  # noqa: E402
from ingest.otlp_http import app as otlp  # noqa: E402

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 4 * 1024 * 1024  # of a form or an API call
ALSO_ON_OTLP_PORT = ("/healthz",)


class BodyTooLarge(Exception):
    """A body passed MAX_BODY_BYTES while it came in, whatever its Content-Length said."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    path = scope["raw_path"].decode("ascii", "replace").removesuffix("/")  # %2F is no slash
    if path in OTLP_PATHS:
        await otlp(scope, receive, send)
    elif _on_otlp_port(scope) and path not in ALSO_ON_OTLP_PORT:
        await _answer(send, 404, b"OTLP only: POST /v1/traces, /v1/logs or /v1/metrics\n")
    else:
        await _pages(scope, receive, send)


async def _pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Django, with a cap on bodies: it would write a chunked one of any size to the disk first."""
    received = 0
    started = False

    async def counted() -> MutableMapping[str, Any]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise BodyTooLarge
        return message

    async def watched(message: MutableMapping[str, Any]) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        await django(scope, counted, watched)
    except BodyTooLarge:
        if not started:
            await _answer(send, 413, b"the body is larger than 4 MiB\n")


def _on_otlp_port(scope: Scope) -> bool:
    server = scope.get("server")
    return server is not None and server[1] == settings.OTLP_PORT and settings.OTLP_PORT != settings.PORT


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
