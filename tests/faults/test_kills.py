"""kill -9 of anything at any moment under load: nothing acknowledged is lost, nothing is doubled, numbers stay exact."""

import random
import time

import psutil
import psycopg
import pytest

from benchmarks.stack import Stack, kill, title
from tests.faults.check import check, check_ledger
from tests.faults.conftest import Starts
from tests.faults.load import Traffic

pytestmark = pytest.mark.timeout(180)
KILLS = 3
AFTER_FAULT = 20  # requests that must be acknowledged after the last fault
WEB, GRPC = "fourline: manage.py serve", "fourline: manage.py grpc"
WORKER, BEAT = "MainProcess]", "celery beat]"
BACKEND, POSTMASTER = "postgres: fourline", "bin/postgres"


def moments(seed: int) -> list[float]:
    """Seconds to wait before each kill."""
    r = random.Random(seed)
    return [r.uniform(0.05, 0.6) for _ in range(KILLS)]


def recover(traffic: Traffic) -> None:
    traffic.wait_for(traffic.statuses[200] + AFTER_FAULT)
    traffic.stop()


def kill_one(stack: Stack, words: str, r: random.Random, with_children: bool = False) -> None:
    """kill -9 of one process whose command line holds words; none may be there while it starts again."""
    found = stack.find(words)
    if not found:
        return
    victim = r.choice(found)
    try:
        family = [victim, *victim.children(recursive=True)] if with_children else [victim]
    except psutil.Error:
        return
    for process in family:
        kill(process)


def test_killed_processes_of_ours_lose_nothing(stack: Stack, begin: Starts, seed: int) -> None:
    """A web worker, the Celery worker with its children, beat: one after the other, in an order that the seed decides."""
    traffic, r = begin(seed), random.Random(seed)
    traffic.wait_for(10)
    for wait_s, words in zip(moments(seed), r.sample([WEB, WORKER, BEAT], k=3), strict=True):
        time.sleep(wait_s)
        kill_one(stack, words, r, with_children=words == WORKER)
    recover(traffic)
    with stack.connect() as connection:
        check(connection, traffic)
        check_ledger(connection)


def test_a_killed_grpc_server_loses_nothing(stack: Stack, begin: Starts, seed: int) -> None:
    traffic, r = begin(seed, senders=2, grpc=True), random.Random(seed)
    traffic.wait_for(10)
    for wait_s in moments(seed)[:2]:
        time.sleep(wait_s)
        kill_one(stack, GRPC, r)
    recover(traffic)
    with stack.connect() as connection:
        check(connection, traffic)


def test_a_killed_postgres_loses_nothing_and_answers_are_503(stack: Stack, begin: Starts, seed: int) -> None:
    """A killed backend makes the postmaster restart them all; a killed postmaster is started again by the supervisor."""
    traffic, r = begin(seed), random.Random(seed)
    for wait_s, words in zip(moments(seed), (BACKEND, POSTMASTER), strict=False):
        traffic.wait_for(traffic.statuses[200] + 10)
        time.sleep(wait_s)
        kill_one(stack, words, r)
    recover(traffic)
    wait_for_database(stack)
    with stack.connect() as connection:
        check(connection, traffic)
        check_ledger(connection)
    for head in traffic.heads:
        assert head.startswith(b"HTTP/1.1 503") and b"retry-after:" in head.lower()


def test_everything_killed_at_once_loses_nothing(stack: Stack, begin: Starts, seed: int) -> None:
    traffic = begin(seed)
    traffic.wait_for(10)
    time.sleep(moments(seed)[0])
    stack.kill_all()
    assert stack.start() < 60
    recover(traffic)
    with stack.connect() as connection:
        check(connection, traffic)
        check_ledger(connection)


def wait_for_database(stack: Stack) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            stack.connect().close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_the_processes_that_are_killed_here_exist(stack: Stack) -> None:
    """Otherwise the tests above would prove nothing."""
    for words in (WEB, GRPC, WORKER, BEAT, POSTMASTER, BACKEND, "redis-server"):
        assert stack.find(words), [title(process) for process in stack.family()]
