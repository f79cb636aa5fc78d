"""Of workers that listen on one socket, the one with fewer connections takes the next."""

import asyncio
import socket

from dashboard.accepting import Acceptor
from tests import loops


class Worker:
    """A worker of `load` connections; taken: those it accepted here, closed at once and counted on top."""

    def __init__(self, listening: socket.socket, load: int) -> None:
        self.load, self.taken = load, 0
        self.acceptor = Acceptor(listening, self.protocol, lambda: self.load + self.taken)

    def protocol(self) -> asyncio.Protocol:
        self.taken += 1
        return asyncio.Protocol()


async def connect(address: tuple[str, int], count: int) -> None:
    for _ in range(count):
        _, writer = await asyncio.open_connection(*address)
        await asyncio.sleep(0.05)  # long enough for whoever steps back less
        writer.close()


def test_the_worker_with_fewer_connections_takes_the_next() -> None:
    async def story() -> tuple[int, int]:
        with socket.create_server(("127.0.0.1", 0)) as listening, listening.dup() as shared:
            busy, idle = Worker(listening, 15), Worker(shared, 0)
            await connect(listening.getsockname(), 6)
            busy.acceptor.close()
            idle.acceptor.close()
            return busy.taken, idle.taken

    busy, idle = loops.run(story())
    assert busy + idle == 6
    assert idle >= 5


def test_a_busy_worker_takes_what_nobody_else_takes() -> None:
    async def story() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            worker = Worker(listening, 500)
            await connect(listening.getsockname(), 3)
            await asyncio.sleep(0.1)
            worker.acceptor.close()
            return worker.taken

    assert loops.run(story()) == 3
