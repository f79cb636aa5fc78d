"""Which addresses do we listen on? Sockets made once, before anything starts, and handed to the web workers."""

import socket


class AddressTaken(Exception):
    """An address cannot be had; the message names it and says what to do."""


def listen(bind: str, port: int, setting: str) -> socket.socket:
    """A listening TCP socket that children may inherit. setting: the variable that chooses the port, for the message."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((bind, port))
        made.listen(2048)
    except OSError as error:
        made.close()
        raise AddressTaken(f"cannot listen on {bind}:{port} ({error.strerror}); choose another {setting}") from None
    made.set_inheritable(True)
    return made


def require_free(bind: str, port: int, setting: str) -> None:
    """Raise AddressTaken when the port (which the gRPC process will take by itself) is in use."""
    listen(bind, port, setting).close()


def local_address(bind: str) -> str:
    """Where a process on this machine reaches what is bound to `bind`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104
