"""How channels change, are tried out, and how people leave. Every change writes exactly one audit entry."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from tracestore import outbound
from tracestore.actions.access.audit import Actor, Refused, record
from tracestore.analysis.slo.notice import Notice, packed
from tracestore.channels.signing import new_secret
from tracestore.channels.unsubscribing import Claim
from tracestore.models.access import Project
from tracestore.models.alerts import Channel, Delivery, Severity, Unsubscription
from tracestore.models.slo import Objective
from tracestore.queries.channels import DEFAULT, OWNERS, default_channel, owners_of, targets_of, unpaged_objectives

MAX_CHANNELS = 50
MAX_ADDRESSES = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}")


@dataclass(frozen=True, slots=True)
class ChannelDraft:
    """What a person wants of a channel; see tracestore.models.alerts.Channel. Of the default one name and target stay."""

    name: str
    kind: str
    target: str
    severity: str = "ticket"
    quiet_from: time | None = None
    quiet_to: time | None = None
    quiet_pages: bool = False
    time_zone: str = "UTC"


def create_channel(project_id: int, draft: ChannelDraft, now: datetime, actor: Actor) -> tuple[int, str]:
    """The id, and of a webhook the secret that signs it (else ""), for the only time. Raises Refused."""
    target = _checked(draft)
    secret = new_secret() if draft.kind == Channel.Kind.WEBHOOK else ""
    with transaction.atomic():
        Project.objects.select_for_update().get(id=project_id)  # so that two at a time do not pass the limit
        channels = Channel.objects.filter(project_id=project_id)
        if channels.count() >= MAX_CHANNELS:
            raise Refused(f"A project can have {MAX_CHANNELS} channels. Delete one first.")
        if draft.name == DEFAULT or channels.filter(name=draft.name).exists():
            raise Refused("There is a channel of this name already.")
        made = channels.create(
            project_id=project_id,
            kind=draft.kind,
            name=draft.name,
            target=target,
            secrets=[secret] if secret else [],
            created_at=now,
            **_timing(draft),
        )
        record(now, actor, project_id, "channel.create", draft.name, kind=draft.kind)
    return made.pk, secret


def update_channel(project_id: int, channel_id: int, draft: ChannelDraft, now: datetime, actor: Actor) -> None:
    """The kind stays. A channel that rested is tried again. Raises Refused."""
    kept = _found(project_id, channel_id)
    changes = _timing(draft)
    if kept.name != DEFAULT:
        changes |= {"name": draft.name, "target": _checked(draft)}
    with transaction.atomic():
        taken = Channel.objects.filter(project_id=project_id, name=draft.name).exclude(id=channel_id)
        if kept.name != DEFAULT and (draft.name == DEFAULT or taken.exists()):
            raise Refused("There is a channel of this name already.")
        changes |= {"failures": 0, "rests_until": None}
        Channel.objects.filter(project_id=project_id, id=channel_id).update(**changes)
        record(now, actor, project_id, "channel.change", str(changes.get("name", kept.name)))


@transaction.atomic
def set_channel_enabled(project_id: int, channel_id: int, enabled: bool, now: datetime, actor: Actor) -> None:
    channel = _locked(project_id, channel_id)
    channel.enabled, channel.disabled_reason, channel.failures, channel.rests_until = enabled, "", 0, None
    channel.save()
    record(now, actor, project_id, "channel.enable" if enabled else "channel.disable", channel.name)


@transaction.atomic
def delete_channel(project_id: int, channel_id: int, now: datetime, actor: Actor) -> None:
    """With what waits for it, and its history."""
    channel = _locked(project_id, channel_id)
    if channel.name == DEFAULT:
        raise Refused("Every project keeps this channel. Switch it off instead.")
    record(now, actor, project_id, "channel.delete", channel.name, kind=channel.kind)
    channel.delete()


@transaction.atomic
def rotate_secret(project_id: int, channel_id: int, now: datetime, actor: Actor) -> str:
    """The new secret, for the only time. The former one signs too until drop_former_secret."""
    channel = _locked(project_id, channel_id)
    if channel.kind != Channel.Kind.WEBHOOK:
        raise Refused("Only webhooks are signed.")
    secret = new_secret()
    channel.secrets = [secret, *channel.secrets[:1]]
    channel.save(update_fields=["secrets"])
    record(now, actor, project_id, "channel.rotate", channel.name)
    return secret


@transaction.atomic
def drop_former_secret(project_id: int, channel_id: int, now: datetime, actor: Actor) -> None:
    channel = _locked(project_id, channel_id)
    if len(channel.secrets) < 2:
        raise Refused("There is no former secret.")
    channel.secrets = channel.secrets[:1]
    channel.save(update_fields=["secrets"])
    record(now, actor, project_id, "channel.forget", channel.name)


@transaction.atomic
def send_test(project_id: int, channel_id: int, now: datetime, actor: Actor) -> int:
    """Put a test into the outbox for each recipient, even of a channel that rests or is off; returns how many."""
    channel = _locked(project_id, channel_id)
    targets = targets_of(channel)
    if not targets:
        raise Refused("Nobody would get it: the project has no owner who can sign in.")
    project = Project.objects.get(id=project_id)
    why = f"{actor.name} tries out the channel {channel.name} of the project {project.name}"
    notice = Notice(
        kind="test", project=project.slug, project_name=project.name, decided_at=int(now.timestamp()), why=why
    )
    _queue(channel, targets, notice, now)
    Channel.objects.filter(id=channel.pk).update(rests_until=None)
    record(now, actor, project_id, "channel.test", channel.name)
    return len(targets)


@transaction.atomic
def unsubscribe(claim: Claim, now: datetime, address: str) -> None:
    """No more mail of the objective (or of the project) to the address. Owners hear of it when pages then reach nobody.

    address: the client's, for the audit log. Safe to repeat.
    """
    before = {one.pk for one in unpaged_objectives(claim.project_id, now)}
    _, made = Unsubscription.objects.get_or_create(
        project_id=claim.project_id,
        objective_id=claim.objective_id,
        address=claim.address[:254],
        defaults={"created_at": now},
    )
    if not made:
        return
    record(now, _themselves(claim, address), claim.project_id, "alerts.unsubscribe", claim.address)
    lost = [one for one in unpaged_objectives(claim.project_id, now) if one.pk not in before]
    if lost:
        _warn_owners(claim.project_id, lost, now)


@transaction.atomic
def subscribe_again(claim: Claim, now: datetime, address: str) -> None:
    """Undo `unsubscribe`, by whoever holds the link."""
    rows = Unsubscription.objects.filter(project_id=claim.project_id, objective_id=claim.objective_id)
    if rows.filter(address__iexact=claim.address).delete()[0]:
        record(now, _themselves(claim, address), claim.project_id, "alerts.subscribe", claim.address)


def _themselves(claim: Claim, address: str) -> Actor:
    return Actor(None, claim.address, address)


def _warn_owners(project_id: int, lost: list[Objective], now: datetime) -> None:
    """To the owners' addresses, unsubscribed or not: somebody must know."""
    project = Project.objects.get(id=project_id)
    notice = Notice(
        kind="unpaged",
        project=project.slug,
        project_name=project.name,
        decided_at=int(now.timestamp()),
        summary=tuple(str(one) for one in lost),
        why=f"you own the project {project.name}",
    )
    _queue(default_channel(project_id), owners_of(project_id), notice, now)


def _queue(channel: Channel, targets: list[str], notice: Notice, now: datetime) -> None:
    Delivery.objects.bulk_create(
        Delivery(
            id=uuid.uuid4(),
            project_id=channel.project_id,
            channel=channel,
            recipient=target,
            kind=notice.kind,
            content=packed(notice),
            due_at=now,
            created_at=now,
        )
        for target in targets
    )


def _checked(draft: ChannelDraft) -> str:
    """The target in its usual form. Raises Refused. May ask the resolver: never within a transaction."""
    if not _NAME.fullmatch(draft.name):
        raise Refused("Begin the name with a letter or digit; it may hold letters, digits, blanks and . _ -")
    if draft.kind == Channel.Kind.EMAIL:
        return _addresses(draft.target)
    try:
        outbound.check(draft.target)
    except outbound.Refused as error:
        raise Refused(str(error)) from error
    return draft.target


def _addresses(text: str) -> str:
    """owners, or addresses separated by commas."""
    if text.strip().lower() == OWNERS:
        return OWNERS
    found = [address for part in text.split(",") if (address := part.strip())]
    if not 0 < len(found) <= MAX_ADDRESSES:
        raise Refused(f"Give one to {MAX_ADDRESSES} addresses, with commas between them.")
    for address in found:
        try:
            validate_email(address)
        except ValidationError:
            raise Refused(f"{address[:80]} is not an e-mail address.") from None
    return ", ".join(found)


def _timing(draft: ChannelDraft) -> dict[str, object]:
    """Raises Refused for half a night, and for a zone that there is not."""
    if (draft.quiet_from is None) != (draft.quiet_to is None) or (
        draft.quiet_from and draft.quiet_from == draft.quiet_to
    ):
        raise Refused("Quiet hours need a beginning and another end.")
    if draft.time_zone not in available_timezones() or draft.severity not in Severity.values:
        raise Refused("There is no such time zone or severity.")
    return {
        "severity": draft.severity,
        "quiet_from": draft.quiet_from,
        "quiet_to": draft.quiet_to,
        "quiet_pages": draft.quiet_pages,
        "time_zone": draft.time_zone,
    }


def _found(project_id: int, channel_id: int) -> Channel:
    channel = Channel.objects.filter(project_id=project_id, id=channel_id).first()
    if channel is None:
        raise Refused("There is no such channel.")
    return channel


def _locked(project_id: int, channel_id: int) -> Channel:
    channel = Channel.objects.select_for_update().filter(project_id=project_id, id=channel_id).first()
    if channel is None:
        raise Refused("There is no such channel.")
    return channel
