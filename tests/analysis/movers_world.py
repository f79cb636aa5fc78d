"""Requests drawn at random, as cells of a rollup: what movers are tested on. Nothing here is calibrated on the code it tests."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tracestore.analysis import histogram
from tracestore.analysis.blame import Apart, Mover, mixed, movers, tell_apart
from tracestore.analysis.contrasts import Cell, Compared, again, contrasts, within_services
from tracestore.analysis.line_sums import Together
from tracestore.analysis.lines import MEMBERS
from tracestore.analysis.movers import Contrast, Selection, select

TESTED = [
    MEMBERS[name]
    for name in ("success_rate", "feedback_positive_rate", "latency_p95", "cost_per_request", "policy_violation_rate")
]
STEP_S = 300
RATED = 0.5  # of requests


@dataclass(frozen=True, slots=True)
class Kind:
    """Requests of one version: how often they fail or violate a policy, how long they take (s), what they cost (USD), how
    often people dislike the answer, who rate each second one."""

    failing: float = 0.03
    violating: float = 0.01
    median_s: float = 4.0
    dollars: float = 0.02
    disliked: float = 0.2


GOOD = Kind()


@dataclass(frozen=True, slots=True)
class Ran:
    """n requests of a version in a step. step < 0: in the period before."""

    service: str
    version: str
    step: int
    n: int
    kind: Kind = GOOD
    operation: str = "agent"

    def but(self, **changes: float) -> "Ran":
        return replace(self, kind=replace(self.kind, **changes))


def cell(ran: Ran, chance: random.Random, opinions: random.Random) -> Cell:
    failed = sum(chance.random() < ran.kind.failing for _ in range(ran.n))
    took = [int(chance.lognormvariate(0, 0.5) * ran.kind.median_s * 1e9) for _ in range(ran.n)]
    costs = [int(chance.lognormvariate(0, 0.6) * ran.kind.dollars * 1e9) for _ in range(ran.n)]
    measures = {
        "requests": ran.n, "errors": failed, "cost_nanousd": sum(costs), "policy_checked": ran.n,
        "policy_violations": sum(chance.random() < ran.kind.violating for _ in range(ran.n)),
    }  # fmt: skip
    rated = sum(opinions.random() < RATED for _ in range(ran.n))
    disliked = sum(opinions.random() < ran.kind.disliked for _ in range(rated))
    measures |= {"passed": rated - disliked, "failed": disliked}
    histograms = {
        "duration": histogram.count(took[failed:]),
        "cost": histogram.count(costs),
    }
    key = {"service": ran.service, "service_version": ran.version, "operation": ran.operation}
    return Cell(key, Together(measures, histograms), ran.step * STEP_S)


@dataclass(frozen=True, slots=True)
class Told:
    selection: Selection
    movers: list[Mover]

    def of(self, value: str) -> dict[str, Mover]:
        """By member, what is told of one value."""
        return {one.contrast.member: one for one in self.movers if one.contrast.subject.value == value}


def tell(history: Iterable[Ran], seed: int = 1, begun: Mapping[tuple[str, str], int] | None = None) -> Told:
    """What the movers say. begun: when versions began, else when they first ran here."""
    chance, opinions, ran = random.Random(seed), random.Random(~seed), list(history)
    cells = [cell(one, chance, opinions) for one in ran]
    first = {(one.service, one.version): one.step for one in sorted(ran, key=lambda one: -one.step)}
    now, then = [one for one in cells if one.start_s >= 0], [one for one in cells if one.start_s < 0]
    compared = Compared("trace", "requests", ("service", "operation"), now, then)
    since = begun or first
    selection = select(contrasts(compared, TESTED, since))
    found = movers(
        selection.found,
        lambda one, without: again(one, MEMBERS[one.member], compared, since, without),
        lambda one: apart(one, compared, cells),
    )
    return Told(selection, found)


def apart(one: Contrast, compared: Compared, cells: list[Cell]) -> Apart | None:
    member, service = MEMBERS[one.member], one.subject.service
    if one.subject.dimension == "version":
        mine = [cell for cell in cells if cell.is_of(one.subject)]
        others = [cell for cell in cells if cell.key["service"] == service and not cell.is_of(one.subject)]
        return tell_apart(one, member, mine, others)
    return None if one.subject.dimension == "service" else mixed(one, within_services(one, member, compared))
