"""What a channel is given to deliver, and how it says that it could not."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tracestore.analysis.slo.notice import Notice


@dataclass(frozen=True, slots=True)
class Thread:
    """The alert that notifications of a group hang on, though not every one tells of it. severity: page or ticket."""

    alert_id: str
    severity: str
    title: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """One attempt. id: of the delivery, the same in every attempt. objective_id: None where there is no single one.

    thread: None for what tells of no alert. recipient: an address or a URL. zone: for times. secrets: to sign with, newest first.
    """

    id: UUID
    project_id: int
    objective_id: int | None
    thread: Thread | None
    recipient: str
    zone: str
    notice: Notice
    attempted_at: datetime
    secrets: tuple[str, ...] = field(default=(), repr=False)


class ChannelError(Exception):
    """It was not taken. The text names the kind of trouble, never an address, a secret or what the other side wrote.

    permanent: trying again is of no use. gone: the channel itself has ended. retry_after_s: as the other side asked.
    """

    def __init__(
        self, text: str, *, permanent: bool = False, gone: bool = False, retry_after_s: int | None = None
    ) -> None:
        super().__init__(text)
        self.permanent, self.gone, self.retry_after_s = permanent or gone, gone, retry_after_s
