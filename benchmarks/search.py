"""What does free-text search cost? A store of made-up traces, the time to index them, and whole answers for several words.

    python -m benchmarks.search [--traces 200000] [--days 14] [--calls 30]

Eight spans a trace with about 300 B of payload each, straight by COPY: 40 words a span by Zipf's law out of 20 000, an
order number and an e-mail address of its own, and words that stand in a known share of all traces. Then the index is
filled by the job's own code, and the API and the page are asked, each question `calls` times.
"""

import argparse
import random
import time
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from struct import pack

import psycopg

from benchmarks.stack import Stack, running
from benchmarks.timing import ask, percentile

DAY_NS = 86_400 * 10**9
SPANS, WORDS, VOCABULARY = 8, 40, 20_000
SHARES = {"everywhere": 1.0, "half": 0.5, "tenth": 0.1, "hundredth": 0.01, "thousandth": 0.001, "rarely": 0.0001}

SPAN = (
    "project day trace_id span_id start_ns end_ns received_ns record_hash block_id flags attribute_count block_index kind"
    " status mapping_version name operation service"
).split()
TRACE = (
    "project day trace_id start_ns end_ns duration_ns name operation service status span_count error_count llm_calls"
    " llm_errors embedding_calls tool_calls tool_errors unpriced_calls services models environments versions version_sets"
    " tools operations attrs received_ns complete_from_ns first_day last_day flags settled_ns"
).split()
QUESTIONS = {
    "everywhere": "everywhere",
    "half of all": "half",
    "a tenth": "tenth",
    "a hundredth": "hundredth",
    "a thousandth": "thousandth",
    "one in 10 000": "rarely",
    "an order number": '"ORD-4711"',
    "an e-mail address": '"user77@example.org"',
    "no hit": "nowhere",
    "prefix of many": "eve*",
    "prefix of few": "rare*",
    "two common words": "half tenth",
    "common without common": "everywhere -half",
    "common without rare": "half -rarely",
    "phrase, common words": '"blue moon"',
    "phrase, no hit": '"moon blue"',
    "phrase, rare words": '"rarely everywhere"',
    "common, errors only": "half status:error",
    "one of two": "(rarely OR thousandth)",
}


class Texts:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        letters = "bcdfghjklmnpqrstvwxz"
        self.vocabulary = [self._word(letters) for _ in range(VOCABULARY)]
        self.weights = list(accumulate(1 / (rank + 10) for rank in range(VOCABULARY)))

    def _word(self, letters: str) -> str:
        return "".join(
            self.random.choice(letters) + self.random.choice("aeiou") for _ in range(self.random.randint(1, 5))
        )

    def of_trace(self, number: int) -> list[str]:
        """One text a span."""
        words = self.random.choices(self.vocabulary, cum_weights=self.weights, k=SPANS * WORDS)
        texts = [" ".join(words[at : at + WORDS]) for at in range(0, len(words), WORDS)]
        texts[0] += f" about ORD-{number} for user{number % 50_000}@example.org"
        texts[1] += "".join(f" {word}" for word, share in SHARES.items() if self.random.random() < share)
        if self.random.random() < 0.5:
            texts[2] += " blue sky" + (" blue moon" if self.random.random() < 0.04 else " and the moon")
        return texts


def fill(connection: psycopg.Connection, project: int, traces: int, days: int, until: datetime) -> None:
    """Traces spread evenly over the days before `until`, a batch of 2 000 a transaction."""
    texts = Texts(1)
    until_ns = int(until.timestamp()) * 10**9
    for begin in range(0, traces, 2_000):
        numbers = range(begin, min(begin + 2_000, traces))
        rows = [_trace(texts, project, n, until_ns - days * DAY_NS + n * (days * DAY_NS // traces)) for n in numbers]
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = off")
            _copy(connection, "span", SPAN, (span for _, spans, _ in rows for span in spans))
            _copy(
                connection, "span_payload", ["project", "day", "trace_id", "block_id", "body"], (b for _, _, b in rows)
            )
            _copy(connection, "trace", TRACE, (trace for trace, _, _ in rows))


def _copy(connection: psycopg.Connection, table: str, columns: list[str], rows: Iterator[tuple]) -> None:
    with connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _trace(texts: Texts, project: int, number: int, start_ns: int) -> tuple[tuple, list[tuple], tuple]:
    from tracestore.payload import Encoded, _pack, encode_block

    said = texts.of_trace(number)
    day = datetime.fromtimestamp(start_ns // 10**9, UTC).date()
    trace_id = pack(">QQ", texts.random.getrandbits(64), number).hex()
    members = []
    for at, text in enumerate(said):
        key = "gen_ai.prompt" if at % 2 else "gen_ai.tool.call.arguments"
        attributes = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o", key: text, "n": at}
        members.append(Encoded(_pack([1, 2, None, attributes]), [], {}))
    block = (project, day, trace_id, number, encode_block(members)[0])
    spans = [
        (project, day, trace_id, at, start_ns, start_ns + 10**9, start_ns, number * 8 + at, number, 0, 4, at, 1, 0, 1,
         "chat gpt-4o" if at else "answer", "chat" if at else "agent", "shop")
        for at in range(SPANS)
    ]  # fmt: skip
    failed = int(number % 20 == 0)
    trace = (
        project, day, trace_id, start_ns, start_ns + 10**9, 10**9 + number, "answer", "agent", "shop", 1, SPANS, failed,
        4, 0, 0, 3, 0, 0, "{shop}", "{gpt-4o}", "{}", "{}", "{}", "{search}", "{agent,chat}", '{"plan": "free"}', start_ns,
        start_ns, day, day, 0, start_ns,
    )  # fmt: skip
    return trace, spans, block


def index(stack: Stack, project: int) -> float:
    """CPU seconds of this process and of Postgres a trace is not asked: wall seconds of one indexer alone."""
    from tracestore.jobs import search

    began = time.monotonic()
    with stack.connect() as connection:
        search.mark_all(connection, project, time.time_ns())
        search.index_all(connection, project)
    return time.monotonic() - began


def sizes(connection: psycopg.Connection, traces: int) -> None:
    print("\nbytes a trace")
    query = """
        SELECT parent.relname, sum(pg_table_size(inhrelid)), sum(pg_indexes_size(inhrelid))
        FROM pg_inherits JOIN pg_class AS parent ON parent.oid = inhparent
        WHERE parent.relname IN ('trace', 'trace_text', 'span', 'span_payload') GROUP BY 1 ORDER BY 1
    """
    for name, table, indexes in connection.execute(query):
        print(f"  {name:14} table {table / traces:7.0f}  indexes {indexes / traces:7.0f}")


def questions(stack: Stack, days: int, calls: int) -> None:
    until = datetime.now(UTC) + timedelta(minutes=1)
    span = {"from": (until - timedelta(days=days + 1)).isoformat(), "to": until.isoformat()}
    print(
        f"\n{'':26}{'hits':>5} {'p50 ms':>8} {'p95 ms':>8} {'CPU ms':>8}   GET /api/v1/traces, all days, {calls} calls"
    )
    for name, q in QUESTIONS.items():
        path = "/api/v1/traces?" + urllib.parse.urlencode({"q": q, "limit": "50", **span})
        before = stack.cpu_s()
        hits, times = ask(stack, path, calls)
        cpu_s = sum(stack.cpu_s()[group] - before[group] for group in ("ingest", "postgres"))
        shown = f"{percentile(times, 50):8.1f} {percentile(times, 95):8.1f} {cpu_s * 1e3 / (calls + 1):8.1f}"
        print(f"{name:26}{hits:5} {shown}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--calls", type=int, default=30)
    given = parser.parse_args()
    with running() as stack:
        measure(stack, given.traces, given.days, given.calls)


def measure(stack: Stack, traces: int, days: int, calls: int) -> None:
    import tracestore.jobs.search  # noqa: F401  # teaches psycopg types, which a connection knows when it is made

    with stack.connect() as connection:
        (project,) = connection.execute("SELECT id FROM project ORDER BY id LIMIT 1").fetchone()
        began = time.monotonic()
        fill(connection, project, traces, days, datetime.now(UTC))
        print(f"{traces} traces of {SPANS} spans in {time.monotonic() - began:.0f} s", flush=True)
        connection.execute("ANALYZE trace; ANALYZE span; ANALYZE span_payload")
        seconds, before = 0.0, stack.cpu_s()["postgres"]
        cpu = time.process_time()
        seconds = index(stack, project)
        ours, theirs = time.process_time() - cpu, stack.cpu_s()["postgres"] - before
        per = 1e6 / traces
        print(f"indexed in {seconds:.0f} s: {ours * per:.0f} us of CPU a trace here, {theirs * per:.0f} us in Postgres")
        connection.execute("VACUUM ANALYZE trace_text; VACUUM ANALYZE trace")
        sizes(connection, traces)
    questions(stack, days, calls)


if __name__ == "__main__":
    main()
