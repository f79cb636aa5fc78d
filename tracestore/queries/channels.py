"""Who is told of an objective's alerts, and through which channel?

A project always has the channel DEFAULT: mail to its owners while no other channel is enabled, and to addresses that
objectives name. It is made when it is first asked for, so that its troubles are seen and counted as those of the others.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from tracestore.models.access import Membership, Role
from tracestore.models.alerts import Channel, Severity, Unsubscription
from tracestore.models.slo import Objective

DEFAULT = "mail"  # name of the channel that every project has
Told = tuple[Channel, str, str]  # through which, to whom, why
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


def unpaged_objectives(project_id: int, now: datetime) -> list[Objective]:
    """Enabled objectives whose pages would reach nobody, by name. Five statements, however many there are."""
    book = address_book(project_id)
    found = Objective.objects.filter(project_id=project_id, enabled=True, deleted_at=None).select_related("project")
    return [objective for objective in found.order_by("name") if not book.told(objective, "page")]


@dataclass(frozen=True, slots=True)
class AddressBook:
    """Read once for all alerts of a project. channels: with their targets, the default one first. refused: (objective or None,
    address)."""

    channels: list[tuple[Channel, list[str]]]
    refused: set[tuple[int | None, str]]

    def told(self, objective: Objective, severity: str) -> list[tuple[int, str, str]]:
        """Of an alert of this severity: (channel id, recipient, why), each address once; [] = nobody is.

        Objective.notify names channels and addresses; names that are gone are passed over, and when none is left all channels
        are told. Quiet hours do not matter here: they delay a delivery, they do not take it away.
        """
        found: dict[tuple[bool, str], tuple[int, str, str]] = {}
        for channel, recipient, why in self._named(objective) or self._all(objective):
            mail = channel.kind == Channel.Kind.EMAIL
            key = (mail, recipient.casefold() if mail else recipient)
            if _takes(channel, severity) and not (mail and self._refuses(objective, key[1])):
                found.setdefault(key, (channel.pk, recipient, why))
        return list(found.values())

    def _refuses(self, objective: Objective, address: str) -> bool:
        return (None, address) in self.refused or (objective.pk, address) in self.refused

    def _named(self, objective: Objective) -> list[Told]:
        by_name = {channel.name: (channel, targets) for channel, targets in self.channels}
        found: list[Told] = []
        for name in objective.notify:
            if "@" in name:
                found.append((by_name[DEFAULT][0], name, f"the objective {objective} names your address"))
            elif name in by_name and by_name[name][0].enabled:
                found += _each(*by_name[name], f"the objective {objective} names the channel {name}")
        return found

    def _all(self, objective: Objective) -> list[Told]:
        project = objective.project.name
        others = [(channel, targets) for channel, targets in self.channels[1:] if channel.enabled]
        if not others:
            return _each(*self.channels[0], f"you own the project {project}, which has no other channel")
        return [told for channel, targets in others for told in _each(channel, targets, _reason(channel, project))]


def address_book(project_id: int) -> AddressBook:
    refused = Unsubscription.objects.filter(project_id=project_id).values_list("objective_id", "address")
    return AddressBook(
        channels=[(channel, targets_of(channel)) for channel in find_channels(project_id)],
        refused={(objective_id, address.casefold()) for objective_id, address in refused},
    )


def _each(channel: Channel, targets: list[str], why: str) -> list[Told]:
    return [(channel, target, why) for target in targets]


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


def _reason(channel: Channel, project: str) -> str:
    takes = "pages" if channel.severity == Severity.PAGE else "pages and tickets"
    return f"the channel {channel.name} of the project {project} takes its {takes}"
