"""Do memory and latency stay flat? Steady load with reads beside it; a table every few minutes, slopes and a verdict.

    python -m benchmarks.soak [--minutes 30] [--share 0.6] [--rate SPANS_PER_S]

--share: of what this machine takes at once, measured first; --rate says it instead. Exits with 1 when something is not flat.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psycopg

from benchmarks.client import HttpTarget, packed, send_all
from benchmarks.ingest import stamp
from benchmarks.load import draw
from benchmarks.stack import Stack, pss_mb, running, title
from benchmarks.steady import SPANS, Steady

SAMPLE_S, ROW_S = 10.0, 300.0
WARM_UP = 0.3  # of the samples: caches fill, Postgres learns
GROUPS = {"web": "manage.py serve", "grpc": "manage.py grpc", "background": "celery", "postgres": "postgres"}
MEMORY_GROWTH, FILES_GROWTH = 0.10, 0.10  # of the mean, over the part that is judged
P99_DRIFT, P99_NOISE_MS = 1.5, 20.0  # the last third beside the middle one
LAG_S = 15.0  # of settling, at the end


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. at_s: since the beginning. memory_mb: PSS by group of processes. dead: tuples of all our tables.

    lag_s: age of the oldest mark. read_ms: the slowest of the reads. late_s: how far the senders are behind their plan.
    """

    at_s: float
    memory_mb: dict[str, float]
    p50_ms: float
    p99_ms: float
    spans: int
    failed: int
    marks: int
    lag_s: float
    dead: int
    mark_table_mb: float
    files: int
    read_ms: float
    late_s: float

    @property
    def ours_mb(self) -> float:
        return sum(size for name, size in self.memory_mb.items() if name != "postgres")


STATE = """
SELECT
  (SELECT count(*) FROM settle_mark),
  (SELECT coalesce(extract(epoch FROM now()) - min(marked_ns) / 1e9, 0) FROM settle_mark),
  (SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables),
  pg_total_relation_size('settle_mark') / 1048576.0
"""


def look(stack: Stack, connection: psycopg.Connection, steady: Steady, began: float) -> Sample:
    acks = steady.take()
    good = sorted(1000 * seconds for _, seconds, status in acks if status == 200)
    marks, lag_s, dead, table_mb = connection.execute(STATE).fetchone() or (0, 0, 0, 0)
    memory, files = Counter[str](), 0
    for process in stack.family():
        group = next((name for name, words in GROUPS.items() if words in title(process)), "rest")
        memory[group] += pss_mb(process)  # type: ignore[assignment]
        files += process.num_fds() if group != "postgres" and process.is_running() else 0
    return Sample(
        at_s=time.monotonic() - began,
        memory_mb=dict(memory),
        p50_ms=_quantile(good, 0.5),
        p99_ms=_quantile(good, 0.99),
        spans=len(good) * SPANS,
        failed=len(acks) - len(good),
        marks=int(marks),
        lag_s=float(lag_s),
        dead=int(dead),
        mark_table_mb=float(table_mb),
        files=files,
        read_ms=_read(stack),
        late_s=steady.late_s,
    )


def _quantile(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def _read(stack: Stack) -> float:
    """What people do meanwhile: the list, one trace, usage of the last hour. The slowest in ms."""
    now = time.time()
    hour = {"from": stamp(now - 3600), "to": stamp(now + 60)}
    slowest = 0.0
    newest = "/api/v1/traces"
    for path, query in ((newest, hour), ("/api/v1/usage", hour | {"group_by": "model"}), ("/api/v1/sessions", hour)):
        began = time.perf_counter()
        found = stack.get(path, **query)["items"]
        slowest = max(slowest, 1000 * (time.perf_counter() - began))
        if path == newest and found:
            stack.get(f"{newest}/{found[0]['trace_id']}")
    return slowest


def capacity(stack: Stack) -> float:
    """Spans a second that 4 senders get through at once."""
    target = HttpTarget(stack.otlp, stack.credentials()["ingest_key"])
    bodies = [packed(request, "protobuf", False) for request in draw(100, SPANS // 8, 1, time.time_ns())]
    sent = send_all(target, bodies, 4)
    return len(sent.accepted) * SPANS / sent.seconds


HEAD = (
    "| minute | spans/s | ack p50 / p99 ms | web | grpc | background | rest | all of ours MB | Postgres MB | marks | lag s"
    " | dead tuples | marks' table MB | files | slowest read ms | refused |"
)


def row_of(samples: Sequence[Sample]) -> str:
    def mean(value: Callable[[Sample], float]) -> float:
        return statistics.fmean(value(one) for one in samples)

    memory = [
        f"{mean(lambda s, n=name: s.memory_mb.get(n, 0.0)):.0f}" for name in ("web", "grpc", "background", "rest")
    ]  # type: ignore[misc]
    rate = sum(one.spans for one in samples) / (len(samples) * SAMPLE_S)
    ack = f"{mean(lambda s: s.p50_ms):.0f} / {mean(lambda s: s.p99_ms):.0f}"
    cells = [f"{samples[-1].at_s / 60:.1f}", f"{rate:,.0f}", ack, *memory, f"{mean(lambda s: s.ours_mb):.0f}"]
    cells += [f"{mean(lambda s: s.memory_mb.get('postgres', 0.0)):.0f}", f"{mean(lambda s: s.marks):,.0f}"]
    cells += [f"{mean(lambda s: s.lag_s):.1f}", f"{mean(lambda s: s.dead):,.0f}", f"{samples[-1].mark_table_mb:.1f}"]
    cells += [f"{mean(lambda s: s.files):.0f}", f"{mean(lambda s: s.read_ms):.0f}", f"{sum(s.failed for s in samples)}"]
    return f"| {' | '.join(cells)} |"


def slope_an_hour(samples: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    """Least squares, by hour."""
    times, values = [one.at_s / 3600 for one in samples], [value(one) for one in samples]
    return statistics.linear_regression(times, values).slope if len(set(times)) > 1 else 0.0


def judge(samples: Sequence[Sample]) -> Iterator[tuple[str, bool]]:
    """(sentence, whether it is flat) of what came after the warm-up."""
    judged = samples[int(len(samples) * WARM_UP) :]
    hours = (judged[-1].at_s - judged[0].at_s) / 3600
    for name, value, allowed in (
        ("memory of ours (MB)", lambda s: s.ours_mb, MEMORY_GROWTH),
        ("open files", lambda s: float(s.files), FILES_GROWTH),
    ):
        slope, mean = slope_an_hour(judged, value), statistics.fmean(map(value, judged))
        grown = slope * hours / mean if mean else 0.0
        yield (
            f"{name}: mean {mean:,.0f}, slope {slope:+,.1f} an hour, {grown:+.1%} over what is judged",
            grown <= allowed,
        )
    third = len(samples) // 3
    middle, last = (statistics.median(s.p99_ms for s in part) for part in (samples[third:-third], samples[-third:]))
    yield f"ack p99: {middle:.0f} ms, at the end {last:.0f} ms", last <= P99_DRIFT * middle + P99_NOISE_MS
    lag_s = statistics.median(s.lag_s for s in samples[-third:])
    yield f"settling is {lag_s:.1f} s behind at the end", lag_s <= LAG_S
    late_s = statistics.median(s.late_s for s in samples[-third:])
    yield f"senders are {late_s:.1f} s behind their plan at the end", late_s <= 1.0
    failed = sum(s.failed for s in samples)
    yield f"{failed} requests were not accepted", failed == 0


def soak(stack: Stack, minutes: float, rate: float) -> list[Sample]:
    target = HttpTarget(stack.otlp, stack.credentials()["ingest_key"])
    steady, samples = Steady(target, rate), list[Sample]()
    row_s = min(ROW_S, minutes * 60 / 3)
    steady.start()
    began = time.monotonic()
    print(f"{HEAD}\n|{'---|' * 16}", flush=True)
    try:
        with stack.connect() as connection:
            shown, next_row_s = 0, row_s
            while time.monotonic() - began < minutes * 60:
                time.sleep(max(0.0, began + (len(samples) + 1) * SAMPLE_S - time.monotonic()))
                samples.append(look(stack, connection, steady, began))
                if samples[-1].at_s >= next_row_s:
                    print(row_of(samples[shown:]), flush=True)
                    shown, next_row_s = len(samples), next_row_s + row_s
    finally:
        steady.stop()
    return samples


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--minutes", type=float, default=30.0)
    cli.add_argument("--share", type=float, default=0.6)
    cli.add_argument("--rate", type=float, default=0.0, help="spans a second, instead of a share of what is possible")
    args = cli.parse_args()
    with running() as stack:
        rate = args.rate or args.share * capacity(stack)
        print(f"{rate:,.0f} spans/s for {args.minutes:g} minutes\n", flush=True)
        samples = soak(stack, args.minutes, rate)
    found = list(judge(samples))
    print()
    for sentence, flat in found:
        print(f"- {sentence}: {'flat' if flat else '**not flat**'}")
    sys.exit(0 if all(flat for _, flat in found) else 1)


if __name__ == "__main__":
    main()
