"""How a notification in the outbox comes to its end: claimed, sent, tried again, given up, or not sent after all.

Everything here is short transactions; what takes time (SMTP, HTTP) happens between a claim and its mark.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from tracestore.actions.alerts.handling import note
from tracestore.analysis.slo.attempts import (
    ELSEWHERE_AFTER,
    MOST_ATTEMPTS,
    PATIENCE_S,
    REST_S,
    quiet_until,
    rest_s,
    wait_s,
)
from tracestore.channels.envelope import ChannelError
from tracestore.channels.words import zone_of
from tracestore.models.alerts import Channel, Delivery, Unsubscription
from tracestore.queries.alerts import get_alert
from tracestore.queries.channels import addresses_of, default_channel

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)  # longer than any attempt takes; whoever died with a claim is followed by another then
LONGEST_WAIT = timedelta(hours=25)  # quiet hours, or what a webhook asked for
LONGEST_REST = timedelta(seconds=REST_S[-1])
LOOKED_AT = 100  # rows of one claim, most of which are put off or dropped
WHATEVER_HAPPENS = {"test", "unpaged"}
URGENT = {"firing", "reminder", "reopened"}


def due_channels(now: datetime) -> list[int]:
    """Channels with something to send that nobody is sending, the one that waits longest first."""
    rows = _due(now).filter(_over("channel__rests_until", now, LONGEST_REST), project__deleted_at=None)
    return list(dict.fromkeys(rows.order_by("due_at").values_list("channel_id", flat=True)))


@transaction.atomic
def claim(channel_id: int, now: datetime) -> Delivery | None:
    """The next notification of a channel, ours for LEASE; None when there is none, it rests, or somebody else is at it.

    One at a time, so that a rest ends with one attempt and a channel is told in order.
    """
    channels = Channel.objects.select_for_update(skip_locked=True).filter(id=channel_id)
    channel = channels.filter(_over("rests_until", now, LONGEST_REST)).first()
    pending = Delivery.objects.filter(channel_id=channel_id, state=Delivery.State.PENDING)
    if channel is None or pending.exclude(_over("claimed_until", now, LEASE)).exists():
        return None
    due = (
        _due(now)
        .filter(channel_id=channel_id)
        .select_related("alert__objective")
        .order_by("due_at", "created_at", "seq")
    )
    for row in due[:LOOKED_AT]:
        row.channel = channel
        if not _set_aside(row, now):
            row.attempts, row.claimed_until = row.attempts + 1, now + LEASE
            row.save(update_fields=["attempts", "claimed_until"])
            return row
    return None


@transaction.atomic
def mark_sent(row: Delivery, now: datetime) -> None:
    """It was accepted, even where a claim ran out meanwhile."""
    Delivery.objects.filter(id=row.id).exclude(state=Delivery.State.SENT).update(
        state=Delivery.State.SENT, sent_at=now, claimed_until=None, last_error=""
    )
    Channel.objects.filter(id=row.channel_id).update(last_success_at=now, failures=0, rests_until=None)
    if row.kind == "resolved":
        _tell_owners(row, now, only_known=True)


@transaction.atomic
def mark_failed(row: Delivery, error: ChannelError, now: datetime) -> None:
    """Due again later, or given up: then the owners are told by mail what another channel did not take."""
    text = str(error)[:200]
    wait = None if error.permanent or row.kind == "test" else wait_s(row.attempts, _lot(row), error.retry_after_s)
    ours = Delivery.objects.filter(id=row.id, state=Delivery.State.PENDING, attempts=row.attempts)
    if wait is None:
        changed = ours.update(state=Delivery.State.FAILED, last_error=text, claimed_until=None)
    else:
        changed = ours.update(due_at=now + timedelta(seconds=wait), last_error=text, claimed_until=None)
    if not changed:
        return  # the claim ran out: somebody else answers for it
    _note_trouble(row, error, text, now)
    if wait is None and row.alert is not None:
        note(row.alert, now, "undelivered", f"Not delivered through {row.channel}: {text}")
    if wait is None or row.attempts >= ELSEWHERE_AFTER or (error.retry_after_s or 0) > PATIENCE_S:
        _tell_owners(row, now, mail_too=error.permanent)


def _due(now: datetime) -> Any:
    rows = Delivery.objects.filter(_over("due_at", now, LONGEST_WAIT), state=Delivery.State.PENDING)
    return rows.filter(_over("claimed_until", now, LEASE))


def _over(until: str, now: datetime, longest: timedelta) -> Q:
    """That time is over. What lies further ahead than it ever reaches was left by a clock that went wrong."""
    return Q(**{until: None}) | Q(**{f"{until}__lte": now}) | Q(**{f"{until}__gt": now + longest})


def _set_aside(row: Delivery, now: datetime) -> bool:
    """Whether this one is not to be sent now: put off until quiet hours end, or dropped for good."""
    if row.attempts >= MOST_ATTEMPTS:
        return _end(row, Delivery.State.FAILED, "given up: every attempt ended without an answer")
    if row.kind in WHATEVER_HAPPENS:
        return False
    if reason := _why_not(row, now):
        if row.channel.disabled_reason:  # nobody chose that it is off
            _tell_owners(row, now)
        return _end(row, Delivery.State.DROPPED, reason)
    until = _quiet_until(row, now)
    if until is None:
        return False
    row.due_at = until
    row.save(update_fields=["due_at"])
    return True


def _end(row: Delivery, state: Any, reason: str) -> bool:
    row.state, row.last_error, row.claimed_until = state, reason, None
    row.save(update_fields=["state", "last_error", "claimed_until"])
    return True


def _why_not(row: Delivery, now: datetime) -> str:
    """ "" = send it."""
    if not row.channel.enabled:
        return "the channel is disabled"
    if row.channel.kind == Channel.Kind.EMAIL and _has_unsubscribed(row):
        return "the address has unsubscribed"
    if row.alert is None:
        return ""
    same = Delivery.objects.filter(alert=row.alert, channel=row.channel, recipient=row.recipient)
    if same.filter(seq__gt=row.seq).exclude(kind="reminder").exists():  # which leaves out what is acknowledged
        return "a later notification tells the same"
    found = get_alert(row.project_id, str(row.alert_id), now) if row.kind in URGENT else None
    return "the alert was silenced" if found and found.silenced_until else ""


def _has_unsubscribed(row: Delivery) -> bool:
    """From the project, or from all that it tells of: its thread may hang on an alert of another objective."""
    rows = Unsubscription.objects.filter(project_id=row.project_id, address__iexact=row.recipient)
    refused = set(rows.values_list("objective__name", flat=True))
    told = {alert.get("objective") for alert in row.content.get("alerts", ())}
    return None in refused or (bool(told) and told <= refused)


def _quiet_until(row: Delivery, now: datetime) -> datetime | None:
    """Tickets wait, pages do so only where the channel says it; a storm is no ticket."""
    channel = row.channel
    if row.alert is None or (row.alert.severity == "page" and not channel.quiet_pages):
        return None
    return quiet_until(channel.quiet_from, channel.quiet_to, zone_of(channel.time_zone), now)


def _lot(row: Delivery) -> int:
    return row.id.int + 7_919 * row.attempts


def _note_trouble(row: Delivery, error: ChannelError, text: str, now: datetime) -> None:
    """An address that does not exist is not the channel's trouble: it does not make it rest."""
    channel = Channel.objects.select_for_update().get(id=row.channel_id)
    channel.last_failure_at, channel.last_failure = now, text
    if error.gone:
        channel.enabled, channel.disabled_reason = False, f"{text[:1].upper()}{text[1:]} (gone)."
    if error.gone or not error.permanent:
        channel.failures = F("failures") + 1
    channel.save()
    channel.refresh_from_db(fields=["failures"])
    rest = rest_s(channel.failures) if not error.permanent else None
    if rest is not None:
        Channel.objects.filter(id=channel.pk).update(rests_until=now + timedelta(seconds=rest))
    log.warning("channel %s of project %s: %s", channel.pk, row.project_id, text)


def _tell_owners(row: Delivery, now: datetime, *, only_known: bool = False, mail_too: bool = False) -> None:
    """By mail, what a channel did not take; once, however often this is called.

    only_known: those who got an earlier one, so that whoever was told that it fires hears that it is over. mail_too: it was
    an address that was refused; while mail as a whole fails, more of it helps nobody.
    """
    if row.alert is None or not settings.EMAIL_URL or (row.channel.kind == Channel.Kind.EMAIL and not mail_too):
        return
    channel = default_channel(row.project_id)
    earlier = Delivery.objects.filter(alert=row.alert, channel=channel, seq__lt=row.seq)
    known = set(earlier.values_list("recipient", flat=True))
    content = row.content | {"why": f"the channel {row.channel} of the project did not take a notification of this"}
    for address in addresses_of(channel):
        if address != row.recipient and (address in known or not only_known):
            Delivery.objects.get_or_create(
                alert=row.alert,
                channel=channel,
                recipient=address,
                seq=row.seq,
                defaults={"project_id": row.project_id, "kind": row.kind, "content": content, "due_at": now},
            )
