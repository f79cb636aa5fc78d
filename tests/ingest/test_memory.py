"""How much memory can one request cost? Measured in a process of its own, so that nothing else hides it.

Each bomb is at most 20 MiB and is decoded whole; promised are 300 MB and 2 seconds of CPU.
"""

import json
import subprocess
import sys

import pytest

MOST_MB, MOST_S = 300, 3.0  # s of CPU: twice what a busy 2-core machine takes
MEASURE = """
import sys, time
from pathlib import Path
from ingest.compression import decompress
from ingest.decode import JSON, PROTOBUF, decode
from ingest.errors import Rejected
from tests.ingest import bombs

def memory_kb(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

decode("traces", b"", PROTOBUF, 1)
signal, kind, coding, body = bombs.BOMBS[sys.argv[1]]()
Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
memory, since = memory_kb("VmRSS"), time.process_time()
outcome = "accepted"
try:
    decoded = decode(signal, decompress(body, coding), kind, 1)
    outcome = str(decoded.rejected or "accepted")
except Rejected as refused:
    outcome = refused.reason
print((memory_kb("VmHWM") - memory) // 1024, time.process_time() - since, outcome)
"""

OUTCOMES = {
    "15 200 000 empty spans": "too_many_records",
    "16 a million empty resource spans": "too_many_records",
    "16 a million empty scope spans": "too_many_records",
    "10 million empty spans": "too_many_records",
    "10 million empty attributes of one span": "{'too_large': 1}",
    "10 000 spans of 512 attributes": "accepted",
    "10 000 spans of 256 events": "accepted",
    "empty attributes just below the large path": "accepted",
    "61 arrays of empty arrays": "accepted",
    "61 maps of 100 000 entries": "accepted",
    "nested maps": "malformed",
    "20 MB in one text": "accepted",
    "20 MB of JSON text": "accepted",
    "4 MB of JSON text of empty arrays": "accepted",
    "10 million empty data points": "too_many_records",
    "packed bucket counts": "{'too_large': 1}",
    "json: a million empty spans": "too_many_records",
    "json: attributes": "accepted",
    "json: arrays": "too_many_records",
    "json: braces in a text": "accepted",
    "7 gzip bomb": "too_large",
    "8 zstd bomb": "too_large",
    "a million empty gzip members": "compression",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", OUTCOMES)
def test_a_bomb_costs_a_bounded_amount_of_memory_and_time(name):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, name], capture_output=True, text=True, check=True, cwd=sys.path[0] or "."
    )
    megabytes, seconds, outcome = done.stdout.strip().split(" ", 2)
    print(json.dumps([name, megabytes, seconds, outcome]))
    assert int(megabytes) < MOST_MB
    assert float(seconds) < MOST_S
    assert outcome == OUTCOMES[name]
