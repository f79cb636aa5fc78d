"""The real application on a free port, in a thread of the test: pages, API and OTLP over real sockets."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from dashboard.server import configuration


@contextmanager
def serve() -> Iterator[str]:
    """The base address, such as http://127.0.0.1:43210, while the block runs."""
    from dashboard.asgi import application

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)  # who connects before the thread runs waits in the queue
    server = uvicorn.Server(configuration(application))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
