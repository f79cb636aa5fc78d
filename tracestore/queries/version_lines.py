"""How did one version of a service do on all four lines, and another one, and did they run at the same time?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tracestore.analysis.line_forms import Fact, Rate, Reading, Total
from tracestore.analysis.lines import LINES, Difference, Estimate, Member, compare, estimate, members_of
from tracestore.facts import REQUESTS
from tracestore.queries.line_facts import ROLLUP_OF
from tracestore.queries.movers import Span
from tracestore.queries.rollups import Sums, find_sums
from tracestore.queries.versions import VersionSetRow

COMPARED: Final = tuple(line for line in LINES if line != "signals")
Where = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class MemberPair:
    member: Member
    before: Estimate
    after: Estimate
    difference: Difference


def where_of(one: VersionSetRow, other: VersionSetRow | None) -> Where:
    """What tells the two apart: the version of the code with all its sets, or the sets alone where the code is the same."""
    if one.service_version is None or (other and other.service_version == one.service_version):
        return {"service": one.service, "version_set": one.id}
    return {"service": one.service, "service_version": one.service_version}


def find_pairs(project_id: int, before: Where | None, after: Where, span: Span) -> list[MemberPair]:
    """Every member of the four lines that is a number of requests and calls, in the registry's order."""
    members = [one for line in COMPARED for one in members_of(line) if not isinstance(one.form, Rate | Reading | Total)]
    facts = dict.fromkeys(fact for one in members for fact in one.facts)
    sums = {fact: [_sums(project_id, fact, where, span) for where in (before, after)] for fact in facts}
    return [
        _pair(one, *([row for fact in one.facts for row in sums[fact][side]] for side in (0, 1))) for one in members
    ]


def _sums(project_id: int, fact: Fact, where: Where | None, span: Span) -> list[Sums]:
    rollup = ROLLUP_OF[fact]
    by = ("source",) if any(one.name == "source" for one in rollup.dimensions) else ()
    return [] if where is None else find_sums(rollup, project_id, span.start_ns, span.end_ns, by=by, where=where)


def _pair(member: Member, before: Sequence[Sums], after: Sequence[Sums]) -> MemberPair:
    old, new = (estimate(member, [one for one in side if _is_asked(member, one)]) for side in (before, after))
    return MemberPair(member, old, new, compare(member, old, new))


def _is_asked(member: Member, sums: Sums) -> bool:
    return not member.sources or not sums.key or sums.key[0] in member.sources


def share_of_traffic(project_id: int, service: str, where: Where, span: Span) -> tuple[int, int]:
    """(requests of the version, requests of its service) that ended in the span, such as while the version ran."""
    every = find_sums(REQUESTS, project_id, span.start_ns, span.end_ns, by=tuple(where), where={"service": service})
    wanted = list(where.values())
    mine = sum(one.measures["requests"] or 0 for one in every if one.key == wanted)
    return mine, sum(one.measures["requests"] or 0 for one in every)


def overlap_ns(one: VersionSetRow, other: VersionSetRow) -> int:
    """How long both were seen: from when the later began until the earlier was last seen; 0 = they did not overlap."""
    return max(0, min(one.last_seen_ns, other.last_seen_ns) - max(one.first_seen_ns, other.first_seen_ns))
