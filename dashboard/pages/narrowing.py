"""Which address leads from a value of a dimension to exactly its traces, within the range and filter of this page?"""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.links import in_project, quoted, with_query

RANGE = ("range", "from", "to", "tz")


@dataclass(frozen=True, slots=True)
class Narrowing:
    """query: of the page; its range and its filter stay."""

    slug: str
    query: Mapping[str, str]

    def traces(self, dimension: str, value: str | None, service: str = "", *, term: str = "") -> str:
        """Requests that ended in the range, of a value; term: another condition. An unknown value: those that lack it."""
        terms = [self.kept(), term_of("service", service) if service else "", term]
        terms.append("" if dimension == "all" else term_of(dimension, value))
        return self.at("traces", q=" ".join(one for one in terms if one), by="end")

    def kept(self) -> str:
        wanted = self.query.get("q", "").strip()
        return f"({wanted})" if " OR " in wanted else wanted

    def at(self, *parts: str, **changes: str | None) -> str:
        ranged = {name: self.query[name] for name in RANGE if self.query.get(name)}
        return with_query(in_project(self.slug, *parts), ranged, **changes)

    def version(self, set_id: str) -> str:
        """Without the range: the version before it ran before, so the page begins with its own, longer one."""
        return in_project(self.slug, "versions", set_id)

    def tool(self, name: str) -> str:
        return self.at("tools", name)

    def diff(self, a: str, b: str) -> str:
        return with_query(in_project(self.slug, "versions", "diff"), {}, a=a, b=b)


def term_of(dimension: str, value: str | None) -> str:
    return f"-{dimension}:*" if value is None else f"{dimension}:{quoted(value)}"
