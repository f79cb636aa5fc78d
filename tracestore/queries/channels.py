"""Who is told of an objective's alerts, and through which channel?

A project always has the channel DEFAULT: mail to its owners while no other channel is enabled, and to addresses that
objectives name. It is made when it is first asked for, so that its troubles are seen and counted as those of the others.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.conf import settings

from tracestore.models.access import Membership, Role
from tracestore.models.alerts import Channel, Severity, Unsubscription
from tracestore.models.slo import Objective

DEFAULT = "mail"  # name of the channel that every project has
OWNERS = "owners"  # target of an email channel: whoever owns the project when it is sent


def default_channel(project_id: int) -> Channel:
    """The channel that every project has; made when it is missing, safe to run by two at a time."""
    found, _ = Channel.objects.get_or_create(
        project_id=project_id, name=DEFAULT, defaults={"kind": Channel.Kind.EMAIL, "target": OWNERS}
    )
    return found


def find_channels(project_id: int) -> list[Channel]:
    """All channels by name, the default one first."""
    default_channel(project_id)
    rows = Channel.objects.filter(project_id=project_id)
    return sorted(rows, key=lambda channel: (channel.name != DEFAULT, channel.name))


def recipients_of(objective: Objective, severity: str, now: datetime) -> list[tuple[int, str, str]]:
    """Who is told of an alert of this severity: (channel id, recipient, why), each address once; [] = nobody is.

    Objective.notify names channels and addresses; names that are gone are passed over, and when none is left all channels are
    told. Quiet hours do not matter here: they delay a delivery, they do not take it away.
    """
    channels = find_channels(objective.project_id)
    wanted = _named(objective, channels) or _all(objective, channels)
    refused = _unsubscribed(objective)
    told: dict[tuple[bool, str], tuple[int, str, str]] = {}
    for channel, recipient, why in wanted:
        mail = channel.kind == Channel.Kind.EMAIL
        key = (mail, recipient.casefold() if mail else recipient)
        if _takes(channel, severity) and not (mail and recipient.casefold() in refused):
            told.setdefault(key, (channel.pk, recipient, why))
    return list(told.values())


def owners_of(project_id: int) -> list[str]:
    """Addresses of the owners that can sign in, by address."""
    rows = Membership.objects.filter(project_id=project_id, role=Role.OWNER, user__is_active=True)
    return sorted(rows.values_list("user__email", flat=True))


def addresses_of(channel: Channel) -> list[str]:
    """Where the mail of an email channel goes: its addresses are separated by commas."""
    if channel.target == OWNERS:
        return owners_of(channel.project_id)
    return [address for part in channel.target.split(",") if (address := part.strip())]


def targets_of(channel: Channel) -> list[str]:
    return addresses_of(channel) if channel.kind == Channel.Kind.EMAIL else [channel.target]


def _takes(channel: Channel, severity: str) -> bool:
    """Whether the channel is in use for this severity. The default one needs a mail server, which an instance may lack."""
    serves = bool(settings.EMAIL_URL) or channel.name != DEFAULT
    return channel.enabled and serves and (severity == Severity.PAGE or channel.severity == Severity.TICKET)


def _named(objective: Objective, channels: Sequence[Channel]) -> list[tuple[Channel, str, str]]:
    by_name = {channel.name: channel for channel in channels}
    found: list[tuple[Channel, str, str]] = []
    for name in objective.notify:
        if "@" in name:
            found.append((by_name[DEFAULT], name, f"the objective {objective} names your address"))
        elif name in by_name and by_name[name].enabled:
            found += _of_channel(by_name[name], f"the objective {objective} names the channel {name}")
    return found


def _all(objective: Objective, channels: Sequence[Channel]) -> list[tuple[Channel, str, str]]:
    others = [channel for channel in channels if channel.enabled and channel.name != DEFAULT]
    project = objective.project.name
    if not others:
        return _of_channel(channels[0], f"you own the project {project}, which has no other channel")
    return [found for channel in others for found in _of_channel(channel, _reason(channel, project))]


def _reason(channel: Channel, project: str) -> str:
    takes = "pages" if channel.severity == Severity.PAGE else "pages and tickets"
    return f"the channel {channel.name} of the project {project} takes its {takes}"


def _of_channel(channel: Channel, why: str) -> list[tuple[Channel, str, str]]:
    return [(channel, target, why) for target in targets_of(channel)]


def _unsubscribed(objective: Objective) -> set[str]:
    rows = Unsubscription.objects.filter(project_id=objective.project_id)
    return {
        address.casefold()
        for of, address in rows.values_list("objective_id", "address")
        if of is None or of == objective.pk
    }


def unpaged_objectives(project_id: int, now: datetime) -> Iterator[Objective]:
    """Enabled objectives whose pages would reach nobody."""
    for objective in Objective.objects.filter(project_id=project_id, enabled=True, deleted_at=None).order_by("name"):
        if not recipients_of(objective, "page", now):
            yield objective
