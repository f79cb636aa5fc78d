"""How fast does a large store answer? Whole HTTP answers of the real server, p50 and p95 of 30 calls each.

    python -m benchmarks.reads --home /tmp/large [--spans 10000000] [--only "usage|trace of"] [--calls 30]

A home that holds no traces yet is filled first by `manage.py generate`; it is kept, so that the next run begins at once.
Questions are about different users, sessions and traces in turn; a first call of each is not counted.
"""

import argparse
import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.questions import CALLS, Question, Store, asked_in_turn, look, questions
from benchmarks.stack import ROOT, Stack, free_ports

PROJECT_ID, SLUG = 1, "default"


class Reader:
    """A keep-alive connection with a read key, and one with the session of the administrator."""

    def __init__(self, stack: Stack) -> None:
        known = stack.credentials()
        self._port = stack.port
        self._line = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
        self._key = {"Authorization": f"Bearer {known['read_key']}"}
        self.cookies = self._sign_in(known["admin_user"], known["admin_password"])
        self._session = {"Cookie": self.cookies}

    def get(self, path: str, *, page: bool) -> tuple[int, bytes]:
        self._line.request("GET", path, headers=self._session if page else self._key)
        answer = self._line.getresponse()
        return answer.status, answer.read()

    def _sign_in(self, email: str, password: str) -> str:
        """The cookie of a session, as a browser gets it."""
        self._line.request("GET", "/sign-in")
        form = self._line.getresponse()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.read().decode())
        assert token is not None
        fields = {"csrfmiddlewaretoken": unescape(token[1]), "email": email, "password": password}
        origin = f"http://127.0.0.1:{self._port}"
        headers = {"Cookie": _cookies(form), "Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}
        self._line.request("POST", "/sign-in", urlencode(fields), headers)
        answer = self._line.getresponse()
        answer.read()
        if answer.status != 302:
            raise RuntimeError(f"signing in was answered with {answer.status}")
        return _cookies(answer)


def _cookies(answer: http.client.HTTPResponse) -> str:
    return "; ".join(value.partition(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie")


@dataclass(frozen=True, slots=True)
class Measured:
    """milliseconds: sorted. cpu_ms: of web and Postgres for one answer, whatever else runs here. status: the worst one."""

    question: Question
    milliseconds: list[float]
    cpu_ms: float
    answer_bytes: int
    status: int

    def quantile(self, share: float) -> float:
        return self.milliseconds[min(len(self.milliseconds) - 1, int(len(self.milliseconds) * share))]

    @property
    def verdict(self) -> str:
        if self.status != 200:
            return f"**answered {self.status}**"
        return "yes" if self.quantile(0.95) <= self.question.goal_ms else "**no**"


def measure(stack: Stack, reader: Reader, question: Question, calls: int) -> Measured:
    paths = [_page_on(reader, path, question.follow) for path in asked_in_turn(question, calls)[: len(question.paths)]]
    reader.get(paths[0], page=question.page)
    milliseconds, statuses, size, before = [], [], 0, stack.cpu_s()
    for number in range(calls):
        began = time.perf_counter()
        status, body = reader.get(paths[number % len(paths)], page=question.page)
        milliseconds.append(1000 * (time.perf_counter() - began))
        statuses.append(status)
        size += len(body)
    spent = stack.cpu_s()
    cpu_ms = 1000 * sum(spent[name] - before[name] for name in ("ingest", "postgres")) / calls
    return Measured(question, sorted(milliseconds), cpu_ms, size // calls, max(statuses))


def _page_on(reader: Reader, path: str, pages: int) -> str:
    cursor = ""
    for _ in range(pages):
        status, body = reader.get(f"{path}{cursor}", page=False)
        if status != 200:
            break
        cursor = f"&cursor={json.loads(body)['next_cursor']}"
    return f"{path}{cursor}"


def table_of(rows: list[Measured]) -> Iterator[str]:
    yield "| question | p50 ms | p95 ms | goal | met | CPU ms | kB |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        yield line_of(row)


def line_of(row: Measured) -> str:
    figures = f"{row.quantile(0.5):.1f} | {row.quantile(0.95):.1f} | {row.question.goal_ms:.0f}"
    return f"| {row.question.name} | {figures} | {row.verdict} | {row.cpu_ms:.1f} | {row.answer_bytes / 1000:,.1f} |"


def fill(stack: Stack, spans: int) -> None:
    """Runs beside the stack, whose database it writes to."""
    command = [sys.executable, "manage.py", "generate", "--spans", str(spans), "--project", SLUG]
    subprocess.run(command, cwd=ROOT, env=stack.environment(), check=True)


def run(stack: Stack, spans: int, only: str, calls: int) -> list[Measured]:
    with stack.connect() as connection:
        store = look(connection, PROJECT_ID, SLUG)
        if not store.traces:
            fill(stack, spans)
            store = look(connection, PROJECT_ID, SLUG)
    print(describe(store), flush=True)
    reader, rows = Reader(stack), []
    for question in questions(store):
        if re.search(only, question.name):
            rows.append(measure(stack, reader, question, calls))
            print(line_of(rows[-1]), file=sys.stderr, flush=True)
    return rows


def describe(store: Store) -> str:
    days = (store.end_s - store.start_s) / 86_400
    return f"{store.spans:,} spans in {store.traces:,} traces over {days:.1f} days"


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--home", type=Path, required=True, help="FOURLINE_HOME of a stack that is not running")
    cli.add_argument("--spans", type=int, default=10_000_000, help="of a store that is made anew")
    cli.add_argument("--only", default="", help="a regular expression of question names")
    cli.add_argument("--calls", type=int, default=CALLS)
    args = cli.parse_args()
    stack = Stack(args.home, *free_ports(3))
    try:
        stack.start()
        rows = run(stack, args.spans, args.only, args.calls)
    finally:
        stack.stop()
    print("\n".join(table_of(rows)))
    missed = [row.question.name for row in rows if row.verdict != "yes"]
    print(f"\n{len(rows) - len(missed)} of {len(rows)} goals met" + (f"; not: {', '.join(missed)}" if missed else ""))


if __name__ == "__main__":
    main()
