"""What is an agent of the simulation? A product with releases, a pace, and a way to tell a session as traces."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from dashboard.demo.chance import dice, share
from dashboard.demo.outages import breaker
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


def given_up(r: random.Random) -> bool:
    """Whether a request fails as a whole for none of the reasons that are told."""
    return r.random() < HEALTHY_FAILURES


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a guardrail looks for. kind: policy | injection | sensitive; outcome: in the words of its attribute."""

    kind: str
    found: bool

    @property
    def outcome(self) -> str:
        return OUTCOMES[self.kind][self.found]


OUTCOMES = {"policy": ("passed", "violated"), "injection": ("clean", "detected"), "sensitive": ("clean", "found")}


def guard(story: Story, r: random.Random, name: str, checks: tuple[Check, ...], reason: str = "") -> bool:
    """A guardrail that checks a text; what it found is on its span. Whether it stopped the text."""
    stopped = any(check.found for check in checks)
    own: Attributes = {
        "gen_ai.operation.name": "guardrail_check",
        "gen_ai.guardrail.name": name,
        "gen_ai.guardrail.action": "block" if stopped else "allow",
    }
    own |= {f"fourline.{check.kind}.outcome": check.outcome for check in checks}
    if any(check.kind == "policy" for check in checks):
        own["gen_ai.guardrail.triggered"] = stopped
    with story.span(f"guardrail {name}", attributes=own) as span:
        story.spend(0.02 + 0.04 * r.random())
        if stopped:
            span.attributes["gen_ai.guardrail.reason"] = reason
            story.log("WARN", f"guardrail {name} stopped a text: {reason}", {"gen_ai.guardrail.name": name})
    return stopped


def admit(story: Story, root: SpanPlan, provider: str) -> bool:
    """Whether the circuit breaker lets a request through to the models; if not, the answer will be a degraded one."""
    state = breaker(provider, story.now_ns)
    root.attributes |= {"fourline.breaker.state": state, "fourline.degraded": state == "open"}
    if state == "open":
        story.log(
            "WARN",
            f"circuit breaker to {provider} is open, answering without a model",
            {"gen_ai.provider.name": provider},
        )
    return state != "open"


def judge(story: Story, root: SpanPlan, name: str, score: float, label: str, why: str = "") -> None:
    """What a check by code found, as a span event of the root."""
    story.note(root, "gen_ai.evaluation.result", _result("code", name, score, label, why))


def judge_in_log(story: Story, name: str, score: float, label: str, why: str = "") -> None:
    """What a judging model found, as a log record of the span that is open."""
    story.log("INFO", "evaluated", _result("judge", name, score, label, why), event_name="gen_ai.evaluation.result")


def _result(source: str, name: str, score: float, label: str, why: str) -> Attributes:
    result: Attributes = {
        "gen_ai.evaluation.name": name,
        "gen_ai.evaluation.score.value": round(score, 2),
        "gen_ai.evaluation.score.label": label,
        "fourline.evaluation.source": source,
    }
    return result | ({"gen_ai.evaluation.explanation": why} if why else {})
