"""Ingest stops while there is room left on the disk of the embedded Postgres."""

import pytest

from tracestore import space
from tracestore.db import Unavailable


@pytest.fixture(autouse=True)
def _never_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "_checked", (float("-inf"), 0))


def test_below_the_reserve_nothing_is_taken_and_above_it_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "free_bytes", lambda: space.RESERVE_BYTES - 1)
    with pytest.raises(Unavailable, match="disk is full"):
        space.require_space(now_s=1.0)
    monkeypatch.setattr(space, "free_bytes", lambda: space.RESERVE_BYTES)
    with pytest.raises(Unavailable):
        space.require_space(now_s=1.0)  # known for a quarter of a second
    space.require_space(now_s=1.25)


def test_the_disk_of_another_server_is_not_ours_to_judge(settings) -> None:
    settings.EMBEDDED_DATABASE = False
    assert space.free_bytes() == space.RESERVE_BYTES
