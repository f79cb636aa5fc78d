"""Between an installation and its database: python -m tests.faults.relay HOST PORT SOCKET passes bytes on until it is stopped.

SIGSTOP makes it a network that swallows everything: connections stand, or are even made, and nothing comes back.
"""

import contextlib
import socket
import sys
import threading


def main(host: str, port: int, target: str) -> None:
    with socket.create_server((host, port), backlog=256) as listener:
        print("ready", flush=True)
        while True:
            client, _ = listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(target)
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=pass_on, args=(one, other), daemon=True).start()


def pass_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while received := one.recv(65536):
            other.sendall(received)
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
