"""Where do the demo's mails go? To a mail server of its own that sends nothing on: each mail becomes a file to open and read."""

import asyncio
import logging
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

SENDER = "fourline@localhost"
MOST_KEPT = 500
SUBJECT_CHARS = 60


def address_of(listening: socket.socket) -> str:
    """As FOURLINE_EMAIL_URL says it."""
    host, port = listening.getsockname()[:2]
    return f"smtp://{host}:{port}?from={SENDER}"


def keep(folder: Path, raw: bytes, now: datetime) -> Path:
    """Write a mail as a file of its own, whole or not at all; the oldest beyond MOST_KEPT go."""
    folder.mkdir(mode=0o700, exist_ok=True)
    place = folder / file_name(raw, now)
    draft = place.with_suffix(".draft")
    draft.write_bytes(raw)
    draft.replace(place)
    for old in sorted(folder.glob("*.eml"))[:-MOST_KEPT]:
        old.unlink(missing_ok=True)
    return place


def file_name(raw: bytes, now: datetime) -> str:
    """By time and subject, of which only letters and digits are believed: a subject is text of whoever sent it."""
    subject = str(message_from_bytes(raw, policy=policy.default).get("Subject", ""))
    words = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:SUBJECT_CHARS].rstrip("-")
    return f"{now:%Y-%m-%dT%H-%M-%S.%f}-{words or 'mail'}.eml"


class Keeper:
    """What aiosmtpd asks of a handler."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self.folder, self.clock = folder, clock

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        place = keep(self.folder, envelope.original_content, self.clock())
        log.info("a mail: %s", place)
        return "250 kept"


def serve(listening: socket.socket, folder: Path) -> None:
    """Take mails from a socket that listens already, for ever."""
    asyncio.run(_serve(listening, folder))


async def _serve(listening: socket.socket, folder: Path) -> None:
    from aiosmtpd.smtp import SMTP

    logging.getLogger("mail.log").setLevel(logging.WARNING)  # each line of each dialogue
    keeper, loop = Keeper(folder, lambda: datetime.now(UTC)), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(keeper, hostname="localhost", loop=loop), sock=listening)
    await server.serve_forever()
