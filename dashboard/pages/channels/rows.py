"""A channel as a line of its page: where it goes, how it fares."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from dashboard.params import in_ns
from tracestore.models.alerts import Channel, Delivery
from tracestore.queries.channels import DEFAULT, OWNERS, find_channels


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """where: of a URL the host only, since its path may be a password. state, tone: for the status mark. waiting: in the outbox."""

    id: int
    name: str
    kind: str
    where: str
    told_of: str
    quiet: str
    state: str
    tone: str
    why: str
    waiting: int
    success_ns: int | None
    failure_ns: int | None
    failure: str
    enabled: bool
    is_default: bool
    is_signed: bool
    secrets: int


def channel_lines(project_id: int, now: datetime, has_mail: bool) -> list[ChannelLine]:
    """has_mail: whether the instance has a mail server."""
    rows = find_channels(project_id)
    alone = not any(row.enabled for row in rows if row.name != DEFAULT)
    waiting = _waiting(project_id)
    return [_line(row, now, waiting.get(row.pk, 0), _state(row, now, has_mail, alone)) for row in rows]


def _waiting(project_id: int) -> dict[int, int]:
    pending = Delivery.objects.filter(project_id=project_id, state=Delivery.State.PENDING)
    counts: dict[int, int] = {}
    for channel_id in pending.values_list("channel_id", flat=True)[:10_000]:
        counts[channel_id] = counts.get(channel_id, 0) + 1
    return counts


def _line(row: Channel, now: datetime, waiting: int, state: tuple[str, str, str]) -> ChannelLine:
    return ChannelLine(
        id=row.pk,
        name=row.name,
        kind=Channel.Kind(row.kind).label,
        where=_where(row),
        told_of="pages" if row.severity == "page" else "pages, tickets",
        quiet=_quiet(row),
        state=state[0],
        tone=state[1],
        why=state[2],
        waiting=waiting,
        success_ns=in_ns(row.last_success_at) if row.last_success_at else None,
        failure_ns=in_ns(row.last_failure_at) if row.last_failure_at else None,
        failure=row.last_failure,
        enabled=row.enabled,
        is_default=row.name == DEFAULT,
        is_signed=row.kind == Channel.Kind.WEBHOOK,
        secrets=len(row.secrets),
    )


def _where(row: Channel) -> str:
    if row.kind == Channel.Kind.EMAIL:
        return "owners of the project" if row.target == OWNERS else row.target
    return f"{urlsplit(row.target).hostname or '?'}/…"


def _quiet(row: Channel) -> str:
    if row.quiet_from is None or row.quiet_to is None:
        return ""
    pages = ", pages too" if row.quiet_pages else ""
    return f"{row.quiet_from:%H:%M}–{row.quiet_to:%H:%M} {row.time_zone}{pages}"


def _state(row: Channel, now: datetime, has_mail: bool, alone: bool) -> tuple[str, str, str]:
    """Word, tone, and the reason for it."""
    if not row.enabled:
        return "off", "warn", row.disabled_reason or "switched off"
    if row.kind == Channel.Kind.EMAIL and not has_mail:
        return "no mail server", "warn", "The operator sets FOURLINE_EMAIL_URL."
    if row.rests_until and row.rests_until > now:
        return "resting", "error", f"{row.failures} failures in a row; tried again by itself."
    if row.name == DEFAULT and not alone:
        return (
            "stands by",
            "ok",
            "For addresses that objectives name; the owners are told while no other channel is on.",
        )
    return "on", "ok", ""
