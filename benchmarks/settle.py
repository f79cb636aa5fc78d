"""What does a span cost to settle, and its sums to fill? CPU of this process and of Postgres, without ingest beside.

    python -m benchmarks.settle --database postgresql://... [--spans 160000] [--profile]

Needs an empty database of its own, migrated and with partitions (`manage.py prepare`). Spans arrive as agents' runs of 8
spans in requests of 512, all within the last two minutes.
"""

import argparse
import cProfile
import os
import pstats
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

TRACES = 64


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--database", required=True)
    cli.add_argument("--spans", type=int, default=160_000)
    cli.add_argument("--profile", action="store_true")
    args = cli.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    os.environ["FOURLINE_DATABASE_URL"] = args.database
    import django

    django.setup()
    spans = fill_store(args.spans)
    now = datetime.now(UTC)
    profiler = cProfile.Profile() if args.profile else None
    settled = measured(lambda: settle_all(now), profiler)
    filled = measured(lambda: fill_all(now))
    print(f"{spans} spans; us a span: wall, this process, Postgres")
    for name, (wall_s, own_s, server_s, done) in (("settle", settled), ("fill", filled)):
        print(
            f"{name:8}" + "".join(f"{1e6 * value / spans:9.1f}" for value in (wall_s, own_s, server_s)) + f"   {done}"
        )
    if profiler:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(35)


def settle_all(now: datetime) -> str:
    """Run after run, each of which has a budget of its own."""
    from tracestore.jobs import traces

    runs = traces_settled = 0
    left = True
    while left:
        done = traces.run(now)
        runs, traces_settled, left = runs + 1, traces_settled + done.traces, done.left
    return f"{traces_settled} traces in {runs} runs"


def fill_all(now: datetime) -> str:
    """Every marked minute once; what an open minute costs again is held to a twentieth of the time by its rest."""
    from tracestore import db
    from tracestore.jobs import rollups

    with db.JOBS.connection(3600) as connection:
        done, _, _ = rollups.fill_project(connection, 1, now)
    return ", ".join(f"{n} of {grain_s} s" for grain_s, n in done.items())


def fill_store(count: int) -> int:
    """Writes at least `count` spans of project 1, not settled; returns how many."""
    from benchmarks.client import packed
    from benchmarks.load import SPANS_A_TRACE, draw
    from ingest.conventions import normalise
    from ingest.decode import decode
    from tracestore import writer
    from tracestore.analysis.pricing import PriceBook
    from tracestore.records import Batch

    a_request, now_ns, book = TRACES * SPANS_A_TRACE, time.time_ns(), PriceBook.for_project([])
    requests = -(-count // a_request)
    for request in draw(requests, TRACES, time.time_ns() % 1_000_000, now_ns):
        raws = decode("traces", packed(request, "protobuf", False), "application/x-protobuf", now_ns).spans
        spans, prices = [normalise(raw) for raw in raws], {}
        for span in spans:
            book.charge(span, prices)
        writer.write(
            Batch(project_id=1, signal="traces", received_ns=now_ns, sent=len(spans), spans=spans, prices=prices)
        )
    return requests * a_request


def measured(
    work: Callable[[], object], profiler: cProfile.Profile | None = None
) -> tuple[float, float, float, object]:
    """(wall, own CPU, Postgres' CPU, what it answered), in seconds. The connection of jobs is warm afterwards."""
    from tracestore import db

    with db.JOBS.connection() as connection:
        pid = connection.info.backend_pid
    began, own, server = time.perf_counter(), time.process_time(), cpu_s(pid)
    if profiler:
        profiler.enable()
    done = work()
    if profiler:
        profiler.disable()
    return time.perf_counter() - began, time.process_time() - own, cpu_s(pid) - server, done


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
