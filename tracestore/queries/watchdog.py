"""Who watches the watchers: does the evaluation of objectives stand still, is one out of order, does a channel not deliver?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tracestore import db
from tracestore.queries.slo_status import TRIES

STALE_AFTER: Final = timedelta(minutes=5)
TOLD_FOR: Final = timedelta(days=1)  # a delivery that was given up is told for so long
MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class EvaluatorState:
    """Of the enabled objectives, of one project or of all.

    working: those that neither counting nor evaluating failed on. newest_s: the minute up to which any of these was evaluated,
    or when it was made or changed, Unix seconds. late: names of working ones that are behind; broken: of those that failed
    TRIES times; at most MOST_NAMED each, with how many there are. failure: of the first broken one.
    """

    working: int
    newest_s: int | None
    late_count: int
    late: list[str]
    broken_count: int
    broken: list[str]
    failure: str

    def stands_still(self, now: datetime) -> bool:
        """Nothing at all was evaluated for STALE_AFTER. Not so where there is nothing to evaluate, or all of it is broken."""
        return self.newest_s is not None and now.timestamp() - self.newest_s > STALE_AFTER.total_seconds()


# Grain: one row.
_EVALUATOR = """
WITH watched AS (
  SELECT o.name, coalesce(greatest(s.failures, s.count_failures), 0) AS failures,
    coalesce(nullif(s.count_failure, ''), s.failure, '') AS failure,
    greatest(s.evaluated_s, extract(epoch FROM greatest(o.created_at, o.updated_at))::bigint) AS reached_s
  FROM objective AS o
  JOIN project AS p ON p.id = o.project_id AND p.deleted_at IS NULL
  LEFT JOIN slo_state AS s ON s.objective_id = o.id
  WHERE o.enabled
    AND o.deleted_at IS NULL
    AND (%(project)s::integer IS NULL OR o.project_id = %(project)s)
), told AS (
  SELECT *, failures = 0 AND reached_s < %(stale_before)s AS late, failures >= %(quarantined)s AS broken
  FROM watched
)
SELECT count(*) FILTER (WHERE failures = 0) AS working,
  max(reached_s) FILTER (WHERE failures = 0) AS newest_s,
  count(*) FILTER (WHERE late) AS late_count,
  coalesce((array_agg(name ORDER BY name) FILTER (WHERE late))[1:%(most)s], '{}') AS late,
  count(*) FILTER (WHERE broken) AS broken_count,
  coalesce((array_agg(name ORDER BY name) FILTER (WHERE broken))[1:%(most)s], '{}') AS broken,
  coalesce((array_agg(failure ORDER BY name) FILTER (WHERE broken))[1], '') AS failure
FROM told
"""


def find_evaluator_state(now: datetime, project_id: int | None = None) -> EvaluatorState:
    """project_id: None = the whole installation."""
    asked = {
        "project": project_id,
        "stale_before": int((now - STALE_AFTER).timestamp()),
        "quarantined": TRIES,
        "most": MOST_NAMED,
    }
    found = db.fetch_one(_EVALUATOR, asked, EvaluatorState)
    assert found is not None  # an aggregate always has a row
    return found


@dataclass(frozen=True, slots=True)
class ChannelTrouble:
    """switched_off: why it was disabled, "" when it was not (by itself). given_up: deliveries of the last day."""

    name: str
    switched_off: str
    last_failure: str
    given_up: int


# Grain: one row a channel with trouble. What a person switched off for no reason is no trouble.
_CHANNELS = """
SELECT c.name, CASE WHEN c.enabled THEN '' ELSE c.disabled_reason END AS switched_off, c.last_failure,
  coalesce(lost.given_up, 0) AS given_up
FROM alert_channel AS c
LEFT JOIN (
  SELECT channel_id, count(*) AS given_up, max(due_at) AS last_at
  FROM alert_delivery
  WHERE project_id = %(project)s AND state = 'failed' AND due_at >= %(told_from)s
  GROUP BY channel_id
) AS lost ON lost.channel_id = c.id AND (c.last_success_at IS NULL OR c.last_success_at < lost.last_at)
WHERE c.project_id = %(project)s
  AND (
    NOT c.enabled AND c.disabled_reason <> ''
    OR c.enabled AND (c.rests_until > %(now)s OR lost.given_up > 0)
  )
ORDER BY c.name
LIMIT %(most)s
"""


def find_channel_troubles(project_id: int, now: datetime) -> list[ChannelTrouble]:
    """Channels of a project that were switched off by what they answered, that rest, or that lost a notification."""
    asked = {"project": project_id, "now": now, "told_from": now - TOLD_FOR, "most": MOST_NAMED}
    return db.fetch(_CHANNELS, asked, ChannelTrouble)
