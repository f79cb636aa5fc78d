"""How does a web worker serve? uvicorn on sockets that it inherited, with limits on what comes before a body."""

import asyncio
import resource
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dashboard.accepting import Acceptor

MAX_URL_BYTES = 16_384
MAX_HEADER_BYTES = 32_768  # all names and values of a request
MAX_HEADERS = 100
HEADER_TIMEOUT_S = 10.0  # from the connection, or from the first byte of a further request, to the end of its headers
REST_TIMEOUT_S = 30.0  # for what is left of a body after its answer
UNREAD_TIMEOUT_S = 60.0  # for a client that takes nothing of its answer
KEEP_ALIVE_S = 75  # exporters send every few seconds: a new connection each time would cost them more than us
DRAIN_S = 25  # what is under way at SIGTERM may take this long to be answered
MAX_CONNECTIONS = 2_000
PIECE_BYTES = 256 * 1024  # a body is handed over in pieces of this size,
PIECE_S = 0.02  # or what there is of it by then


class TooMuch(Exception):
    """The headers are over a limit."""


class LimitedProtocol(HttpToolsProtocol):
    """httptools itself accepts headers of any size at any pace."""

    _too_much = False
    _header_bytes = 0
    _header_deadline: asyncio.TimerHandle | None = None
    _rest_deadline: asyncio.TimerHandle | None = None
    _piece_timer: asyncio.TimerHandle | None = None
    _unread_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        for deadline in (self._rest_deadline, self._unread_deadline):
            if deadline is not None:
                deadline.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client has not read for so long that its answers pile up here."""
        super().pause_writing()
        self._unread_deadline = self.loop.call_later(UNREAD_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_deadline is not None:
            self._unread_deadline.cancel()
            self._unread_deadline = None

    def send_400_response(self, msg: str) -> None:
        """uvicorn answers whatever stops the parser with 400; our limits deserve 431."""
        if self._too_much:
            self._refuse()
        else:
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        self._header_bytes = 0
        self._expect_headers()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            self._stop()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES or len(self.headers) >= MAX_HEADERS:
            self._stop()
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._headers_came()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pieces are collected: waking the application for each read of the socket (20 in a body of 1.2 MB) makes the
        event loop wait as often for the thread that decodes (up to 1 ms each)."""
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) >= PIECE_BYTES:
            self.flow.pause_reading()
            self._hand_over()
        elif self._piece_timer is None:
            self._piece_timer = self.loop.call_later(PIECE_S, self._hand_over)

    def _hand_over(self) -> None:
        if self._piece_timer is not None:
            self._piece_timer.cancel()
            self._piece_timer = None
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self._piece_timer is not None:
            self._piece_timer.cancel()
            self._piece_timer = None
        if self._rest_deadline is not None:
            self._rest_deadline.cancel()
            self._rest_deadline = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request that was answered before its body came may send the rest, which is read over, but not for ever."""
        super().on_response_complete()
        if self.cycle.more_body and not self.transport.is_closing() and self._rest_deadline is None:
            self._rest_deadline = self.loop.call_later(REST_TIMEOUT_S, self.transport.close)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client closed its side: in the middle of a body that is 400, after a whole request it gets its answer."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        if cycle.more_body:
            if not cycle.response_started:
                self.send_400_response("The body ended too early.")
            return False
        cycle.keep_alive = False
        return True

    def _expect_headers(self) -> None:
        if self._header_deadline is None:
            self._header_deadline = self.loop.call_later(HEADER_TIMEOUT_S, self._too_slow)

    def _headers_came(self) -> None:
        if self._header_deadline is not None:
            self._header_deadline.cancel()
            self._header_deadline = None

    def _too_slow(self) -> None:
        self._header_deadline = None
        self.transport.close()

    def _stop(self) -> None:
        self._too_much = True
        raise TooMuch  # ends the parsing: httptools turns it into an error of its own

    def _refuse(self) -> None:
        body = b"request header fields too large"
        head = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-type: text/plain\r\n"
        self.transport.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        self.transport.close()


def configuration(application: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        loop="uvloop",
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        access_log=False,  # a path may hold an invitation, a query a key
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        backlog=2048,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        limit_concurrency=MAX_CONNECTIONS,
    )


def serve(application: Any, sockets: Sequence[socket.socket]) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way and return."""
    raise_file_limit()
    _Server(configuration(application)).run(sockets=list(sockets))


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        loop, config, state = asyncio.get_running_loop(), self.config, self.server_state

        def protocol() -> asyncio.Protocol:
            return LimitedProtocol(config, state, self.lifespan.state, loop)

        self.servers: list[Any] = [Acceptor(one, protocol, lambda: len(state.connections)) for one in sockets or ()]

    def handle_exit(self, sig: int, frame: Any) -> None:
        """An orderly stop ends with exit code 0, so the signal is not raised once more (as uvicorn would)."""
        self.should_exit = True


def raise_file_limit() -> None:
    """Every connection is a file; take as many as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 65_536, hard))
