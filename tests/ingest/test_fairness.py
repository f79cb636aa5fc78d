"""One noisy key delays itself: rates of a key, its share of the buffer, and turns among those who wait."""

import asyncio
import os

import pytest

from ingest.buffer import KEY_SHARE, Buffer, Share
from ingest.errors import Overloaded
from ingest.fair_queue import FairQueue
from ingest.quota import BURST_S, Quota, new_board
from tests import loops


def sends(quota, key, now_s, amount=1):
    quota.check(key, now_s)
    quota.spend(key, amount, now_s)


def test_a_quota_lets_a_burst_through_and_then_says_when_to_come_back():
    quota = Quota(2, new_board())
    for _ in range(21):
        sends(quota, 1, 100.0)
    with pytest.raises(Overloaded) as refused:
        sends(quota, 1, 100.0)
    assert (refused.value.reason, refused.value.retry_after_s) == ("quota", 1)
    sends(quota, 2, 100.0)
    sends(quota, 1, 100.0 + refused.value.retry_after_s)


def test_a_large_body_is_waited_for_before_the_next():
    quota = Quota(1_000, new_board())
    sends(quota, 1, 50.0, amount=1_000 * (BURST_S + 7))
    with pytest.raises(Overloaded) as refused:
        quota.check(1, 50.0)
    assert refused.value.retry_after_s == 7
    with pytest.raises(Overloaded):
        quota.check(1, 56.9)
    quota.check(1, 57.0)


def test_the_rate_in_the_long_run_is_the_limit():
    quota, passed = Quota(5, new_board()), 0
    for tick in range(100_000):  # 100 tries a second for 1 000 s
        try:
            sends(quota, 1, tick / 100)
            passed += 1
        except Overloaded:
            continue
    assert 5_000 <= passed <= 5 * (1_000 + BURST_S) + 1


def test_no_limit_and_no_key():
    for _ in range(1_000):
        sends(Quota(0, new_board()), 1, 0.0)
    quota = Quota(1, new_board())
    sends(quota, None, 5.0, amount=BURST_S + 1)
    with pytest.raises(Overloaded):
        quota.check(None, 5.0)
    quota.check(65_535, 5.0)


def test_forked_workers_spend_from_one_board():
    quota = Quota(1, new_board())
    child = os.fork()
    if child == 0:
        quota.spend(3, 2 * BURST_S, 10.0)
        os._exit(0)
    os.waitpid(child, 0)
    with pytest.raises(Overloaded):
        quota.check(3, 10.0)


def test_one_key_never_fills_the_buffer():
    buffer = Buffer(1_000)
    with Share(buffer, 1) as noisy, Share(buffer, 2) as quiet:
        noisy.take(int(1_000 * KEY_SHARE))
        with pytest.raises(Overloaded):
            noisy.take(1)
        quiet.take(250)
        with pytest.raises(Overloaded):
            quiet.take(1)
    assert buffer.used == 0
    assert not buffer._used_by


def test_keys_take_turns_while_they_wait():
    """A key with 50 batches waiting; another comes last and goes second."""
    order = []

    async def send(turns, key):
        async with turns.slot(key):
            await asyncio.sleep(0)
            order.append(key)

    async def all_of_them():
        turns = FairQueue(2)
        noisy = [asyncio.create_task(send(turns, 1)) for _ in range(50)]
        await asyncio.sleep(0)
        await asyncio.gather(*noisy, send(turns, 2), send(turns, 3))

    loops.run(all_of_them())
    assert len(order) == 52
    assert order.index(2) < 8
    assert order.index(3) < 8


def test_a_slot_is_not_lost_with_a_waiter_that_gives_up_or_work_that_fails():
    async def story():
        turns, gate = FairQueue(1), asyncio.Event()

        async def hold():
            async with turns.slot(1):
                await gate.wait()
                raise ZeroDivisionError

        async def go(key):
            async with turns.slot(key):
                return key

        first = asyncio.create_task(hold())
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(go(key)) for key in (2, 2, 3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        gate.set()
        with pytest.raises(ZeroDivisionError):
            await first
        assert await asyncio.wait_for(asyncio.gather(*waiting[1:]), 1) == [2, 3]
        assert await asyncio.wait_for(go(4), 1) == 4

    loops.run(story())
