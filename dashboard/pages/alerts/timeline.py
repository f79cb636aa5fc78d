"""What happened to an alert, what was sent of it, and how did the budget burn? Lines for its page; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboard.params import in_ns
from dashboard.templatetags.units import in_percent
from tracestore.queries.alerts import DeliveryRow, EventRow

KINDS: Final = {
    "fired": "Fired",
    "frozen": "Frozen: nothing could be measured",
    "thawed": "Measured again",
    "acknowledged": "Acknowledged",
    "notified": "Notified",
    "outcome": "Outcome",
    "resolved": "Resolved",
    "reopened": "Fired again within half an hour",
    "undelivered": "Not delivered",
    "silenced": "Over while it was silenced: nothing was sent",
    "inhibited": "Over while another alert of the objective spoke for it",
}
STATES: Final = {"pending": "waiting", "sent": "sent", "failed": "given up", "dropped": "not sent"}
TONES: Final = {"pending": "", "sent": "ok", "failed": "error", "dropped": "warn"}
WIDTH, HEIGHT = 320, 56


@dataclass(frozen=True, slots=True)
class Happened:
    at_ns: int
    words: str
    text: str
    actor: str


@dataclass(frozen=True, slots=True)
class Sent:
    """tone: a class of .status. sent_ns: None while it waits, which is due at due_ns."""

    row: DeliveryRow
    state: str
    tone: str
    sent_ns: int | None
    due_ns: int


@dataclass(frozen=True, slots=True)
class Trail:
    """The burn-down as one line. zero_y: where nothing is left; words: what it says, for whoever does not see it."""

    points: str
    zero_y: float
    words: str
    width: int = WIDTH
    height: int = HEIGHT


def timeline(events: Sequence[EventRow]) -> list[Happened]:
    """Newest first: what is asked at night is what happened last."""
    return [
        Happened(in_ns(one.at), KINDS.get(one.kind, one.kind.capitalize()), one.text, one.actor)
        for one in reversed(events)
    ]


def sent(row: DeliveryRow) -> Sent:
    return Sent(
        row=row,
        state=STATES.get(row.state, row.state),
        tone=TONES.get(row.state, ""),
        sent_ns=in_ns(row.sent_at) if row.sent_at else None,
        due_ns=in_ns(row.due_at),
    )


def trail(burn_down: Sequence[tuple[int, float]]) -> Trail | None:
    """(Unix seconds, share that was left), oldest first; None of fewer than two points."""
    if len(burn_down) < 2:
        return None
    times, shares = [at for at, _ in burn_down], [share for _, share in burn_down]
    low, high = min(0.0, *shares), max(1.0, *shares)
    length = max(1, times[-1] - times[0])

    def height(share: float) -> float:
        return round(2 + (high - share) / (high - low) * (HEIGHT - 4), 1)

    points = " ".join(f"{round((at - times[0]) / length * WIDTH, 1)},{height(share)}" for at, share in burn_down)
    words = f"Budget left: {in_percent(shares[0])} at the beginning, {in_percent(shares[-1])} at the end"
    return Trail(points, height(0.0), words)
