"""What a fault may touch, and how long an outage lasts."""

import random
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.installation import Installation
from tests.faults.load import FULL, Traffic

PAUSED = (signal.SIGSTOP, signal.SIGCONT)


def duration_s(short: float, full: float) -> float:
    """Seconds of an outage: the matrix's own with FAULT_DURATIONS=full, else a length at which the same deadlines pass."""
    return full if FULL else short


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault may touch."""

    at: Installation
    traffic: Traffic
    r: random.Random


Injects = Callable[[Scene], None]


def read(at: Installation, path: str) -> tuple[int, bool, float]:
    """As a script with a key, or as somebody who is signed in: (status, told when to come again, seconds)."""
    headers = {
        "Authorization": f"Bearer {at.stack.credentials()['read_key']}",
        "Cookie": f"fourline_session={'s' * 32}",
    }
    request = urllib.request.Request(f"http://127.0.0.1:{at.stack.port}{path}", headers=headers)
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, False, time.monotonic() - began
    except urllib.error.HTTPError as error:
        return error.code, "Retry-After" in error.headers, time.monotonic() - began
