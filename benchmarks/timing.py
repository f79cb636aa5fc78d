"""How long do whole HTTP answers take?"""

import http.client
import json
import time

from benchmarks.stack import Stack


def ask(stack: Stack, path: str, calls: int) -> tuple[int, list[float]]:
    """(items of the last answer, milliseconds of each call), one connection, the first call not counted."""
    headers = {"Authorization": f"Bearer {stack.credentials()['read_key']}"}
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
    times: list[float] = []
    hits = 0
    for _ in range(calls + 1):
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        times.append((time.perf_counter() - began) * 1e3)
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {body[:200]!r}")
        hits = len(json.loads(body)["items"])
    connection.close()
    return hits, times[1:]


def percentile(times: list[float], percent: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]
