"""What is compared with what? Every value of every dimension, now and then, by each member that its fact knows."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tracestore.analysis.differences import compare
from tracestore.analysis.line_estimates import Estimate, estimate
from tracestore.analysis.line_forms import Counted, Member
from tracestore.analysis.line_sums import Together, together
from tracestore.analysis.movers import MIN_N, Contrast, Subject

VALUES: Final = 20  # of a dimension, the largest: the rest is too small to move the total
Begun = Mapping[tuple[str, str], int]  # (service, version) -> when it was first seen, ns


@dataclass(frozen=True, slots=True)
class Cell:
    """Sums of one combination of values. key: dimension -> value. start_s: of its step, where there are steps."""

    key: Mapping[str, str | None]
    sums: Counted
    start_s: int = 0

    def is_of(self, subject: Subject) -> bool:
        if subject.dimension == "all":
            return True
        if subject.dimension == "version":
            return self.key["service"] == subject.service and self.key["service_version"] == subject.value
        return subject.dimension in self.key and self.key[subject.dimension] == subject.value


@dataclass(frozen=True, slots=True)
class Compared:
    """A fact in the range and in the period it is compared with. counted: the measure that counts its items."""

    fact: str
    counted: str
    dimensions: tuple[str, ...]
    now: Sequence[Cell]
    then: Sequence[Cell]


def merged(cells: Iterable[Cell]) -> Together:
    """One group of them: what find_sums would have answered without their dimensions."""
    return together([cell.sums for cell in cells])


def contrasts(compared: Compared, members: Sequence[Member], begun: Begun) -> list[Contrast]:
    """One for each subject, side and member of the fact for which both sides have a number with an interval.

    A new value is compared with the rest in shares alone: that a new model is slower than the others is no change.
    """
    whole = merged(compared.now)
    wholes = {member.name: estimate(member, [whole]) for member in members}
    found: list[Contrast] = []
    for subject in subjects(compared):
        mine = merged(cell for cell in compared.now if cell.is_of(subject))
        for against, cells in sides(subject, compared, begun):
            other = merged(cells)
            fair = [one for one in members if against != "rest" or one.unit == "ratio"]
            made = (contrast(subject, one, against, mine, other, wholes[one.name]) for one in fair)
            found += [one for one in made if one is not None]
    return found


def contrast(
    subject: Subject, member: Member, against: str, now: Counted, then: Counted, whole: Estimate
) -> Contrast | None:
    """None where one side has no number, or the difference no interval."""
    mine, other = estimate(member, [now]), estimate(member, [then])
    between = compare(member, other, mine)
    if mine.value is None or other.value is None or between.low is None or between.high is None:
        return None
    return Contrast(
        subject=subject, member=member.name, line=member.line, unit=member.unit, good=member.direction,
        against=against, now=mine.value, n=mine.n, then=other.value, n_then=other.n, low=between.low,
        high=between.high, share=mine.n / whole.n if whole.n else 0.0, whole=whole.value,
    )  # fmt: skip


def subjects(compared: Compared) -> list[Subject]:
    """Everything, then the largest values of each dimension; what is unknown, or the rest of too many, is no subject."""
    counts: dict[Subject, int] = {}
    for cell in compared.now:
        n = cell.sums.measures.get(compared.counted) or 0
        for subject in _subjects_of(cell, compared.dimensions):
            counts[subject] = counts.get(subject, 0) + n
    by_dimension: dict[str, list[Subject]] = {}
    for subject in sorted(counts, key=lambda one: (-counts[one], one.value or "", one.service)):
        if counts[subject] >= MIN_N:
            by_dimension.setdefault(subject.dimension, []).append(subject)
    return [Subject("all", None), *(one for found in by_dimension.values() for one in found[:VALUES])]


def _subjects_of(cell: Cell, dimensions: Iterable[str]) -> Iterator[Subject]:
    if cell.key["service_version"] not in (None, "__other__"):
        yield Subject("version", cell.key["service_version"], cell.key["service"] or "")
    for name in dimensions:
        if cell.key[name] not in (None, "__other__"):
            yield Subject(name, cell.key[name])


def sides(
    subject: Subject, compared: Compared, begun: Begun, without: Collection[Subject] = ()
) -> list[tuple[str, list[Cell]]]:
    """(against, cells) of what a subject is compared with, leaving out cells of `without`.

    A version: the versions of its service that began before it, in the same range where they ran often enough, else in
    the period before as well (the first version has none: what changed with time shows in its service). Another value:
    itself before, a new one the rest, if anything was counted before at all.
    """
    now = [cell for cell in compared.now if not _of_any(cell, without)]
    then = [cell for cell in compared.then if not _of_any(cell, without)]
    if subject.dimension == "version":
        earlier = [cell for cell in now if _is_earlier(cell, subject, begun)]
        if _counted(earlier, compared.counted) < MIN_N:
            earlier += [cell for cell in then if _is_earlier(cell, subject, begun)]
        return [("earlier", earlier)] if earlier else []
    same = [cell for cell in then if cell.is_of(subject)]
    if same or subject.dimension == "all":
        return [("before", same)]
    if _counted(then, compared.counted) < MIN_N:
        return []
    return [("rest", [cell for cell in now if not cell.is_of(subject)])]


def _of_any(cell: Cell, without: Collection[Subject]) -> bool:
    return any(cell.is_of(one) for one in without)


def _counted(cells: Iterable[Cell], measure: str) -> int:
    return sum(cell.sums.measures.get(measure) or 0 for cell in cells)


def _is_earlier(cell: Cell, subject: Subject, begun: Begun) -> bool:
    """Whether a cell is of a version of the same service that began before this one."""
    service, version = cell.key["service"], cell.key["service_version"]
    if service != subject.service or version is None or subject.value is None:
        return False
    mine, its = begun.get((service, subject.value)), begun.get((service, version))
    return mine is not None and its is not None and its < mine


def within_services(one: Contrast, member: Member, compared: Compared) -> list[Contrast]:
    """The same comparison in each service that both sides have, for a value that several of them share."""
    found = []
    for service in sorted({cell.key["service"] or "" for cell in compared.now if cell.is_of(one.subject)}):
        now, then = (
            merged(cell for cell in side if cell.is_of(one.subject) and cell.key["service"] == service)
            for side in (compared.now, compared.then)
        )
        made = contrast(one.subject, member, one.against, now, then, Estimate(one.whole, one.n))
        found += [made] if made is not None and min(made.n, made.n_then) >= MIN_N else []
    return found


def again(
    one: Contrast, member: Member, compared: Compared, begun: Begun, without: Collection[Subject]
) -> Contrast | None:
    """The same comparison without the cells of some subjects, on both sides: what they do not explain of it."""
    mine = merged(cell for cell in compared.now if cell.is_of(one.subject) and not _of_any(cell, without))
    for against, cells in sides(one.subject, compared, begun, without):
        if against == one.against:
            whole = Estimate(one.whole, round(one.n / one.share) if one.share else 0)
            return contrast(one.subject, member, against, mine, merged(cells), whole)
    return None
