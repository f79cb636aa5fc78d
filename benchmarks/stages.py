"""Where does the time of a span go? Each stage of the path alone, on one core, without a server; then the whole receive().

python -m benchmarks.stages [--database postgresql://...]     without a database: decode, normalise and price only
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

from benchmarks.client import packed
from benchmarks.load import SPANS_A_TRACE, draw

ROUNDS = 12
TRACES = 64


def best_us(work: Callable[[Any], object], inputs: list[Any], spans: int) -> float:
    """Microseconds a span: the median of the inputs' runs."""
    times = []
    for one in inputs:
        began = time.perf_counter()
        work(one)
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2] / spans * 1e6


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--database")
    args = cli.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    if args.database:
        os.environ["FOURLINE_DATABASE_URL"] = args.database
    import django

    django.setup()
    for name, spent_us in measured(bool(args.database)):
        print(f"{name:34}{spent_us:8.1f} us a span")


def measured(with_store: bool) -> list[tuple[str, float]]:
    from ingest.conventions import normalise
    from ingest.decode import decode
    from tracestore.analysis.pricing import PriceBook

    now_ns, spans = time.time_ns(), TRACES * SPANS_A_TRACE
    requests = draw(2 * ROUNDS, TRACES, 1, now_ns)
    bodies = [packed(request, "protobuf", False) for request in requests]
    texts = [packed(request, "json", False) for request in requests[:6]]
    kind = "application/x-protobuf"
    decode("traces", bodies[0], kind, now_ns)
    rows = [("decode protobuf", best_us(lambda body: decode("traces", body, kind, now_ns), bodies, spans))]
    rows.append(("decode JSON", best_us(lambda body: decode("traces", body, "application/json", now_ns), texts, spans)))
    raws = [decode("traces", body, kind, now_ns).spans for body in bodies]
    rows.append(("normalise", best_us(lambda batch: [normalise(raw) for raw in batch], raws, spans)))
    understood = [[normalise(raw) for raw in batch] for batch in raws]
    book = PriceBook.for_project([])
    rows.append(("price", best_us(lambda batch: [book.price(span) for span in batch], understood, spans)))
    return rows + (_stored(requests, bodies, understood, now_ns, spans) if with_store else [])


def _stored(
    requests: list[Any], bodies: list[bytes], understood: list[Any], now_ns: int, spans: int
) -> list[tuple[str, float]]:
    from tracestore import writer
    from tracestore.records import Batch

    batches = [
        Batch(project_id=1, signal="traces", received_ns=now_ns, sent=spans, spans=batch) for batch in understood
    ]
    writer.write(batches.pop())
    return [("write (pack, COPY, commit)", best_us(writer.write, batches, spans))]


if __name__ == "__main__":
    main()
