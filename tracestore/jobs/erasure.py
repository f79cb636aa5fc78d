"""Erases the users that somebody asked to erase, one after the other."""

from dataclasses import dataclass
from datetime import datetime

from tracestore import db
from tracestore.actions.access.audit import Actor
from tracestore.actions.traces import erase_user

NEXT = "SELECT id, project, user_id, actor FROM erasure_request ORDER BY id LIMIT 1"


@dataclass(frozen=True, slots=True)
class Summary:
    users: int


def run(now: datetime) -> Summary:
    """At most one a run: the lane has other work. What was stopped in the middle is done again from the beginning."""
    with db.JOBS.connection() as connection:
        asked = connection.execute(NEXT).fetchone()
    if asked is None:
        return Summary(0)
    request_id, project_id, user_id, actor = asked
    erase_user(project_id, user_id, now, Actor(None, actor))
    with db.JOBS.connection() as connection:
        connection.execute("DELETE FROM erasure_request WHERE id = %s", [request_id])
    return Summary(1)
