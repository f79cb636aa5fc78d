"""What could this machine do at best? COPY of the same rows into the same tables, rows ready, on one connection.

The rows of message, span and span_payload that a run wrote are read back in binary form under another project number, in
pieces of 64 traces (512 spans), and written again: same tables, partitions and indexes, one commit a piece.
"""

import time
from dataclasses import dataclass

import psutil
import psycopg
from psycopg import sql

from benchmarks.stack import cpu_s

TRACES_A_PIECE = 64
OTHER_PROJECT = 1_000_000
BELONGS = {
    "message": "t.hash IN (SELECT hash FROM piece_message)",
    "span": "t.trace_id IN (SELECT trace_id FROM piece)",
    "span_payload": "t.trace_id IN (SELECT trace_id FROM piece)",
}
ORDER = {"message": "hash", "span": "trace_id, span_id", "span_payload": "trace_id, block_id"}


@dataclass(frozen=True, slots=True)
class Limit:
    """cpu_s: of the server process that copied; it moves less than the seconds on a machine that others use too."""

    spans: int
    seconds: float
    cpu_s: float

    @property
    def spans_per_s(self) -> float:
        return self.spans / self.seconds

    @property
    def cpu_us(self) -> float:
        return 1e6 * self.cpu_s / self.spans


@dataclass(frozen=True, slots=True)
class Piece:
    spans: int
    bodies: dict[str, bytes]  # table -> one binary COPY stream


def measure(connection: psycopg.Connection, received_from_ns: int, pieces: int = 60) -> Limit:
    """COPY at most `pieces` pieces of the spans received since received_from_ns; the copies are deleted again."""
    prepared = _pieces(connection, received_from_ns, pieces)
    statements = {table: _copy_statement(connection, table) for table in BELONGS}
    server = psutil.Process(connection.info.backend_pid)
    began, spent_s = time.perf_counter(), cpu_s(server)
    for piece in prepared:
        with connection.transaction():
            for table, body in piece.bodies.items():
                with connection.cursor().copy(statements[table]) as copy:
                    copy.write(body)
    limit = Limit(sum(piece.spans for piece in prepared), time.perf_counter() - began, cpu_s(server) - spent_s)
    for table in BELONGS:
        connection.execute(sql.SQL("DELETE FROM {} WHERE project >= %s").format(sql.Identifier(table)), [OTHER_PROJECT])
    return limit


def _pieces(connection: psycopg.Connection, received_from_ns: int, count: int) -> list[Piece]:
    connection.execute("DROP TABLE IF EXISTS piece, piece_message, taken")
    connection.execute("CREATE TEMPORARY TABLE piece (trace_id uuid)")
    connection.execute("CREATE TEMPORARY TABLE piece_message (hash uuid)")
    connection.execute("CREATE TEMPORARY TABLE taken (hash uuid PRIMARY KEY)")
    query = "SELECT DISTINCT trace_id FROM span WHERE received_ns >= %s AND project < %s ORDER BY trace_id LIMIT %s"
    found = connection.execute(query, [received_from_ns, OTHER_PROJECT, count * TRACES_A_PIECE]).fetchall()
    traces = [trace_id for (trace_id,) in found]
    whole = len(traces) // TRACES_A_PIECE * TRACES_A_PIECE
    return [_piece(connection, traces[n : n + TRACES_A_PIECE]) for n in range(0, whole, TRACES_A_PIECE)]


def _piece(connection: psycopg.Connection, traces: list[object]) -> Piece:
    """The rows of these traces; a message is written with the first piece that cites it."""
    connection.execute("TRUNCATE piece, piece_message")
    connection.execute("INSERT INTO piece SELECT unnest(%s::uuid[])", [traces])
    connection.execute(
        "WITH fresh AS (INSERT INTO taken SELECT DISTINCT unnest(message_refs) FROM span_payload JOIN piece USING (trace_id)"
        " ON CONFLICT DO NOTHING RETURNING hash) INSERT INTO piece_message SELECT hash FROM fresh"
    )
    row = connection.execute("SELECT count(*) FROM span JOIN piece USING (trace_id)").fetchone()
    return Piece(int(row[0]) if row else 0, {table: _copy_out(connection, table) for table in BELONGS})


def _columns(connection: psycopg.Connection, table: str) -> list[str]:
    """All columns, project first."""
    query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    names = [name for (name,) in connection.execute(query, [table])]
    return ["project", *(name for name in names if name != "project")]


def _copy_out(connection: psycopg.Connection, table: str) -> bytes:
    listed = sql.SQL(", ").join(sql.Identifier("t", name) for name in _columns(connection, table)[1:])
    query = sql.SQL(
        "COPY (SELECT t.project + {other}, {listed} FROM {table} t WHERE t.project < {other} AND {belongs} ORDER BY {order})"
        " TO STDOUT (FORMAT binary)"
    ).format(
        other=sql.Literal(OTHER_PROJECT),
        listed=listed,
        table=sql.Identifier(table),
        belongs=sql.SQL(BELONGS[table]),
        order=sql.SQL(ORDER[table]),
    )
    with connection.cursor().copy(query) as copy:
        return b"".join(bytes(part) for part in copy)


def _copy_statement(connection: psycopg.Connection, table: str) -> sql.Composed:
    listed = sql.SQL(", ").join(map(sql.Identifier, _columns(connection, table)))
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table), listed)
