"""What is an agent of the simulation? A product with releases, a pace, and a way to tell a session as traces."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from dashboard.demo.chance import dice, share
from dashboard.demo.plan import SECOND, Attributes, Source, SpanPlan, Story, TracePlan
from dashboard.demo.releases import Product, Release, release_at

INSTANCES = 3
STAGING = 0.07
HEALTHY_FAILURES = 0.009  # of the requests to a good release


@dataclass(frozen=True, slots=True)
class Session:
    """One visit: what follows from (seed, agent, minute, number) alone."""

    seed: int
    agent: str
    minute: int
    number: int

    @property
    def key(self) -> tuple[object, ...]:
        return (self.seed, self.agent, self.minute, self.number)

    @property
    def start_ns(self) -> int:
        return int((self.minute + share("offset", *self.key)) * 60 * SECOND)

    @property
    def id(self) -> str:
        return f"{self.agent[:3]}-{self.minute:x}-{self.number}"

    def dice(self, *more: object) -> random.Random:
        return dice("session", *self.key, *more)


@dataclass(frozen=True, slots=True)
class Agent:
    """per_minute: sessions at the mean of the day. tell: a session -> its traces in time order."""

    name: str
    product: Product
    per_minute: float
    tell: Callable[[Session], list[TracePlan]]


def release_for(product: Product, session: Session, time_ns: int) -> Release:
    return release_at(product, time_ns, session.seed)


def source(product: Product, session: Session, release: Release, **extra: str) -> Source:
    """The resource of a process that serves this session."""
    staging = share("environment", *session.key) < STAGING
    instance = f"{product.service}-{int(share('instance', *session.key) * INSTANCES)}"
    more = {"telemetry.distro.name": "fourline-demo", "cloud.region": "eu-central-1", **extra}
    environment = "staging" if staging else "prod"
    return Source(
        product.service, release.version, environment, instance, release.revision, tuple(sorted(more.items()))
    )


def given_up(r: random.Random, release: Release, chance: float) -> bool:
    """Whether a request fails as a whole. chance: of a bad release, which must show in its failure rate."""
    return r.random() < (chance if release.fault else HEALTHY_FAILURES)


def guard(story: Story, r: random.Random, name: str, triggered: bool, reason: str = "") -> SpanPlan:
    """A guardrail check of a text; what it found is on the span."""
    own: Attributes = {
        "gen_ai.operation.name": "guardrail_check",
        "gen_ai.guardrail.name": name,
        "gen_ai.guardrail.triggered": triggered,
    }
    with story.span(f"guardrail {name}", attributes=own) as span:
        story.spend(0.02 + 0.04 * r.random())
        if triggered:
            span.attributes["gen_ai.guardrail.reason"] = reason
            story.log("WARN", f"guardrail {name} stopped a request: {reason}", {"gen_ai.guardrail.name": name})
    return span


def judge(story: Story, root: SpanPlan, name: str, score: float, label: str) -> None:
    """An evaluation result, as a span event of the root."""
    result: Attributes = {
        "gen_ai.evaluation.name": name,
        "gen_ai.evaluation.score.value": round(score, 2),
        "gen_ai.evaluation.score.label": label,
    }
    story.note(root, "gen_ai.evaluation.result", result)
