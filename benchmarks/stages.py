"""Where does the time of a span go? CPU of each stage of the path alone, in one thread, without a server.

python -m benchmarks.stages [--database postgresql://...]     without a database: all but the transaction
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

from benchmarks.client import packed
from benchmarks.load import SPANS_A_TRACE, draw
from tracestore.records import Batch

ROUNDS = 12
TRACES = 64
DAY_NS = 86_400 * 10**9


def best_us(work: Callable[[Any], object], inputs: list[Any], spans: int) -> float:
    """Microseconds of this thread's CPU a span: the median of the inputs' runs."""
    times = []
    for one in inputs:
        began = time.thread_time()
        work(one)
        times.append(time.thread_time() - began)
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
        print(f"{name:38}{spent_us:8.1f} us a span")


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
    batches = [
        Batch(project_id=1, signal="traces", received_ns=now_ns, sent=spans, spans=batch) for batch in understood
    ]
    return rows + _packed(batches, spans) + (_stored(batches, spans) if with_store else [])


def _packed(batches: list[Batch], spans: int) -> list[tuple[str, float]]:
    from tracestore.payload import compress
    from tracestore.writer_rows import Days, PackedSpan, lay_out, pack_span, unique

    today = batches[0].received_ns // DAY_NS
    days = Days(batches[0].received_ns, 30, frozenset(range(today - 2, today + 2)))

    def pack(batch: Batch) -> list[PackedSpan]:
        return unique([pack_span(batch, span, days) for span in batch.spans])

    rows = [("pack spans", best_us(pack, batches, spans))]
    packed = [pack(batch) for batch in batches]
    rows.append(("lay out and compress blocks", best_us(lambda spans: lay_out(1, spans), packed, spans)))
    messages = [[message for span in batch for message in span.encoded.messages.values()] for batch in packed]
    rows.append(("compress messages", best_us(lambda batch: [compress(one) for one in batch], messages, spans)))
    return rows


def _stored(batches: list[Batch], spans: int) -> list[tuple[str, float]]:
    from tracestore import writer

    writer.write(batches.pop())
    return [("write: pack, lay out, compress, COPY", best_us(writer.write, batches, spans))]


if __name__ == "__main__":
    main()
