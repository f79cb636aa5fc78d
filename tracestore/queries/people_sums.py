"""How did the requests of each user or tenant do? Rollups do not know them, so rows are read: of 7 days at most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from tracestore import db
from tracestore.analysis.filters import Node
from tracestore.facts import REQUESTS
from tracestore.queries.filters import condition
from tracestore.queries.ranges import days_of_ended
from tracestore.queries.row_targets import OF_FACT
from tracestore.rollups_sql import sum_names, values_of_rows

PEOPLE: Final[Mapping[str, str]] = {"user": "user_id", "tenant": "tenant_id"}
REACH_NS: Final = 7 * 86_400 * 10**9
MOST: Final = 2_000
_WANTED: Final = frozenset(
    {
        "requests", "errors", "cost_nanousd", "policy_checked", "policy_violations", "injection_checked",
        "injection_hits", "sensitive_checked", "sensitive_hits", "refusal_known", "refusals", "duration", "cost",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PersonSums:
    """key: [the user or tenant], None = unknown. measures, histograms: as of rollups."""

    key: list[str | None]
    measures: dict[str, int | None]
    histograms: dict[str, Sequence[int] | None]


_FIND = sql.SQL("""SELECT ARRAY[x.{column}]::text[] AS key, jsonb_build_object({measures}) AS measures,
  jsonb_build_object({histograms}) AS histograms
FROM {fact} AS x
CROSS JOIN LATERAL (SELECT x.*) AS {alias}
WHERE x.project = %(project)s
  AND x.day BETWEEN %(first_day)s AND %(last_day)s
  AND x.end_ns >= %(start_ns)s
  AND x.end_ns < %(end_ns)s
  AND {selected}
GROUP BY x.{column}
ORDER BY count(*) DESC, x.{column}
LIMIT %(most)s""")


def find_people_sums(
    project_id: int, dimension: str, start_ns: int, end_ns: int, filter: Node | None = None
) -> list[PersonSums]:
    """Requests that ended in the last REACH_NS of [start_ns, end_ns), by a key of PEOPLE: the MOST most frequent.

    Raises KeyError for another dimension, QueryCanceled past 5 s.
    """
    from_ns = max(start_ns, end_ns - REACH_NS)
    alias, target = OF_FACT[REQUESTS.fact]
    selected, values = condition(filter, target)
    statement = _FIND.format(
        column=sql.Identifier(PEOPLE[dimension]),
        measures=_pairs([one.name for one in REQUESTS.measures]),
        histograms=_pairs([one.name for one in REQUESTS.histograms]),
        fact=sql.Identifier(REQUESTS.fact),
        alias=sql.Identifier(alias),
        selected=selected,
    )
    asked = {"project": project_id, "start_ns": from_ns, "end_ns": end_ns, "most": MOST}
    return db.fetch(statement, asked | days_of_ended(project_id, from_ns, end_ns) | values, PersonSums)


def _pairs(names: Sequence[str]) -> sql.Composed:
    found = dict(zip(sum_names(REQUESTS), values_of_rows(REQUESTS)[len(REQUESTS.dimensions) :], strict=True))
    return sql.SQL(", ").join(
        sql.SQL("{}, {}").format(sql.Literal(name), found[name]) for name in names if name in _WANTED
    )
