"""How do log records and metric points become durable? As spans do: COPY where all are new, staging where some are not.

What is sent again folds: a log by the hash of its content, a point by series, start and time (of two different values
for one point the larger stays, whatever came first).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tracestore import writer_scores
from tracestore.payload import encode_value
from tracestore.records import CLOCK_SUSPECT, Batch, LogRecord, MetricPoint, Receipt, Value
from tracestore.writer_arrays import UuidArray
from tracestore.writer_cells import CELLS, bigint, binary, day, double, integer, smallint
from tracestore.writer_rows import TEXT_MAX, Days
from tracestore.writer_transaction import (
    Transaction,
    copy_rows,
    store_ledger,
    store_references,
    stored_days,
    transaction,
)

LOG_COLUMNS = tuple(
    "project day hash time_ns received_ns trace_id span_id severity flags resource_id scope_id severity_text event_name"
    " service environment body_text body".split()
)
POINT_COLUMNS = tuple("project day series start_ns time_ns received_ns value flags body".split())
EXEMPLAR_COLUMNS = tuple("project day series time_ns value trace_id span_id attributes".split())

Rows = dict[tuple[Any, ...], bytes]  # key -> row
_cell = CELLS.__getitem__


def store(batch: Batch) -> Receipt:
    """One transaction; when some record is stored already, the same through staging."""
    try:
        accepted = _commit(batch, merge=False)
    except psycopg.errors.UniqueViolation:
        accepted = _commit(batch, merge=True)
    records: Sequence[object] = batch.logs if batch.signal == "logs" else batch.points
    return Receipt(batch.sent, accepted, len(records) - accepted, batch.rejected)


def _commit(batch: Batch, *, merge: bool) -> int:
    days = Days(batch.received_ns, batch.retention_days, stored_days(batch.signal))
    evaluations = [log.evaluation for log in batch.logs if log.evaluation]
    evaluation_days = writer_scores.days_of(batch) if evaluations else days
    with transaction(batch.project_id) as current:
        records = batch.logs or batch.points
        store_references(current, _references(records))
        if batch.signal == "logs":
            rows = {_log_key(log, days): _log_row(batch, log, days) for log in batch.logs}
            accepted = _insert(current.connection, "log_record", LOG_COLUMNS, rows, merge=merge)
            _mark_texts(current.connection, batch)
            writer_scores.store_given(current, batch, evaluations, evaluation_days)
        else:
            accepted = _store_points(current, batch, days, merge=merge)
        store_ledger(current.connection, [(batch, accepted, len(records) - accepted)])
    return accepted


def _references(records: Sequence[LogRecord | MetricPoint]) -> dict[tuple[str, int], Any]:
    shared: dict[tuple[str, int], Any] = {("resource", one.resource.id): one.resource for one in records}
    return shared | {("scope", one.scope.id): one.scope for one in records}


def _row(*cells: bytes) -> bytes:
    return len(cells).to_bytes(2, "big") + b"".join(cells)


MARK_TEXTS = """
INSERT INTO text_mark (project, trace_id, start_ns, marked_ns)
SELECT %(project)s, trace_id, %(received_ns)s, %(received_ns)s FROM unnest(%(traces)s::uuid[]) AS named (trace_id)
"""


def _mark_texts(connection: psycopg.Connection, batch: Batch) -> None:
    """Messages may come as log records: the words of the traces whose spans they name are to be indexed again."""
    traces = sorted({log.trace_id for log in batch.logs if log.trace_id is not None and log.span_id is not None})
    if traces:
        parameters = {"project": batch.project_id, "received_ns": batch.received_ns, "traces": UuidArray(traces)}
        connection.execute(MARK_TEXTS, parameters)


def _log_key(log: LogRecord, days: Days) -> tuple[int, bytes]:
    return abs(days.of(log.time_ns)), log.hash


def _log_row(batch: Batch, log: LogRecord, days: Days) -> bytes:
    when = days.of(log.time_ns)
    body = [log.body, log.attributes, log.observed_ns, log.trace_flags, log.dropped_attributes]
    return _row(
        integer(batch.project_id), day(abs(when)), binary(log.hash), bigint(log.time_ns), bigint(batch.received_ns),
        binary(log.trace_id), bigint(log.span_id), smallint(log.severity),
        integer(log.flags | (CLOCK_SUSPECT if when < 0 else 0)), bigint(log.resource.id), bigint(log.scope.id),
        *map(_cell, (log.severity_text[:TEXT_MAX] or None, log.event_name[:TEXT_MAX] or None, log.service)),
        _cell(log.environment), _cell(_text_of(log.body)), binary(encode_value(body)),
    )  # fmt: skip


def _text_of(body: Value) -> str | None:
    if body is None:
        return None
    text = body if type(body) is str else json.dumps(body, ensure_ascii=False, default=repr)
    return text[:TEXT_MAX]


def _insert(
    connection: psycopg.Connection, table: str, columns: Sequence[str], rows: Rows, *, merge: bool, update: str = ""
) -> int:
    """Copies rows in key order, by way of a staging table when some may be stored; returns how many are new."""
    packed = [rows[key] for key in sorted(rows)]
    if not packed:
        return 0
    if not merge:
        copy_rows(connection, table, columns, packed)
        return len(packed)
    stage = f"stage_{table}"
    names = {"stage": sql.Identifier(stage), "table": sql.Identifier(table)}
    connection.execute(sql.SQL(STAGE).format(**names))
    copy_rows(connection, stage, columns, packed)
    inserted = connection.execute(
        sql.SQL(INSERT_NEW).format(columns=sql.SQL(", ").join(map(sql.Identifier, columns)), **names)
    ).rowcount
    if update:
        connection.execute(update)
    return inserted


STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {table}) ON COMMIT DELETE ROWS;
SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off
"""
INSERT_NEW = "INSERT INTO {table} ({columns}) SELECT {columns} FROM {stage} ON CONFLICT DO NOTHING"

LARGER_POINT = """
UPDATE metric_point AS stored
SET received_ns = stage.received_ns, value = stage.value, flags = stage.flags, body = stage.body
FROM stage_metric_point AS stage
WHERE stored.project = stage.project AND stored.series = stage.series AND stored.time_ns = stage.time_ns
  AND stored.start_ns = stage.start_ns AND stored.day = stage.day
  AND (coalesce(stage.value, '-Infinity'), coalesce(stage.body, '')) >
    (coalesce(stored.value, '-Infinity'), coalesce(stored.body, ''))
"""

SERIES = """
INSERT INTO metric_series (project, series, name, description, unit, kind, temporality, monotonic, service, attributes,
  resource_id, scope_id)
SELECT %(project)s, encode(series, 'hex')::uuid, name, description, unit, kind, temporality, monotonic, service,
  attributes, resource_id, scope_id
FROM unnest(%(series)b::bytea[], %(names)b::text[], %(descriptions)b::text[], %(units)b::text[], %(kinds)b::text[],
  %(temporalities)b::smallint[], %(monotonic)b::boolean[], %(services)b::text[], %(attributes)s::jsonb[],
  %(resources)b::bigint[], %(scopes)b::bigint[])
  AS new (series, name, description, unit, kind, temporality, monotonic, service, attributes, resource_id, scope_id)
ON CONFLICT DO NOTHING
"""


def _store_points(current: Transaction, batch: Batch, days: Days, *, merge: bool) -> int:
    _store_series(current, batch.points)
    rows: dict[tuple[Any, ...], bytes] = {}
    orders: dict[tuple[Any, ...], tuple[float, bytes]] = {}
    for point in batch.points:
        when = days.of(point.time_ns)
        body = encode_value(point.body) if point.body is not None else None
        key = (abs(when), point.series, point.time_ns, point.start_ns)
        order = (-float("inf") if point.value is None else float(point.value), body or b"")
        if key not in rows or order > orders[key]:
            rows[key], orders[key] = _point_row(batch, point, when, body), order
    accepted = _insert(current.connection, "metric_point", POINT_COLUMNS, rows, merge=merge, update=LARGER_POINT)
    _insert(current.connection, "metric_exemplar", EXEMPLAR_COLUMNS, _exemplar_rows(batch, days), merge=True)
    return accepted


def _point_row(batch: Batch, point: MetricPoint, when: int, body: bytes | None) -> bytes:
    return _row(
        integer(batch.project_id), day(abs(when)), binary(point.series), bigint(point.start_ns), bigint(point.time_ns),
        bigint(batch.received_ns), double(point.value), integer(point.flags | (CLOCK_SUSPECT if when < 0 else 0)),
        binary(body),
    )  # fmt: skip


def _exemplar_rows(batch: Batch, days: Days) -> Rows:
    rows: Rows = {}
    for point in batch.points:
        for one in point.exemplars:
            when = abs(days.of(point.time_ns))
            rows[when, point.series, one.time_ns, float(one.value)] = _row(
                integer(batch.project_id), day(when), binary(point.series), bigint(one.time_ns), double(one.value),
                binary(one.trace_id), bigint(one.span_id), binary(encode_value(one.attributes)),
            )  # fmt: skip
    return rows


def _store_series(current: Transaction, points: Sequence[MetricPoint]) -> None:
    series: Mapping[bytes, MetricPoint] = {point.series: point for point in points}
    new = [series[key] for key in current.unknown(b"series", series)]
    if not new:
        return
    parameters = {
        "project": current.project_id,
        "series": [point.series for point in new],
        "names": [point.name[:TEXT_MAX] for point in new],
        "descriptions": [point.description[:1024] for point in new],
        "units": [point.unit[:TEXT_MAX] for point in new],
        "kinds": [point.kind for point in new],
        "temporalities": [point.temporality for point in new],
        "monotonic": [point.monotonic for point in new],
        "services": [point.service for point in new],
        "attributes": [Jsonb(_plain(point.attributes)) for point in new],
        "resources": [point.resource.id for point in new],
        "scopes": [point.scope.id for point in new],
    }
    current.connection.execute(SERIES, parameters)


def _plain(value: Value) -> Any:
    """A value that JSON can hold: bytes as hexadecimal text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
