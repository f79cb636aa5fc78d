"""How does a budget stand in five numbers, each with what it is made of? Pure."""

from dataclasses import dataclass

from dashboard.objective_words import target_words
from dashboard.pages.budget.reading import Budget, coverage
from dashboard.pages.budget.sentence import pace_words
from dashboard.templatetags.units import DASH, in_gap, in_percent, three_digits
from tracestore.analysis.intervals import wilson
from tracestore.analysis.slo.burn import Count, burn_rate
from tracestore.analysis.slo.promise import UNITS


@dataclass(frozen=True, slots=True)
class Tile:
    """value: a dash where it is unknown, why: the reason. asides: what it is made of, a line each. tone: "worse" | ""."""

    title: str
    value: str
    asides: tuple[str, ...] = ()
    tone: str = ""
    why: str = ""


def tiles(budget: Budget) -> list[Tile]:
    return [left_tile(budget), good_tile(budget), burn_tile(budget), runs_out_tile(budget), covered_tile(budget)]


def left_tile(budget: Budget) -> Tile:
    left, unit = budget.remaining, UNITS[budget.objective.unit]
    if left is None:
        return Tile("Budget left", DASH, why="No events in the period")
    allowed = (1 - budget.target) * budget.count.total
    asides = [f"{budget.count.bad:,} bad {unit}, {in_count(allowed)} are allowed so far"]
    if budget.excluded and budget.remaining_with_excluded is not None:
        asides.append(f"without exclusions {in_percent(budget.remaining_with_excluded)}")
    if budget.remaining_projected is not None:
        asides.append(f"{in_percent(budget.remaining_projected)} of what the whole period should allow (projection)")
    return Tile("Budget left", in_percent(left), tuple(asides), "worse" if left <= 0 else "")


def in_count(allowed: float) -> str:
    """Events that may be bad: whole ones, unless they are so few that it would be a lie."""
    return f"{allowed:,.0f}" if allowed >= 20 else three_digits(allowed)


def good_tile(budget: Budget) -> Tile:
    count, aim = budget.count, f"promised: {target_words(budget.target)}"
    interval = wilson(count.total - count.bad, count.total)
    if interval is None:
        return Tile("Good", DASH, (aim,), why="No events in the period")
    share = (count.total - count.bad) / count.total
    ends = f"{in_percent(interval.low)} to {in_percent(interval.high)}, n {count.total:,}"
    return Tile("Good", in_percent(share), (aim, ends), "worse" if share < budget.target else "")


def burn_tile(budget: Budget) -> Tile:
    """Of the stretch whose pace is gone on with, and of the last hour."""
    rate = budget.pace_rate
    hour = f"the last hour: {_rate_words(budget.hour, budget.target)}"
    title = f"Burn rate, {pace_words(budget.pace_s).removeprefix('the ')}"
    if rate is None:
        return Tile(title, DASH, (hour,), why="No events then")
    asides = (
        ("1 × spends it in exactly the period", hour)
        if budget.pace_s != 3_600
        else ("1 × spends it in exactly the period",)
    )
    return Tile(title, f"{three_digits(rate)}\u00a0×", asides, "worse" if budget.runs_out_s is not None else "")


def _rate_words(count: Count, target: float) -> str:
    rate = burn_rate(count, target)
    return "no events" if rate is None else f"{three_digits(rate)}\u00a0× ({count.bad:,} of {count.total:,})"


def runs_out_tile(budget: Budget) -> Tile:
    pace = f"at the pace of {pace_words(budget.pace_s)}"
    if budget.remaining is None or (budget.pace_rate is None and budget.remaining > 0):
        return Tile("Runs out", DASH, (pace,), why="No events to tell a pace by")
    if budget.spent_of_whole is not None and budget.spent_of_whole >= 1:
        return Tile("Runs out", "it is gone", (), "worse")
    if budget.runs_out_s is None:
        return Tile("Runs out", "not in this period", (pace,))
    return Tile("Runs out", f"in {in_gap(int(budget.runs_out_s))}", (pace,), "worse")


def covered_tile(budget: Budget) -> Tile:
    covered, status = coverage(budget), budget.status
    if covered is None or status is None or status.covered_from is None:
        return Tile("Counted", DASH, ("counting begins within a minute of saving",), why="Nothing is counted yet")
    if covered >= 1:
        if budget.is_young and budget.oldest_s is not None:
            since = in_gap(budget.until_s - max(budget.oldest_s, budget.start_s))
            return Tile("Counted", in_percent(budget.elapsed), (f"of the period has events: they go back {since}",))
        return Tile("Counted", "all of it", (f"{budget.count.total:,} {UNITS[budget.objective.unit]} until now",))
    since = f"from {status.covered_from:%Y-%m-%d %H:%M} UTC on; the history is still being counted"
    return Tile("Counted", in_percent(covered), (f"of the period, {since}",))
