"""How much of what was summed could a filter not tell apart? It had more values than are kept, and is told, not guessed."""

from tracestore import db
from tracestore.analysis.filters import Node
from tracestore.facts import FACTS
from tracestore.queries.rollups import NS, undecided_sums
from tracestore.queries.sum_targets import summed


def find_undecided(project_id: int, start_ns: int, end_ns: int, filter: Node | None) -> dict[str, int]:
    """{what is counted: how many of it}, of requests, calls, tool_calls and scores that ended in [start_ns, end_ns).

    Those of which there are none are left out: {} says that the filter was answered exactly. Sums are asked only where
    something was capped since start_ns. Raises psycopg QueryCanceled past 5 s.
    """
    if filter is None:
        return {}
    capped = _capped_tables(project_id, start_ns)
    found = {
        one.weight: undecided_sums(one, project_id, start_ns, end_ns, filter)
        for one in FACTS
        if (known := summed(one, filter)) and known.table in capped
    }
    return {name: count for name, count in found.items() if count}


_CAPPED = """
SELECT DISTINCT rollup
FROM rollup_capped
WHERE project = %(project)s AND last_start_s >= %(since)s
"""


def _capped_tables(project_id: int, start_ns: int) -> set[str]:
    return {rollup for (rollup,) in db.fetch_tuples(_CAPPED, {"project": project_id, "since": start_ns // NS})}
