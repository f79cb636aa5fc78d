"""Which messages did the model call before this one hold already?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from tracestore import db
from tracestore.analysis.messages import conversation
from tracestore.payload import Payload
from tracestore.queries.payloads import load_payloads
from tracestore.queries.spans import SpanRow

LOOKED_AT = 6  # calls before: several agents of one trace may take turns


@dataclass(frozen=True, slots=True)
class _Place:
    day: date
    block_id: int
    block_index: int
    operation: str


# Answered calls alone: what a refused call asked is still new to the one that repeats it.
_BEFORE = """
SELECT s.day, s.block_id, s.block_index, s.operation
FROM span AS s
WHERE s.project = %(project)s
  AND s.trace_id = %(trace_id)s
  AND s.operation IN ('chat', 'completion')
  AND s.service = %(service)s
  AND s.end_ns <= %(start_ns)s
  AND s.status <> 2
ORDER BY (s.agent_name IS NOT DISTINCT FROM %(agent)s::text) DESC, s.start_ns DESC
LIMIT %(rows)s
"""


def messages_before(project_id: int, span: SpanRow, hashes: Iterable[str]) -> frozenset[str] | None:
    """Hashes of all that was said in the call which this one continues: of the calls that ended before it in its trace,
    the one that shares most messages with it. hashes: of this call's input. None: no call before it shares any.
    """
    parameters = {"project": project_id, "trace_id": span.trace_id, "service": span.service, "agent": span.agent_name}
    places = db.fetch(_BEFORE, parameters | {"start_ns": span.start_ns, "rows": LOOKED_AT}, _Place)
    trace_id = bytes.fromhex(span.trace_id)
    sent = load_payloads(project_id, [(one.day, trace_id, one.block_id, one.block_index) for one in places])
    own = set(hashes)
    said = [_said(payload, place.operation) for payload, place in zip(sent, places, strict=True) if payload]
    best = max(said, key=lambda one: len(one & own), default=frozenset())
    return best if best & own else None


def _said(payload: Payload, operation: str) -> frozenset[str]:
    found = conversation(payload.attributes, payload.events, (), operation)
    every = [*(found.input_messages or ()), *(found.output_messages or ())]
    return frozenset(one.hash for one in every if one.hash)
