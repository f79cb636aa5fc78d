"""Random histories of faults under load: nothing acknowledged is lost, nothing is doubled, numbers stay exact.

A seed decides the order of the faults and the moment of each, and draws what is sent. FAULT_SEED=n runs one alone.
"""

import os
import random
import time

import pytest

from benchmarks.stack import title
from tests.faults import installation as titles
from tests.faults import network
from tests.faults.catalogue import CATALOGUE, Fault
from tests.faults.check import check
from tests.faults.conftest import SHARED_BY, WHOLE, Starts
from tests.faults.installation import Installation
from tests.faults.load import FULL
from tests.faults.scene import Scene

pytestmark = pytest.mark.timeout(3600 if FULL else 600)
AFTER_FAULT = 15  # requests that must be acknowledged after each fault
READY_S = 60


def test_the_processes_that_are_hurt_here_exist(installation: Installation) -> None:
    """Otherwise the tests below would prove nothing."""
    for words in (titles.WEB, titles.GRPC, titles.WORKER, titles.CHILD, titles.BEAT, titles.POSTMASTER, titles.REDIS):
        assert installation.find(words), [title(process) for process in installation.stack.family()]


CODES = sorted({fault.code for fault in CATALOGUE} | {"F13"}, key=lambda code: int(code[1:]))


@pytest.mark.parametrize("code", CODES)
def test_this_machine_can_inject(installation: Installation, code: str) -> None:
    """Says what is left out here, and why. In CI, as root, nothing may be left out that .ci/tools could have installed."""
    missing = [gap for fault in CATALOGUE if fault.code == code and (gap := fault.missing(installation))]
    if code == "F13" and (gap := network.missing()):
        missing.append(gap)
    if os.environ.get("CI") == "true" and os.geteuid() == 0:
        assert not {"strace", "iproute2"} & set(missing)
    if missing:
        pytest.skip(f"{code} takes {', '.join(missing)}")


def test_a_history_of_faults_loses_and_doubles_nothing(installation: Installation, begin: Starts, seed: int) -> None:
    history, r = drawn(seed, installation), random.Random(seed)
    print(f"FAULT_SEED={seed}: {', '.join(fault.name for fault in history)}")
    traffic = begin(seed)
    traffic.wait_for(AFTER_FAULT)
    for fault in history:
        began = time.monotonic()
        fault.inject(Scene(installation, traffic, r))
        traffic.wait_for(AFTER_FAULT, READY_S)
        print(f"{fault.code} {fault.name}: {time.monotonic() - began:.1f} s, {dict(traffic.statuses)}")
    traffic.stop()
    with installation.connect() as connection:
        check(connection, traffic)


def drawn(seed: int, installation: Installation) -> list[Fault]:
    """The faults of a seed in its order: all of them, or its share where three seeds share the catalogue."""
    possible = [fault for fault in CATALOGUE if not fault.missing(installation)]
    share = possible if WHOLE else possible[seed % SHARED_BY :: SHARED_BY]
    return random.Random(seed).sample(share, k=len(share))
