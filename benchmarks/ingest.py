"""How many spans a second are persisted, and what does a span cost? On a stack of its own, beside the raw COPY of the same rows.

    python -m benchmarks.ingest [--seconds 6] [--quick]

Prints one Markdown table a question. Rows are counted in the database, never taken from the answers.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from benchmarks import limit
from benchmarks.client import GrpcTarget, HttpTarget, Sent, Target, packed, send_all
from benchmarks.load import SPANS_A_TRACE, draw
from benchmarks.stack import Stack, running

SETTLE_PATIENCE_S = 300
ASSUMED_SPANS_PER_S = 15_000  # decides how many bodies are made for a run of --seconds


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    senders: int
    traces: int = 64
    encoding: str = "protobuf"
    zipped: bool = False
    grpc: bool = False
    weight: float = 1.0  # of the number of bodies

    @property
    def spans(self) -> int:
        return self.traces * SPANS_A_TRACE


CASES = (
    Case("512 spans, protobuf", 1),
    Case("512 spans, protobuf", 2),
    Case("512 spans, protobuf", 4),
    Case("512 spans, protobuf", 8),
    Case("512 spans, protobuf, gzip", 4, zipped=True),
    Case("512 spans, JSON", 4, encoding="json", weight=0.5),
    Case("512 spans, JSON, gzip", 4, encoding="json", zipped=True, weight=0.5),
    Case("512 spans, gRPC", 4, grpc=True),
    Case("8 spans, protobuf", 1, traces=1, weight=0.15),
    Case("8 spans, protobuf", 8, traces=1, weight=0.4),
    Case("8 spans, protobuf, gzip", 8, traces=1, zipped=True, weight=0.3),
    Case("8 spans, JSON", 8, traces=1, encoding="json", weight=0.3),
    Case("8 spans, gRPC", 8, traces=1, grpc=True, weight=0.3),
)
QUICK = (CASES[2], CASES[5], CASES[9])


@dataclass(frozen=True, slots=True)
class Measured:
    """settle_s: from the last answer until usage shows all spans; None when it was given up."""

    case: Case
    sent: Sent
    persisted: int
    wal_bytes: int
    cpu_us: dict[str, float]  # a span: by group of processes, settling included
    settle_s: float | None

    @property
    def spans_per_s(self) -> float:
        return self.persisted / self.sent.seconds

    @property
    def settled_per_s(self) -> float | None:
        """From the first request until usage shows everything: what could be sent for ever without falling behind."""
        return None if self.settle_s is None else self.persisted / (self.sent.seconds + self.settle_s)


def run(stack: Stack, connection: psycopg.Connection, case: Case, seconds: float, seed: int) -> Measured:
    target = target_of(stack, case)
    count = max(case.senders * 4, int(ASSUMED_SPANS_PER_S * seconds * case.weight / case.spans))
    bodies = [packed(request, case.encoding, case.zipped) for request in draw(count, case.traces, seed, time.time_ns())]
    send_all(target, bodies[: case.senders], case.senders)  # connections, prepared statements, caches
    rest = bodies[case.senders :]
    before, wal, cpu = count_spans(connection), wal_position(connection), stack.cpu_s()
    sent = send_all(target, rest, case.senders)
    ended = time.monotonic()
    persisted, wal_bytes = count_spans(connection) - before, wal_position(connection) - wal
    if persisted != len(sent.accepted) * case.spans:
        raise RuntimeError(f"{len(sent.accepted) * case.spans} spans were acknowledged, {persisted} are stored")
    settle_s = settled_after(stack, connection, ended)
    cpu_us = {name: 1e6 * (spent - cpu[name]) / persisted for name, spent in stack.cpu_s().items()}
    return Measured(case, sent, persisted, wal_bytes, cpu_us, settle_s)


def target_of(stack: Stack, case: Case) -> Target:
    if case.grpc:
        return GrpcTarget(stack.grpc, stack.credentials()["ingest_key"])
    return HttpTarget(stack.otlp, stack.credentials()["ingest_key"], case.encoding, case.zipped)


def count_spans(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM span").fetchone()
    return int(row[0]) if row else 0


def wal_position(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").fetchone()
    return int(row[0]) if row else 0


def settled_after(stack: Stack, connection: psycopg.Connection, ended: float) -> float | None:
    """Seconds until the usage of the API counts every stored span."""
    stored = count_spans(connection)
    while time.monotonic() - ended < SETTLE_PATIENCE_S:
        (usage,) = stack.get("/api/v1/usage", **window(), group_by="none")["items"] or [{"spans": 0}]
        if usage["spans"] >= stored:
            return time.monotonic() - ended
        time.sleep(0.25)
    return None


def window() -> dict[str, str]:
    now = time.time()
    return {"from": stamp(now - 7200), "to": stamp(now + 600)}


def stamp(unix_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix_s))


def bytes_by_table(connection: psycopg.Connection) -> dict[str, int]:
    """All partitions, indexes and TOAST included, under the name of the parent."""
    query = """
        SELECT coalesce(parent.relname, c.relname), sum(pg_total_relation_size(c.oid))::bigint
        FROM pg_class c
        LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
        LEFT JOIN pg_class parent ON parent.oid = i.inhparent
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
        GROUP BY 1
    """
    return {str(name): int(size) for name, size in connection.execute(query)}


def table_of(rows: list[Measured], best: limit.Limit) -> Iterator[str]:
    yield (
        f"Raw COPY of the same rows, one connection, 512 spans a commit: {best.spans_per_s:,.0f} spans/s,"
        f" {best.cpu_us:.1f} us of CPU a span ({best.spans:,} spans)."
    )
    yield ""
    yield (
        "| work | senders | spans/s persisted | of COPY | ack p50 / p99 ms | CPU us a span: ingest + Postgres + background"
        " | WAL B a span | in usage after s | settled spans/s | answers |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        share, sent = row.spans_per_s / best.spans_per_s, row.sent
        settled = "not in time | -" if row.settled_per_s is None else f"{row.settle_s:.1f} | {row.settled_per_s:,.0f}"
        answers = ", ".join(f"{status}: {count}" for status, count in sorted(sent.statuses.items()))
        speed = f"{row.spans_per_s:,.0f} | {share:.2f}"
        ack = f"{sent.quantile_ms(0.5):.0f} / {sent.quantile_ms(0.99):.0f}"
        wal = f"{row.wal_bytes / row.persisted:,.0f}"
        cpu = " + ".join(f"{row.cpu_us[name]:.0f}" for name in ("ingest", "postgres", "background"))
        yield f"| {row.case.name} | {row.case.senders} | {speed} | {ack} | {cpu} | {wal} | {settled} | {answers} |"


def json_beside_protobuf(rows: list[Measured]) -> Iterator[str]:
    """How much more of ingest's CPU a span takes as JSON, at the same senders and size."""
    plain = {(row.case.senders, row.case.traces): row for row in rows if row.case.name.endswith("protobuf")}
    for row in rows:
        beside = plain.get((row.case.senders, row.case.traces))
        if beside is not None and row.case.encoding == "json" and not row.case.zipped:
            cost = row.cpu_us["ingest"] / beside.cpu_us["ingest"]
            rate = beside.spans_per_s / row.spans_per_s
            yield f"{row.case.name}: {cost:.2f} times the CPU of protobuf in ingest, {rate:.2f} times the time."


def sizes(before: dict[str, int], after: dict[str, int], spans: int) -> Iterator[str]:
    grown = {name: after[name] - before.get(name, 0) for name in after}
    yield "| table | bytes a span |"
    yield "|---|---|"
    for name, size in sorted(grown.items(), key=lambda pair: -pair[1]):
        if size / spans >= 1:
            yield f"| {name} | {size / spans:,.0f} |"
    yield f"| all | {sum(grown.values()) / spans:,.0f} |"


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--seconds", type=float, default=6.0, help="about how long each row sends")
    cli.add_argument("--quick", action="store_true", help="three rows only")
    args = cli.parse_args()
    with running() as stack, stack.connect() as connection:
        began_ns, before = time.time_ns(), bytes_by_table(connection)
        rows = []
        for number, case in enumerate(QUICK if args.quick else CASES):
            rows.append(run(stack, connection, case, args.seconds, seed=number + 1))
            print(f"{case.name}, {case.senders} senders: {rows[-1].spans_per_s:,.0f} spans/s", flush=True)
        memory = stack.pss_mb()
        connection.execute("VACUUM")
        lines = list(sizes(before, bytes_by_table(connection), count_spans(connection)))
        best = limit.measure(connection, began_ns)
        print("\n".join(["", *table_of(rows, best), "", *json_beside_protobuf(rows), "", *lines, ""]))
        print("Memory (PSS) after all rows: " + ", ".join(f"{name} {size:,.0f} MB" for name, size in memory.items()))


if __name__ == "__main__":
    main()
