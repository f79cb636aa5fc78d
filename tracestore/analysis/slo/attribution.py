"""What do the bad requests have in common that the rest have not? Attributes ranked by how much of the trouble they explain.

One row a trace, since its spans hang together. What it finds is association within the period, not proof of a cause.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from tracestore.analysis.slo.evidence import (
    Table,
    attributable_low,
    benjamini_yekutieli,
    chance,
    lift,
    log_odds,
)

DEFINING = frozenset({"status", "error", "error_type", "error.type", "duration", "duration_ns"})  # what makes a row bad
MOST_VALUES = 1_000
KEPT_VALUES = 100
MISSING, OTHER = "(missing)", "(other)"
LEAST_BAD, LEAST_SHARE, LEAST_LIFT, MOST_Q = 5, 0.10, 1.5, 0.05
ALIKE = 0.9  # correlation within the bad from which two attributes are one
LEAST_EXPLAINED, MOST_CAUSES, PAIRS_AMONG = 0.05, 5, 8

Attribute = tuple[str, str]  # field, value
Row = Mapping[str, str | float | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """An attribute (or two together) that is more frequent among the bad.

    aliases: attributes that nearly always come with it. explained: the share of all bad rows it explains at least.
    q: chance, corrected for everything that was tested. odds_low, odds_high: 95 % interval of the odds ratio's logarithm.
    """

    attributes: tuple[Attribute, ...]
    aliases: tuple[Attribute, ...]
    table: Table
    lift: float
    odds_low: float
    odds_high: float
    q: float
    explained: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """findings: in the order in which they explain what those before left. tested: attributes that were looked at."""

    findings: tuple[Finding, ...]
    tested: int
    bad: int
    good: int


def attribute(rows: Sequence[tuple[bool, Row]]) -> Attribution:
    """rows: (bad?, field -> value) of each trace; None and a field that is not there are the value "(missing)"."""
    told = _as_texts(rows)
    bad = [found for is_bad, found in told if is_bad]
    good = [found for is_bad, found in told if not is_bad]
    tables = _tables(bad, good)
    singles = _significant(tables, len(tables))
    groups = _grouped(singles, bad)
    pairs = _pairs(groups[:PAIRS_AMONG], bad, good, len(tables))
    findings = _greedy([*groups, *pairs], bad, good)
    return Attribution(tuple(findings), len(tables), len(bad), len(good))


def _as_texts(rows: Sequence[tuple[bool, Row]]) -> list[tuple[bool, frozenset[Attribute]]]:
    fields = sorted({field for _, row in rows for field in row} - DEFINING)
    told: list[list[Attribute]] = [[] for _ in rows]
    for field in fields:
        values = _values([row.get(field) for _, row in rows])
        for attributes, value in zip(told, values or [], strict=False):
            attributes.append((field, value))
    return [(is_bad, frozenset(found)) for (is_bad, _), found in zip(rows, told, strict=True)]


def _values(column: Sequence[str | float | None]) -> list[str] | None:
    """Numbers become tenths of their distribution; the rarest of many texts "(other)". None for a field of identities."""
    numbers = sorted(float(value) for value in column if isinstance(value, int | float))
    if numbers and all(value is None or isinstance(value, int | float) for value in column):
        edges = [numbers[min(len(numbers) - 1, len(numbers) * k // 10)] for k in range(1, 10)]
        return [MISSING if value is None else _tenth(float(value), edges) for value in column]
    counts = Counter(str(value) for value in column if value is not None)
    if not counts or len(counts) > MOST_VALUES or (len(counts) > 1 and len(counts) / sum(counts.values()) > 0.5):
        return None
    kept = {value for value, _ in counts.most_common(KEPT_VALUES)}
    return [MISSING if value is None else str(value) if str(value) in kept else OTHER for value in column]


def _tenth(value: float, edges: Sequence[float]) -> str:
    place = sum(value > edge for edge in edges)
    low = f"over {edges[place - 1]:g}" if place else ""
    high = f"up to {edges[place]:g}" if place < len(edges) else ""
    return ", ".join(filter(None, (low, high)))


def _tables(bad: Sequence[frozenset[Attribute]], good: Sequence[frozenset[Attribute]]) -> dict[Attribute, Table]:
    with_bad = Counter(one for found in bad for one in found)
    with_good = Counter(one for found in good for one in found)
    return {
        one: Table(with_bad[one], len(bad) - with_bad[one], with_good[one], len(good) - with_good[one])
        for one in sorted({*with_bad, *with_good})
    }


def _significant(tables: Mapping[Attribute, Table], tested: int) -> list[Finding]:
    chances = [chance(table) for table in tables.values()]
    found = [
        _finding((one,), table, q)
        for (one, table), q in zip(tables.items(), benjamini_yekutieli(chances), strict=True)
        if _worth_naming(table, q)
    ]
    return sorted(found, key=_rank)


def _worth_naming(table: Table, q: float) -> bool:
    return q < MOST_Q and table.a >= LEAST_BAD and table.a >= LEAST_SHARE * table.bad and lift(table) >= LEAST_LIFT


def _finding(attributes: tuple[Attribute, ...], table: Table, q: float) -> Finding:
    _, low, high = log_odds(table)
    return Finding(attributes, (), table, lift(table), low, high, q, attributable_low(table))


def _rank(finding: Finding) -> tuple[float, int, tuple[Attribute, ...]]:
    """Of those that explain the same the one with the shortest name: "version" rather than "attr.service.version"."""
    return (-finding.explained, *_shortest(finding))


def _shortest(finding: Finding) -> tuple[int, tuple[Attribute, ...]]:
    return sum(len(field) for field, _ in finding.attributes), finding.attributes


def _grouped(findings: Sequence[Finding], bad: Sequence[frozenset[Attribute]]) -> list[Finding]:
    """Attributes that come together within the bad become one finding, named by the strongest of them."""
    groups: list[Finding] = []
    for finding in findings:
        (one,) = finding.attributes
        at = next((i for i, group in enumerate(groups) if _phi(group.attributes[0], one, bad) >= ALIKE), None)
        if at is None:
            groups.append(finding)
        else:
            groups[at] = replace(groups[at], aliases=(*groups[at].aliases, one))
    return groups


def _phi(one: Attribute, other: Attribute, rows: Sequence[frozenset[Attribute]]) -> float:
    """Correlation of having the one with having the other; both always or both never there: 1."""
    n = len(rows)
    x, y = sum(one in row for row in rows), sum(other in row for row in rows)
    both = sum(one in row and other in row for row in rows)
    spread = x * (n - x) * y * (n - y)
    return (n * both - x * y) / spread**0.5 if spread else float(x == y)


def _pairs(
    groups: Sequence[Finding], bad: Sequence[frozenset[Attribute]], good: Sequence[frozenset[Attribute]], tested: int
) -> list[Finding]:
    """Two attributes together, where that is significant against the better of the two alone."""
    couples = [(one, other) for one, other in combinations(groups, 2) if one.attributes[0][0] != other.attributes[0][0]]
    against = [_within_parent(one, other, bad, good) for one, other in couples]
    found = []
    for (one, other), table, q in zip(couples, against, benjamini_yekutieli([chance(t) for t in against]), strict=True):
        both = (one.attributes[0], other.attributes[0])
        whole = _table_of(frozenset(both), bad, good)
        if q < MOST_Q and lift(table) > 1 and _worth_naming(whole, q):
            found.append(_finding(both, whole, q))
    return sorted(found, key=_rank)


def _within_parent(
    one: Finding, other: Finding, bad: Sequence[frozenset[Attribute]], good: Sequence[frozenset[Attribute]]
) -> Table:
    """Among the rows with the better of the two: does the other one matter as well?"""
    parent, child = sorted((one, other), key=_rank)
    has = parent.attributes[0]
    return _table_of(
        frozenset(child.attributes), [row for row in bad if has in row], [row for row in good if has in row]
    )


def _table_of(
    attributes: frozenset[Attribute], bad: Iterable[frozenset[Attribute]], good: Iterable[frozenset[Attribute]]
) -> Table:
    with_bad, with_good = [attributes <= row for row in bad], [attributes <= row for row in good]
    a, c = sum(with_bad), sum(with_good)
    return Table(a, len(with_bad) - a, c, len(with_good) - c)


def _greedy(
    candidates: Sequence[Finding], bad: Sequence[frozenset[Attribute]], good: Sequence[frozenset[Attribute]]
) -> list[Finding]:
    """The best first; then what explains most of what it leaves, while that is worth naming."""
    left, chosen = list(bad), list[Finding]()
    while left and len(chosen) < MOST_CAUSES:
        scored = [
            (attributable_low(_table_of(frozenset(one.attributes), left, good)) * len(left) / len(bad), one)
            for one in candidates
            if one not in chosen
        ]
        if not scored:
            break
        explained, best = min(scored, key=lambda item: (-item[0], *_shortest(item[1])))
        if explained < LEAST_EXPLAINED:
            break
        chosen.append(replace(best, explained=explained))
        left = [row for row in left if not frozenset(best.attributes) <= row]
    return chosen
