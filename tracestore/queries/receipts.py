"""What did the model calls of one trace cost, model by model?"""

from dataclasses import dataclass

from tracestore import db
from tracestore.queries.ranges import EVER, Days


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """Billable calls of one model; tokens and nano-USD, None = unknown for all of them."""

    model: str | None
    calls: int
    input_tokens: int | None
    cache_read_tokens: int | None
    output_tokens: int | None
    cost_nanousd: int | None


_RECEIPT = """
SELECT
  c.model, count(*) AS calls, bounded(sum(c.input_tokens)) AS input_tokens,
  bounded(sum(c.cache_read_tokens)) AS cache_read_tokens, bounded(sum(c.output_tokens)) AS output_tokens,
  bounded(sum(c.cost_nanousd)) AS cost_nanousd
FROM llm_call AS c
WHERE c.project = %(project)s AND c.trace_id = %(trace_id)s AND c.billable
  AND c.day BETWEEN %(first_day)s AND %(last_day)s
GROUP BY c.model
ORDER BY sum(c.cost_nanousd) DESC NULLS LAST, c.model
LIMIT 20
"""


def trace_receipt(project_id: int, trace_id: str, days: Days = EVER) -> list[ReceiptRow]:
    """Dearest model first; empty before the trace is settled. days: where its spans lie."""
    parameters = {"project": project_id, "trace_id": trace_id, "first_day": days[0], "last_day": days[1]}
    return db.fetch(_RECEIPT, parameters, ReceiptRow)
