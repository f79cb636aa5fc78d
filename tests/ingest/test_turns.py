"""Large batches of a process take turns on the processor; small ones do not wait for them."""

import threading

from ingest.turns import SMALL_BYTES, Turns


def test_the_next_large_batch_begins_when_the_one_before_is_over() -> None:
    turns, begun = Turns(), threading.Event()

    def second() -> None:
        with turns.of(SMALL_BYTES + 1):
            begun.set()

    with turns.of(SMALL_BYTES + 1) as first:
        other = threading.Thread(target=second)
        other.start()
        assert not begun.wait(0.05)
        first.over()
        assert begun.wait(5)
    other.join()


def test_a_small_batch_waits_for_nobody() -> None:
    turns = Turns()
    with turns.of(SMALL_BYTES + 1), turns.of(SMALL_BYTES) as small:
        small.over()


def test_a_turn_that_fails_is_over() -> None:
    turns = Turns()
    try:
        with turns.of(SMALL_BYTES + 1):
            raise ValueError
    except ValueError:
        pass
    with turns.of(SMALL_BYTES + 1) as next_one:
        next_one.over()
        next_one.over()
