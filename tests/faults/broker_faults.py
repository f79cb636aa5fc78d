"""Faults of Redis, which only rings: ingest may not notice any of them."""

import time

from benchmarks.stack import kill
from tests.faults.installation import REDIS, stopped
from tests.faults.scene import PAUSED, Scene, duration_s


def kill_redis(scene: Scene) -> None:
    """It keeps nothing on disk, so each start is a wipe. Ingest does not notice."""
    refused = len(scene.traffic.refusals)
    for process in scene.at.find(REDIS):
        with stopped([process], PAUSED):
            time.sleep(duration_s(1, 120))
        kill(process)
    scene.at.wait_for_settling()
    assert len(scene.traffic.refusals) == refused, "ingest needs the broker"


def wipe_redis(scene: Scene) -> None:
    scene.at.broker().flushall()
    scene.at.wait_for_settling()


def evict_from_redis(scene: Scene) -> None:
    """No memory, and whatever is there may be thrown away: rings are lost, one after the other."""
    broker = scene.at.broker()
    broker.config_set("maxmemory-policy", "allkeys-lru")
    broker.config_set("maxmemory", "1")
    time.sleep(duration_s(1.5, 60))
    broker.config_set("maxmemory", "64mb")
    broker.config_set("maxmemory-policy", "noeviction")
    scene.at.wait_for_settling()
