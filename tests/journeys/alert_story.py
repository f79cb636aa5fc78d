"""A bad release of the demo and its rollback, on a clock of our own that ends before now; every job is run with that clock."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dashboard.demo.agents import Session
from dashboard.demo.airline import AGENT, PRODUCT
from dashboard.demo.plan import SECOND, TracePlan
from dashboard.demo.releases import Deployment, deployments, release_at
from dashboard.demo.schedule import sessions_of
from dashboard.demo.sender import Sender
from tests.journeys.story import moved
from tests.world import Tenant
from tracestore.jobs import alerts, deliver, evaluate, slo_counts
from tracestore.jobs import traces as settle

SEED, RATE = 1, 0.5
MINUTE_NS, MINUTE = 60 * SECOND, timedelta(minutes=1)
SINCE_NS = 1_795_262_400 * SECOND
BEFORE_MINUTES, BAD_MINUTES, AFTER_MINUTES = 20, 16, 16


@dataclass(slots=True)
class Story:
    """went_out, rolled_back: when the bad version began and ceased to serve, on our clock (whole minutes)."""

    site: str
    tenant: Tenant
    bad: Deployment
    good: str
    went_out: datetime

    @property
    def rolled_back(self) -> datetime:
        return self.went_out + BAD_MINUTES * MINUTE


def begin(site: str, tenant: Tenant, fault: str) -> Story:
    """The story ends a little before now. Nothing is sent yet."""
    out = deployments(PRODUCT, SINCE_NS, SINCE_NS + 24 * 3600 * SECOND, SEED)
    bad = next(one for one in out if one.release.fault == fault)
    good = release_at(PRODUCT, bad.time_ns - 1, SEED).version
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return Story(site, tenant, bad, good, now - (BAD_MINUTES + AFTER_MINUTES + 2) * MINUTE)


def send_until_rollback(story: Story) -> None:
    minute = story.bad.time_ns // MINUTE_NS
    told = _told(range(minute - BEFORE_MINUTES, minute + BAD_MINUTES))
    _send(story, told, story.bad.time_ns, story.went_out, story.rolled_back)


def send_afterwards(story: Story) -> None:
    """What the good version did after the rollback: an hour later in the demo, at once here."""
    minute = next(m for m in range(story.bad.time_ns // MINUTE_NS + 30, 10**9) if _version(m) == story.good)
    told = (plan for plan in _told(range(minute, minute + AFTER_MINUTES)) if plan.source.version == story.good)
    _send(story, told, minute * MINUTE_NS, story.rolled_back, story.rolled_back + AFTER_MINUTES * MINUTE)


def _version(minute: int) -> str:
    return release_at(PRODUCT, minute * MINUTE_NS, SEED).version


def _told(minutes: range) -> Iterator[TracePlan]:
    for minute in minutes:
        for number in range(sessions_of(AGENT, minute, SEED, RATE)):
            yield from AGENT.tell(Session(SEED, AGENT.name, minute, number))


def _send(story: Story, plans: Iterator[TracePlan], then_ns: int, now: datetime, until: datetime) -> None:
    """Move what was at then_ns to now and send what ends by `until`."""
    shift_ns = int(now.timestamp()) * SECOND - then_ns
    sender = Sender(story.site, story.site, story.tenant.keys["ingest"])
    for plan in plans:
        if plan.end_ns + shift_ns < until.timestamp() * SECOND:
            sender.send(moved(plan, shift_ns))
    sender.flush()
    sender.close()
    while settle.run(datetime.now(UTC)).left:
        pass


def live(since: datetime, until: datetime, seen: Callable[[datetime], bool]) -> datetime | None:
    """Every job of alerting in its turn, half a minute after half a minute, until something is seen; returns when, None: never."""
    now = since
    while now <= until:
        for job in (slo_counts, evaluate, alerts, deliver):
            job.run(now)
        if seen(now):
            return now
        now += timedelta(seconds=30)
    return None
