"""How much of the budgets of a project is left, beside its four lines: the least first, few words; pure but for one question."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from dashboard.geometry import share
from dashboard.links import in_project
from dashboard.objective_links import objective_href
from dashboard.templatetags.units import in_percent
from tracestore.queries.slo_status import StatusRow, find_statuses

SHOWN: Final = 6
BAR: Final = 72


@dataclass(frozen=True, slots=True)
class BudgetChip:
    """left: in words; bar: of BAR. firing: "page" | "ticket" | "". bad: nothing is left of it."""

    title: str
    href: str
    left: str
    bar: int
    firing: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Budgets:
    """more: how many there are beside these. href: all objectives."""

    chips: list[BudgetChip]
    more: int
    href: str


def read_budgets(project_id: int, slug: str, services: Collection[str]) -> Budgets:
    """The first of those of these services, of all where none is named."""
    found = [one for one in find_statuses(project_id) if not services or one.service in ("", *services)]
    chips = [chip(one, slug) for one in sorted(found, key=rank)]
    return Budgets(chips[:SHOWN], max(0, len(chips) - SHOWN), in_project(slug, "objectives"))


def rank(one: StatusRow) -> tuple[bool, bool, float, str]:
    """What fires, then the least that is left; what is not known last."""
    return one.firing is None, one.remaining is None, one.remaining or 0.0, one.label


def chip(one: StatusRow, slug: str) -> BudgetChip:
    left = one.remaining
    return BudgetChip(
        title=one.label,
        href=objective_href(slug, one.name),
        left="not counted yet" if left is None else in_percent(left) if left > 0 else "none left",
        bar=share(round(max(0.0, left or 0.0) * 1_000), 1_000, BAR),
        firing=one.firing or "",
        bad=left is not None and left <= 0,
    )
