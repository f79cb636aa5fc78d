"""Who takes the next connection? Of workers that listen on the same sockets, the one with the fewest.

The kernel wakes them all and libuv takes everything that waits, so that four exporters often ended at one of two workers
(4 : 0 or 3 : 1 in half of the tries) and kept it busy while the other had nothing to do. Here a worker takes one connection
at a time and steps back a little for each that it has already: whoever has fewer comes first. Nothing is shared. A worker
with many takes what waits at once: chance spreads many well enough, and who reconnects for each request waits for nobody.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence

STEP_BACK_S = 0.0005  # for each open connection
MANY = 24  # connections: from here on a worker no longer steps back,
AT_ONCE = 32  # and takes so many each time it looks
OUT_OF_FILES_S = 0.5
_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Acceptor:
    """Accepts on one listening socket until it is closed. The part of asyncio.Server that uvicorn uses.

    load: how many connections this worker has open.
    """

    def __init__(self, listening: socket.socket, protocol: Callable[[], asyncio.Protocol], load: Callable[[], int]):
        self._listening, self._protocol, self._load = listening, protocol, load
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Task[object]] = set()
        listening.setblocking(False)
        self._watch()

    @property
    def sockets(self) -> Sequence[socket.socket]:
        return (self._listening,)

    def close(self) -> None:
        self._loop.remove_reader(self._listening)
        if self._again is not None:
            self._again.cancel()

    async def wait_closed(self) -> None:
        """Nothing is left to wait for: uvicorn waits for the connections itself."""

    def _watch(self) -> None:
        self._again = None
        self._loop.add_reader(self._listening, self._on_waiting)

    def _on_waiting(self) -> None:
        load = self._load() + len(self._opening)
        if load >= MANY:
            for _ in range(AT_ONCE):
                if not self._take():
                    break
        elif load:
            self._pause(load * STEP_BACK_S, self._take_and_watch)
        else:
            self._take()

    def _pause(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listening)
        self._again = self._loop.call_later(seconds, then)

    def _take_and_watch(self) -> None:
        self._watch()
        self._take()

    def _take(self) -> bool:
        """Whether one was waiting."""
        try:
            connection, _ = self._listening.accept()
        except OSError as error:  # taken by another worker, or gone again
            if error.errno in _OUT_OF_FILES:
                self._pause(OUT_OF_FILES_S, self._watch)
            return False
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an answer is two small writes
        task = self._loop.create_task(self._open(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return True

    async def _open(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()
