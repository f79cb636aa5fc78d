"""Does a span cost more in a large store than in an empty one? The same load at several sizes of the store, in one run.

    python -m benchmarks.growth [--sizes 0,1000000,10000000] [--home HOME ...] [--seconds 6] [--rounds 3]

Sizes are reached on one stack of its own by `manage.py generate`. A home is measured as it is, and keeps what was sent.
CPU is that of ingest, Postgres and background together until everything is settled.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.client import HttpTarget, packed, send_all
from benchmarks.ingest import ASSUMED_SPANS_PER_S
from benchmarks.load import SPANS_A_TRACE, draw
from benchmarks.stack import ROOT, Stack, free_ports

TRACES, SENDERS = 64, 4
SETTLE_PATIENCE_S, QUIET_S = 180, 3.0
SLUG = "default"


@dataclass(frozen=True, slots=True)
class Round:
    """stored: spans before it. cpu_us: a span, by group of processes."""

    stored: int
    spans_per_s: float
    p99_ms: float
    cpu_us: dict[str, float]

    @property
    def total_us(self) -> float:
        return sum(self.cpu_us.values())


def measure(stack: Stack, connection: psycopg.Connection, seconds: float, seed: int) -> Round:
    spans = TRACES * SPANS_A_TRACE
    target = HttpTarget(stack.otlp, stack.credentials()["ingest_key"])
    count = SENDERS + max(SENDERS * 4, int(ASSUMED_SPANS_PER_S * seconds / spans))
    bodies = [packed(request, "protobuf", False) for request in draw(count, TRACES, seed, time.time_ns())]
    send_all(target, bodies[:SENDERS], SENDERS)
    stored = stored_spans(connection)
    wait_settled(connection)
    before = stack.cpu_s()
    sent = send_all(target, bodies[SENDERS:], SENDERS)
    wait_settled(connection)
    accepted = len(sent.accepted) * spans
    cpu_us = {name: 1e6 * (spent - before[name]) / accepted for name, spent in stack.cpu_s().items()}
    return Round(stored, accepted / sent.seconds, sent.quantile_ms(0.99), cpu_us)


def stored_spans(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT coalesce(sum(span_count), 0)::bigint FROM trace").fetchone()
    return int(row[0]) if row else 0


def wait_settled(connection: psycopg.Connection) -> None:
    """Until no trace is marked any more, and a moment longer for what follows."""
    ends = time.monotonic() + SETTLE_PATIENCE_S
    while time.monotonic() < ends:
        row = connection.execute("SELECT EXISTS (SELECT FROM settle_mark)").fetchone()
        if row and not row[0]:
            break
        time.sleep(0.2)
    time.sleep(QUIET_S)


def grow(stack: Stack, spans: int) -> None:
    """Made-up traces beside those that are there, other ones each time."""
    command = [sys.executable, "manage.py", "generate", "--add", "--spans", str(spans), "--project", SLUG]
    command += ["--seed", str(spans)]
    subprocess.run(command, cwd=ROOT, env=stack.environment(), check=True, stdout=subprocess.DEVNULL)


def at_sizes(sizes: Sequence[int], seconds: float, rounds: int) -> Iterator[list[Round]]:
    stack = Stack.prepare()
    try:
        stack.start()
        with stack.connect() as connection:
            for size in sizes:
                missing = size - stored_spans(connection)
                if missing > 0:
                    grow(stack, missing)
                yield [measure(stack, connection, seconds, seed) for seed in range(1, rounds + 1)]
    finally:
        stack.stop()
        stack.remove()


def at_home(home: Path, seconds: float, rounds: int) -> list[Round]:
    stack = Stack(home, *free_ports(3))
    try:
        stack.start()
        with stack.connect() as connection:
            return [measure(stack, connection, seconds, seed) for seed in range(1, rounds + 1)]
    finally:
        stack.stop()


def table_of(groups: Sequence[list[Round]]) -> Iterator[str]:
    yield "| spans stored | spans/s | ack p99 ms | CPU us a span: ingest + Postgres + background | all | of the first |"
    yield "|---|---|---|---|---|---|"
    first = statistics.median(one.total_us for one in groups[0])
    for rounds in groups:
        total = statistics.median(one.total_us for one in rounds)
        parts = (statistics.median(one.cpu_us[name] for one in rounds) for name in ("ingest", "postgres", "background"))
        speed = statistics.median(one.spans_per_s for one in rounds)
        p99_ms = statistics.median(one.p99_ms for one in rounds)
        shown = " + ".join(f"{part:.0f}" for part in parts)
        yield f"| {rounds[0].stored:,} | {speed:,.0f} | {p99_ms:.0f} | {shown} | {total:.0f} | {total / first:.2f} |"


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--sizes", default="0,1000000,10000000", help="of a stack of its own, growing")
    cli.add_argument("--home", type=Path, action="append", default=[], help="a stopped home, measured as well")
    cli.add_argument("--seconds", type=float, default=6.0, help="about how long a round sends")
    cli.add_argument("--rounds", type=int, default=3, help="medians are shown")
    args = cli.parse_args()
    groups = list(at_sizes([int(size) for size in args.sizes.split(",") if size], args.seconds, args.rounds))
    groups += [at_home(home, args.seconds, args.rounds) for home in args.home]
    print("\n".join(table_of(groups)))


if __name__ == "__main__":
    main()
