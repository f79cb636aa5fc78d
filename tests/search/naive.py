"""All texts of a trace, read the long way: every span put together again, every value walked. The index is held to it."""

import json
from collections.abc import Iterator
from typing import Any

from tracestore import db
from tracestore.analysis.texts import KINDS, MAX_TEXT
from tracestore.payload import decode_value
from tracestore.queries.payloads import load_payloads

SPANS = """
SELECT encode(uuid_send(trace_id), 'hex'), span_id, end_ns, attribute_count, record_hash, day, uuid_send(trace_id), block_id,
  block_index, name, status_message, error_type, session_id, user_id, tenant_id
FROM span WHERE project = %s
"""
LOGS = "SELECT encode(uuid_send(trace_id), 'hex'), event_name, body FROM log_record WHERE project = %s AND span_id IS NOT NULL"


def stored_texts(project: int) -> dict[str, set[str]]:
    """Trace id -> its texts, of every span in the largest of its records; and the attributes of its settled row."""
    best: dict[tuple[str, int], tuple[Any, ...]] = {}
    with db.JOBS.connection() as connection:
        for row in connection.execute(SPANS, [project], binary=True):
            old = best.get(row[:2])
            if old is None or row[2:6] > old[2:6]:
                best[row[:2]] = row
        attrs = dict(
            connection.execute(
                "SELECT encode(uuid_send(trace_id), 'hex'), attrs FROM trace WHERE project = %s", [project]
            ).fetchall()
        )
        logs = connection.execute(LOGS, [project], binary=True).fetchall()
    found: dict[str, set[str]] = {
        trace: {text for one in of.values() for text in leaves(one)} for trace, of in attrs.items()
    }
    rows = list(best.values())
    for row, payload in zip(rows, load_payloads(project, [row[5:9] for row in rows]), strict=True):
        texts = [text for text in row[9:] if text]
        if payload is not None:
            texts += [text for text in (payload.name, payload.status_message) if text]
            texts += [event.name for event in payload.events]
            for attributes in [payload.attributes, *(event.attributes for event in payload.events)]:
                texts += attribute_leaves(attributes)
        found[row[0]] |= {text[:MAX_TEXT] for text in texts}
    for trace, name, packed in logs:
        body, attributes, *_ = decode_value(packed)
        if trace in found:  # else its spans have not come
            found[trace] |= {name} if name else set()
            found[trace] |= {text[:MAX_TEXT] for text in leaves(body)} | attribute_leaves(attributes)
    return found


def attribute_leaves(attributes: dict[str, Any]) -> set[str]:
    """Numbers that are attributes of their own are no texts."""
    kept = {key: value for key, value in attributes.items() if type(value) not in (bool, int, float)}
    return {text[:MAX_TEXT] for key, value in kept.items() for text in leaves(value, key)}


def leaves(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, key)
    elif isinstance(value, bool):
        yield str(value).lower()
    elif isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, str) and not (value in KINDS and key.split(".")[-1] in ("role", "type")):
        parsed = parse(value)
        if parsed is None:
            yield value
        else:
            yield from leaves(parsed, key)


def parse(text: str) -> Any:
    """A JSON object or array, None for anything else."""
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text, parse_float=str)
    except ValueError:
        return None
