"""While a server is away: 503 with Retry-After, never 500 or 200, and all is well again without anybody's help."""

import signal
import time

import psutil
import pytest

from benchmarks.stack import Stack, kill
from tests.faults.check import check, wait_until_settled
from tests.faults.conftest import Starts

pytestmark = pytest.mark.timeout(120)
STOPPED_S = 6.0
SLOWEST_ANSWER_S = 20.0


def test_a_stopped_postgres_gives_503_in_time_and_recovers(stack: Stack, begin: Starts) -> None:
    traffic = begin(101, senders=6)
    traffic.wait_for(10)
    servers = stack.find("postgres")
    for process in servers:
        process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(STOPPED_S)
    finally:
        for process in servers:
            resume(process)
    traffic.wait_for(traffic.statuses[200] + 20)
    traffic.stop()
    assert traffic.longest_s < SLOWEST_ANSWER_S
    assert all(head.startswith(b"HTTP/1.1 503") and b"retry-after:" in head.lower() for head in traffic.heads)
    with stack.connect() as connection:
        check(connection, traffic)


def resume(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGCONT)
    except psutil.Error:
        return


def test_ingest_does_not_need_the_broker_and_settle_heals_after_it_was_wiped(stack: Stack, begin: Starts) -> None:
    traffic = begin(102)
    traffic.wait_for(10)
    for process in stack.find("redis-server"):
        kill(process)  # it keeps nothing on disk: a restart is a wipe
    traffic.wait_for(traffic.statuses[200] + 50)
    traffic.stop()
    assert set(traffic.statuses) == {200}
    with stack.connect() as connection:
        wait_until_settled(connection)
        check(connection, traffic)
