"""Which version did an objective go bad from, and which traces show it?"""

from typing import Final

from tracestore import db
from tracestore.analysis.slo.blame import STRATUM_S, Cell
from tracestore.analysis.slo.burn import Count
from tracestore.analysis.slo.notice import VersionBlame
from tracestore.analysis.slo.version_blame import KnownSet, blame_versions
from tracestore.queries.slo import ObjectiveRow
from tracestore.queries.slo_series import find_series
from tracestore.queries.versions import version_sets_by_id

BEFORE_S: Final = 6 * 3_600  # looked back at least so far beyond the rule's long window, so that there is a time before
LONGEST_S: Final = 4 * 86_400
EXAMPLES: Final = 3


def find_blame(objective: ObjectiveRow, fired_s: int, until_s: int, long_s: int) -> VersionBlame:
    """From well before the rule began to hold until until_s (Unix seconds, a whole minute). long_s: the rule's long window."""
    back_s = min(LONGEST_S, long_s + max(long_s, BEFORE_S))
    start_s = (fired_s - back_s) // STRATUM_S * STRATUM_S
    points = find_series(objective, start_s, until_s, STRATUM_S, by_version=True)
    cells = [Cell(one.start_s, one.version_set or "", Count(one.bad, one.total)) for one in points]
    rows = version_sets_by_id(objective.project_id, sorted({cell.version for cell in cells} - {""}))
    known = {
        key: KnownSet(row.id, row.service, row.service_version, row.parts, row.first_seen_ns)
        for key, row in rows.items()
    }
    return blame_versions(cells, known, objective.id)


# By primary key: the minutes of one objective.
_EXAMPLES: Final = """
SELECT replace(bad.trace_id::text, '-', '') AS trace_id
FROM slo_count AS c
CROSS JOIN unnest(c.bad_traces) AS bad (trace_id)
WHERE c.objective_id = %(objective)s AND c.grain_s = 60 AND c.start_s >= %(start_s)s AND c.start_s < %(end_s)s
GROUP BY bad.trace_id
ORDER BY bool_or(c.version_set = %(version_set)s) DESC, max(c.start_s) DESC, bad.trace_id
LIMIT %(rows)s
"""


def find_examples(objective_id: int, start_s: int, end_s: int, version_set: str | None) -> tuple[str, ...]:
    """Ids of bad traces (32 hex digits), those of the version set first, then the newest."""
    asked = {
        "objective": objective_id, "start_s": start_s, "end_s": end_s, "version_set": version_set or "", "rows": EXAMPLES,
    }  # fmt: skip
    return tuple(trace_id for (trace_id,) in db.fetch_tuples(_EXAMPLES, asked))
