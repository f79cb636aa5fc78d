"""What moved in a range, against the period before it or another one? Reads the rollups, compares, and tells it once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tracestore.analysis.blame import Apart, Mover, mixed, movers, tell_apart
from tracestore.analysis.contrasts import Cell, Compared, again, contrasts, within_services
from tracestore.analysis.filters import Node
from tracestore.analysis.lines import MEMBERS, Member
from tracestore.analysis.movers import Contrast, Subject, select
from tracestore.facts import CALLS, REQUESTS, SCORES, TOOLS, Rollup
from tracestore.queries.line_facts import find_cells, wanted_sums
from tracestore.queries.rollups import ONE_STEP_S
from tracestore.queries.version_heads import VersionHead, find_version_heads

# What is tested: of each line the members that are numbers of single requests and calls, so that chance can be told.
TESTED: Final = (
    "success_rate", "tool_success_rate", "feedback_positive_rate", "adoption_rate", "evaluation_pass_rate",
    "retrieval_hit_rate", "implicit_error_rate",
    "latency_p95", "ttft_p95", "timeout_rate", "queue_p95", "model_latency_p95", "tool_latency_p95",
    "cost_per_request", "budget_overrun_rate",
    "policy_violation_rate", "injection_rate", "refusal_rate", "sensitive_rate", "unknown_state_rate",
    "above_tier_rate", "unapproved_rate", "duplicate_effect_rate",
)  # fmt: skip
_WHO: Final = ("service", "service_version")


@dataclass(frozen=True, slots=True)
class Fact:
    """dimensions: what its requests, calls or scores are broken down by, besides service and version. sources: of scores,
    whose: what people say and what machines say are told apart."""

    rollup: Rollup
    dimensions: tuple[str, ...]
    sources: tuple[str, ...] = ()

    @property
    def members(self) -> list[Member]:
        known = (MEMBERS[name] for name in TESTED)
        return [one for one in known if (one.fact, one.sources) == (self.rollup.fact, self.sources)]


FACTS: Final = (
    Fact(REQUESTS, ("environment", "operation")),
    Fact(CALLS, ("model",)),
    Fact(TOOLS, ("tool",)),
    *(Fact(SCORES, (), MEMBERS[name].sources) for name in ("feedback_positive_rate", "evaluation_pass_rate")),
)


def fact_of(member: Member) -> Fact:
    return next(one for one in FACTS if member in one.members)


@dataclass(frozen=True, slots=True)
class Span:
    """[start_ns, end_ns)"""

    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Movers:
    """items: heaviest first. tested: comparisons made; small: certain ones below the margin. heads: versions, newest first."""

    items: list[Mover]
    tested: int
    small: int
    heads: list[VersionHead]


def find_movers(project_id: int, now: Span, then: Span, step_s: int, filter: Node | None = None) -> Movers:
    """What got better or worse between `then` and `now`; versions against those before them in `now`.

    step_s: steps in which a version is compared with what ran beside it, whole minutes. Raises as find_sums does.
    """
    heads = find_version_heads(project_id)
    begun = {(one.service, one.version): one.begun_ns for one in heads}
    asked = Asked(project_id, now, then, step_s, filter)
    compared = {fact: asked.compared(fact) for fact in FACTS}
    found = select([one for fact in FACTS for one in contrasts(compared[fact], fact.members, begun)])
    asked.moved.update(one.member for one in found.found if one.subject.dimension == "version")

    def without(one: Contrast, subjects: Collection[Subject]) -> Contrast | None:
        member = MEMBERS[one.member]
        return again(one, member, compared[fact_of(member)], begun, subjects)

    def apart(one: Contrast) -> Apart | None:
        member = MEMBERS[one.member]
        if one.subject.dimension == "version":
            return asked.apart(one)
        if one.subject.dimension == "service" or one.against != "before":
            return None
        return mixed(one, within_services(one, member, compared[fact_of(member)]))

    items = movers(found.found, without, apart)
    return Movers(items, found.tested, found.small, heads)


@dataclass(frozen=True, slots=True)
class Asked:
    """The ranges that are compared, and what was read of them by steps (once a fact, when a version was found).

    moved: members in which a version was found; the others are not read by steps.
    """

    project_id: int
    now: Span
    then: Span
    step_s: int
    filter: Node | None
    moved: set[str] = field(default_factory=set)
    steps: dict[Fact, list[Cell]] = field(default_factory=dict)

    def compared(self, fact: Fact) -> Compared:
        return Compared(
            fact.rollup.fact, fact.rollup.weight, ("service", *fact.dimensions), self.cells(fact, self.now),
            self.cells(fact, self.then),
        )  # fmt: skip

    def cells(self, fact: Fact, span: Span) -> list[Cell]:
        return self._read(fact, span, fact.members, fact.dimensions)

    def apart(self, one: Contrast) -> Apart:
        """Whether a version and its hours can be told apart, by the other versions of its service."""
        member = MEMBERS[one.member]
        cells = self._by_steps(fact_of(member))
        mine = [cell for cell in cells if cell.is_of(one.subject)]
        others = [cell for cell in cells if cell.key["service"] == one.subject.service and not cell.is_of(one.subject)]
        return tell_apart(one, member, mine, others)

    def _by_steps(self, fact: Fact) -> list[Cell]:
        if fact not in self.steps:
            from_ns = self.then.start_ns if self.then.end_ns == self.now.start_ns else self.now.start_ns
            span, moved = Span(from_ns, self.now.end_ns), [one for one in fact.members if one.name in self.moved]
            self.steps[fact] = self._read(fact, span, moved, step_s=self.step_s)
        return self.steps[fact]

    def _read(
        self,
        fact: Fact,
        span: Span,
        members: Iterable[Member],
        dimensions: Sequence[str] = (),
        step_s: int = ONE_STEP_S,
    ) -> list[Cell]:
        by = (*_WHO, *dimensions, *(("source",) if fact.sources else ()))
        cells = find_cells(
            fact.rollup,
            self.project_id,
            span.start_ns,
            span.end_ns,
            by,
            wanted_sums(fact.rollup, members),
            filter=self.filter,
            step_s=step_s,
        )
        return [one for one in cells if not fact.sources or one.key["source"] in fact.sources]
