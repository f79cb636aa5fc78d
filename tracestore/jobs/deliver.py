"""Send what stands in the outbox: one thread a channel, so that a channel that hangs holds no other.

A thread that is not done when the run ends goes on behind it; its claims keep others away from what it sends.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from django.db import DatabaseError, connection

from tracestore.actions import outbox
from tracestore.analysis.slo.notice import Notice, unpacked
from tracestore.channels import email, slack, webhook
from tracestore.channels.envelope import ChannelError, Envelope, Thread
from tracestore.db import Unavailable
from tracestore.failpoints import reach
from tracestore.models.alerts import Delivery
from tracestore.models.slo import Objective

log = logging.getLogger(__name__)

MOST_THREADS = 16
RUN_S = 4.0  # the lane has other work, and the next run comes in a second more
DRAIN_S = 30.0  # of one channel at a time
SENDERS: dict[str, Callable[[Envelope], None]] = {
    "email": email.deliver,
    "webhook": webhook.deliver,
    "slack": slack.deliver,
}
Clock = Callable[[], datetime]

_busy: dict[int, threading.Thread] = {}  # channel -> whoever sends for it, in this process


@dataclass(frozen=True, slots=True)
class Summary:
    """channels: that had something due. running: those that were not done with it in time."""

    channels: int
    running: int


def run(now: datetime) -> Summary:
    stop_at = time.monotonic() + RUN_S
    clock = _clock(now)
    _forget_finished()
    due = [channel_id for channel_id in outbox.due_channels(now) if channel_id not in _busy]
    for channel_id in due:
        if not _has_room(stop_at):
            break
        _start(channel_id, clock)
    for thread in list(_busy.values()):
        thread.join(max(0.0, stop_at - time.monotonic()))
    _forget_finished()
    return Summary(len(due), len(_busy))


def _clock(now: datetime) -> Clock:
    """`now` and what has passed since."""
    started = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - started)


def _forget_finished() -> None:
    for channel_id in [channel_id for channel_id, thread in _busy.items() if not thread.is_alive()]:
        del _busy[channel_id]


def _has_room(stop_at: float) -> bool:
    while len(_busy) >= MOST_THREADS and time.monotonic() < stop_at:
        time.sleep(0.02)
        _forget_finished()
    return len(_busy) < MOST_THREADS


def _start(channel_id: int, clock: Clock) -> None:
    thread = threading.Thread(target=_drain, args=(channel_id, clock), name=f"deliver-{channel_id}", daemon=True)
    _busy[channel_id] = thread
    thread.start()


def _drain(channel_id: int, clock: Clock) -> None:
    """Everything that is due for one channel, one after the other."""
    stop_at = time.monotonic() + DRAIN_S
    try:
        while time.monotonic() < stop_at and (row := outbox.claim(channel_id, clock())) is not None:
            _attempt(row, clock)
    except (DatabaseError, Unavailable) as error:
        log.warning("channel %s waits for the database: %s", channel_id, type(error).__name__)
    finally:
        connection.close()


def _attempt(row: Delivery, clock: Clock) -> None:
    """No transaction is open while it is sent."""
    try:
        SENDERS[row.channel.kind](_envelope(row, clock()))
    except ChannelError as error:
        outbox.mark_failed(row, error, clock())
    except msgspec.ValidationError:
        outbox.mark_failed(row, ChannelError("what is to be told cannot be read", permanent=True), clock())
    except Exception as error:  # the edge of this thread: nothing else would tell of it
        log.exception("delivery %s failed", row.id)
        outbox.mark_failed(row, ChannelError(f"it could not be sent ({type(error).__name__})"), clock())
    else:
        reach("told")
        outbox.mark_sent(row, clock())


def _envelope(row: Delivery, now: datetime) -> Envelope:
    notice = unpacked(row.content)
    return Envelope(
        id=row.id,
        project_id=row.project_id,
        objective_id=_objective_of(row, notice),
        thread=Thread(str(row.alert_id), row.alert.severity, row.alert.title) if row.alert else None,
        recipient=row.recipient,
        zone=row.channel.time_zone,
        notice=notice,
        attempted_at=now,
        secrets=tuple(row.channel.secrets),
    )


def _objective_of(row: Delivery, notice: Notice) -> int | None:
    """That of the first alert it shows, which need not be the one its thread hangs on; None of a storm, which is of many."""
    if not notice.alerts or row.alert is None:
        return None
    if notice.alerts[0].id == str(row.alert_id):
        return row.alert.objective_id
    named = Objective.objects.filter(project_id=row.project_id, name=notice.alerts[0].objective, deleted_at=None)
    return named.values_list("id", flat=True).first()
