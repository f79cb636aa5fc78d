"""What happens in one hour? Sessions of runs, as many as the hour of the day and the seed say; each hour for itself."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from dashboard.demo.chance import dice
from dashboard.demo.schedule import daily
from dashboard.generate.crowd import Person, someone
from dashboard.generate.runs import SECOND, Run, Setting
from dashboard.generate.services import CODING, SERVICES, Release, Service, release_at
from tracestore.records import RawSpan, Resource, Scope

HOUR_S = 3_600
LARGE = ((50_000, 3_500_000), (1_000, 250_000))  # (spans of a large run, one for so many spans of the store)
LARGE_FROM = 100_000  # a smaller store has none
STAGING = 0.08
SCOPE = Scope(id=4_017_340_015_215_470_101, name="fourline.generate", version="1", attributes={})
_WEIGHTS = [service.share for service in SERVICES]


@dataclass(frozen=True, slots=True)
class Plan:
    """A store to be filled. end_s: Unix seconds, a whole hour; the hours are the `days` before it."""

    spans: int
    days: int
    end_s: int
    seed: int

    @property
    def hours(self) -> range:
        """Hours since the epoch."""
        return range(self.end_s // HOUR_S - self.days * 24, self.end_s // HOUR_S)


def spans_of(plan: Plan, hour: int) -> int:
    """About how many spans an hour has: more by day than by night. The large runs come on top."""
    return int(plan.spans / len(plan.hours) * daily(hour * 60 + 30))


def large_of(plan: Plan, hour: int) -> list[int]:
    """The sizes of the large runs that begin in an hour. They lie evenly, the last of each size in the last hours."""
    if plan.spans < LARGE_FROM:
        return []
    found = []
    for size, one_for in LARGE:
        count = max(1, plan.spans // one_for)
        step, age = len(plan.hours) / count, plan.hours[-1] - hour - 1
        if age >= 0:
            found += [size] * sum(int(n * step) == age for n in range(count))
    return found


def traces_of(plan: Plan, hour: int) -> list[list[RawSpan]]:
    """The runs that begin in an hour and end within the plan, in order of their start; a list of spans each, root first."""
    r = dice("hour", hour, plan.seed)
    start_ns, wanted, told = hour * HOUR_S * SECOND, spans_of(plan, hour), 0
    traces = [_large(r, plan, start_ns, size) for size in large_of(plan, hour)]
    while told < wanted:
        for trace in _session(r, plan, start_ns):
            told += len(trace)
            traces.append(trace)
    ends_ns = plan.end_s * SECOND
    return sorted((trace for trace in traces if trace[0].end_ns < ends_ns), key=_start)


def _start(trace: list[RawSpan]) -> int:
    return trace[0].start_ns


def _session(r: random.Random, plan: Plan, hour_ns: int) -> Iterator[list[RawSpan]]:
    """A person's runs of one agent, minutes apart: 3 in the mean."""
    service, person = r.choices(SERVICES, _WEIGHTS)[0], someone(r)
    now_ns, session_id = hour_ns + int(r.random() * HOUR_S * SECOND), f"s-{r.getrandbits(48):012x}"
    staging = r.random() < STAGING
    for _ in range(1 + min(19, int(r.expovariate(0.4)))):
        setting = _setting(service, plan, now_ns, person, session_id, staging=staging)
        run = Run(r, setting, now_ns)
        yield run.tell(r.randint(*service.turns))
        now_ns = run.now_ns + int(r.expovariate(1 / 90) * SECOND)


def _large(r: random.Random, plan: Plan, hour_ns: int, spans: int) -> list[RawSpan]:
    """A run of the coding agent with nearly so many spans, told fast enough to end within minutes."""
    setting = _setting(CODING, plan, hour_ns, someone(r), f"s-large-{hour_ns // SECOND}-{spans}", staging=False)
    run = Run(r, setting, hour_ns + int(r.random() * 600 * SECOND), pace=0.01)
    return run.tell(int(spans / (1 + CODING.tool_chance)))


def _setting(service: Service, plan: Plan, now_ns: int, person: Person, session_id: str, *, staging: bool) -> Setting:
    release = release_at(service, now_ns // SECOND, plan.seed)
    who = {"session.id": session_id, "user.id": person.user_id, "tenant.id": person.tenant_id}
    environment = "staging" if staging else "prod"
    return Setting(service, release, _resource(service, release, environment), SCOPE, dict(who))


@lru_cache(maxsize=4096)
def _resource(service: Service, release: Release, environment: str) -> Resource:
    attributes = {
        "service.name": service.name,
        "service.version": release.version,
        "deployment.environment.name": environment,
    }
    digest = blake2b(repr(sorted(attributes.items())).encode(), digest_size=8).digest()
    return Resource(int.from_bytes(digest, "big", signed=True), dict(attributes))
