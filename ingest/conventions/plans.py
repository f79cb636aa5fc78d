"""Which rules concern a span? Looked up once for each set of attribute keys, since spans of one kind carry the same keys.

A plan lists the rules in the order of the attributes, so it does what asking for each attribute in turn would do. A few
hundred plans answer for nearly every span: 19.5 lookups of keys, of which 7 find nothing, become one of their tuple
(2 us less a span).
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ingest.conventions import fields as f
from ingest.conventions.rules import BLOB, SPAN
from tracestore.records import Attributes

Rule = tuple[str, int, int, Callable[[Any], Any], str]  # attribute, field, rank, read, source
Blob = tuple[str, Callable[[Any], Any], str]  # attribute, read, source


class Special(NamedTuple):
    """What few sets of keys have: rules of fields beyond the lists; documents that were retrieved, one attribute each."""

    rules: tuple[Rule, ...]
    documents: bool


Plan = tuple[tuple[Rule, ...], tuple[Blob, ...], Special | None]
_DOCUMENTS = ("retrieval.documents.", "db.query.result.")

KEYS_MAX = 64  # spans with more are rarely alike
PLANS_MAX = 1_024
_plans: dict[tuple[str, ...], Plan] = {}


def plan_of(attributes: Attributes) -> Plan:
    """The rules of a span's own attributes, in their order; then the rules for those that hold several fields.

    Last what is special about them: of most spans nothing is, and nobody looks.
    """
    keys = tuple(attributes)
    plan = _plans.get(keys)
    if plan is None:
        plan = _made(keys)
        if len(keys) <= KEYS_MAX:
            if len(_plans) >= PLANS_MAX:
                _plans.clear()
            _plans[keys] = plan
    return plan


def _made(keys: Iterable[str]) -> Plan:
    rules: list[Rule] = []
    blobs: list[Blob] = []
    special: list[Rule] = []
    documents = False
    for key in keys:
        documents = documents or key.startswith(_DOCUMENTS)
        for field, rank, read, source in SPAN.get(key, ()):
            if field == BLOB:
                blobs.append((key, read, source))
            else:
                (rules if field < f.COUNT else special).append((key, field, rank, read, source))
    return tuple(rules), tuple(blobs), Special(tuple(special), documents) if special or documents else None
