"""A real SMTP server that behaves as it is told."""

import asyncio
import email
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller

ANSWERS = {"4xx": "451 try later", "5xx": "554 no"}


@dataclass
class MailServer:
    """mode: ok, 4xx, 5xx, unknown (address), hang, drop (the connection once the mail is taken). taken: (to, raw mail)."""

    port: int = 0
    mode: str = "ok"
    taken: list[tuple[list[str], bytes]] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=default) for _, raw in self.taken]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.mode == "unknown":
            return "550 no such address"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.mode == "hang":
            await asyncio.sleep(30)
        if self.mode in ANSWERS:
            return ANSWERS[self.mode]
        self.taken.append((list(envelope.rcpt_tos), bytes(envelope.content)))
        if self.mode == "drop":
            server.transport.abort()
        return "250 OK"


@contextmanager
def serve_mail(settings: Any) -> Iterator[MailServer]:
    """The server, and settings that lead there."""
    handler = MailServer()
    controller = Controller(handler, hostname="127.0.0.1", port=_free_port())
    controller.start()
    handler.port = controller.port
    settings.EMAIL_URL = f"smtp://127.0.0.1:{handler.port}"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", handler.port
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    try:
        yield handler
    finally:
        controller.stop(no_assert=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
