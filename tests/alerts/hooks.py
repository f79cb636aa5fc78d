"""A machine that takes webhooks and behaves as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hooks:
    """mode: a status, or hang, endless, drip, redirect, headers. taken: what arrived."""

    port: int = 0
    mode: str = "204"
    taken: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


def _handler(hooks: Hooks) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hooks.taken.append((self.path, dict(self.headers.items()), body))
            getattr(self, hooks.mode, lambda: self.answer(int(hooks.mode)))()

        def do_GET(self) -> None:
            hooks.taken.append((f"GET {self.path}", dict(self.headers.items()), b""))
            getattr(self, hooks.mode, lambda: self.answer(int(hooks.mode)))()

        def answer(self, status: int, *headers: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def busy(self) -> None:
            self.answer(429, ("Retry-After", "77"))

        def redirect(self) -> None:
            self.answer(307, ("Location", hooks.url))

        def hang(self) -> None:
            hooks.over.wait(20)

        def endless(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.write(b"x" * 65536, 0)

        def drip(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            self.write(b"x", 0.02)

        def write(self, piece: bytes, pause_s: float) -> None:
            try:
                while not hooks.over.wait(pause_s):
                    self.wfile.write(piece)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


@contextmanager
def serve_hooks() -> Iterator[Hooks]:
    hooks = Hooks()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hooks))
    server.daemon_threads = True
    hooks.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hooks
    finally:
        hooks.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
