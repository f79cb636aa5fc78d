"""An hour of the demo's airline, moved to now: a good version, then one whose tools fail. The same each time but for the clock."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dashboard.demo.agents import Session
from dashboard.demo.airline import AGENT, PRODUCT
from dashboard.demo.plan import SECOND, TracePlan
from dashboard.demo.releases import Deployment, deployments
from dashboard.demo.schedule import sessions_of
from dashboard.demo.sender import Sender
from tests.world import Tenant
from tracestore.jobs import traces as settle

SEED, FAULT, SERVICE = 1, "broken_tools", PRODUCT.service
MINUTE_NS = 60 * SECOND
SINCE_NS = 1_795_262_400 * SECOND
BEFORE_MINUTES, BAD_MINUTES = 30, 20
RATE = 0.3


@dataclass(frozen=True, slots=True)
class Told:
    """good, bad: the versions. bad_since_ns: when the bad one went out, on the clock of now."""

    good: str
    bad: str
    bad_since_ns: int


def tell(site: str, tenant: Tenant, now: datetime) -> Told:
    """Send the story to the site, settled; all of it ends by now."""
    bad = next(one for one in deployments(PRODUCT, SINCE_NS, SINCE_NS + 24 * 3600 * SECOND, SEED) if is_bad(one))
    now_ns = int(now.timestamp()) * SECOND
    shift_ns = now_ns - (bad.time_ns + BAD_MINUTES * MINUTE_NS)
    sender = Sender(site, site, tenant.keys["ingest"])
    versions: dict[str, None] = {}
    for plan in sorted(_plans(bad.time_ns // MINUTE_NS), key=lambda plan: plan.start_ns):
        if plan.end_ns + shift_ns < now_ns:
            versions[plan.source.version] = None
            sender.send(moved(plan, shift_ns))
            for said in plan.feedback:
                sender.feedback(plan, said)
    sender.release(replace(bad, time_ns=bad.time_ns + shift_ns))
    sender.flush()
    sender.close()
    settle.run(datetime.now(UTC))
    good, second = versions
    assert second == bad.release.version
    return Told(good, second, bad.time_ns + shift_ns)


def is_bad(one: Deployment) -> bool:
    return one.release.fault == FAULT


def _plans(minute: int) -> Iterator[TracePlan]:
    for one in range(minute - BEFORE_MINUTES, minute + BAD_MINUTES):
        for number in range(sessions_of(AGENT, one, SEED, RATE)):
            yield from AGENT.tell(Session(SEED, AGENT.name, one, number))


def moved(plan: TracePlan, shift_ns: int) -> TracePlan:
    """The same story at another time."""
    for span in plan.spans:
        span.start_ns += shift_ns
        span.end_ns += shift_ns
        for event in span.events:
            event.time_ns += shift_ns
    for log in plan.logs:
        log.time_ns += shift_ns
    plan.feedback = [replace(said, time_ns=said.time_ns + shift_ns) for said in plan.feedback]
    return plan
