"""A network of its own, with one cable that can be pulled: nothing is received then, and nothing refused. Takes root."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

SPACE, OUTSIDE, INSIDE = f"fl{os.getpid()}", "10.213.77.1", "10.213.77.2"
EXECUTE = ["ip", "netns", "exec", SPACE]


def missing() -> str | None:
    """What this machine lacks to make one."""
    if shutil.which("ip") is None:
        return "iproute2"
    made = subprocess.run(["ip", "netns", "add", f"{SPACE}p"], capture_output=True, check=False).returncode == 0
    subprocess.run(["ip", "netns", "delete", f"{SPACE}p"], capture_output=True, check=False)
    return None if made else "the right to make a network"


@contextmanager
def network() -> Iterator[None]:
    """INSIDE is the address of what runs with EXECUTE in front."""
    with ExitStack() as undo:
        ip("netns", "add", SPACE)
        undo.callback(ip, "netns", "delete", SPACE)
        ip("link", "add", SPACE, "type", "veth", "peer", "name", "inside", "netns", SPACE)
        undo.callback(ip, "link", "delete", SPACE)
        ip("addr", "add", f"{OUTSIDE}/30", "dev", SPACE)
        ip("link", "set", SPACE, "up")
        ip("-n", SPACE, "addr", "add", f"{INSIDE}/30", "dev", "inside")
        ip("-n", SPACE, "link", "set", "inside", "up")
        yield


@contextmanager
def pulled() -> Iterator[None]:
    """At the far end, so that the near one goes on believing."""
    ip("-n", SPACE, "link", "set", "inside", "down")
    try:
        yield
    finally:
        ip("-n", SPACE, "link", "set", "inside", "up")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
