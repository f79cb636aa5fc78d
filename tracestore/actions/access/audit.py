"""The audit log is written here and nowhere else: one entry for one change, in the change's own transaction."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tracestore.models.access import AuditEntry


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change. name: an e-mail address, `key fl_<prefix>` or `command line`. address: the client's IP."""

    user_id: int | None
    name: str
    address: str = ""


COMMAND_LINE = Actor(None, "command line")


def mask(user_id: str) -> str:
    """What stands for an erased user here, where entries cannot be deleted."""
    return f"user sha256:{sha256(user_id.encode()).hexdigest()[:16]}"


class Refused(Exception):
    """The change makes no sense or is not allowed; the text tells the person what to do."""


def record(now: datetime, actor: Actor, project_id: int | None, action: str, target: str = "", **detail: Any) -> None:
    """Append to the audit log. target and detail never hold a secret."""
    AuditEntry.objects.create(
        at=now,
        project_id=project_id,
        user_id=actor.user_id,
        actor=actor.name[:254],
        action=action,
        target=target[:254],
        detail=detail,
        address=actor.address[:64],
    )


ENTRY = """
INSERT INTO audit_entry (at, project_id, user_id, actor, action, target, detail, address)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


def record_on(
    connection: psycopg.Connection,
    now: datetime,
    actor: Actor,
    project_id: int,
    action: str,
    target: str,
    **detail: Any,
) -> None:
    """record() within the transaction of a connection to the signals."""
    who = (actor.user_id, actor.name[:254])
    connection.execute(ENTRY, [now, project_id, *who, action, target[:254], Jsonb(detail), actor.address[:64]])
