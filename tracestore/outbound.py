"""The one client for what leaves over HTTP: addresses judged and pinned, no redirects, no proxies, bounded in time and size.

The name is resolved once and the connection goes to the address that was judged, so that a name which changes its mind in
between (DNS rebinding) gains nothing. TLS still verifies the name.
"""

import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from django.conf import settings

from tracestore.outbound_targets import Address, Refused, Target, judge, parse_target

DEADLINE_S = 10.0  # for all of it: name, connection, TLS, answer
NAME_S = 5.0
MAX_ANSWER_BYTES = 64 * 1024
MAX_RETRY_AFTER_S = 24 * 3600
USER_AGENT = "Fourline"

__all__ = ["Answer", "Refused", "Unreachable", "check", "get", "post"]


class Unreachable(Exception):
    """It could not be told this time. The text names the kind of trouble, never what the other side said."""


@dataclass(frozen=True, slots=True)
class Answer:
    """status: as it came, redirects included. retry_after_s: what the other side asks for, None when it does not."""

    status: int
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    body: bytes | None
    headers: Mapping[str, str]


def check(url: str) -> None:
    """Before a URL is saved. Raises Refused; a name that does not exist (now) is refused as well."""
    target = parse_target(url)
    try:
        _addresses(target, time.monotonic() + NAME_S)
    except Unreachable as error:
        raise Refused(f"The host cannot be found: {error}.") from error


def post(url: str, body: bytes, headers: Mapping[str, str], deadline_s: float = DEADLINE_S) -> Answer:
    """Send body; the answer's own body is read up to 64 KiB and forgotten.

    Raises Refused for an address that must not be called, Unreachable when there was no answer within deadline_s.
    """
    return _call("POST", url, body, headers, deadline_s)


def get(url: str, deadline_s: float = DEADLINE_S) -> Answer:
    """Call url, for no more than that it was called. Raises as `post` does."""
    return _call("GET", url, None, {}, deadline_s)


def _call(method: str, url: str, body: bytes | None, headers: Mapping[str, str], deadline_s: float) -> Answer:
    stop_at = time.monotonic() + deadline_s
    target = parse_target(url)
    addresses = _addresses(target, stop_at)
    request = _Request(method, body, {"Host": target.authority, "User-Agent": USER_AGENT, **headers})
    try:
        line = _connected(target, addresses, stop_at)
        with _cut_at(line, stop_at):
            return _exchange(target, line, request, stop_at)
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a header or path that is none
        raise Unreachable(_trouble(error, stop_at)) from error


def _exchange(target: Target, line: socket.socket, request: _Request, stop_at: float) -> Answer:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = _secured(target, line) if target.scheme == "https" else line
    try:
        connection.request(request.method, target.path, request.body, request.headers)
        response = connection.getresponse()
        _left(stop_at)  # headers that were cut look like headers that ended
        with suppress(OSError, http.client.HTTPException):
            response.read(MAX_ANSWER_BYTES)  # so that the other side is not cut off while it still writes
        return Answer(response.status, _retry_after(response.headers.get("Retry-After", "")))
    finally:
        connection.close()


def _secured(target: Target, line: socket.socket) -> ssl.SSLSocket:
    return ssl.create_default_context().wrap_socket(line, server_hostname=target.host.rstrip("."))


def _connected(target: Target, addresses: list[Address], stop_at: float) -> socket.socket:
    """A connection to the first of the addresses that takes one."""
    failure: OSError = TimeoutError("no time left")
    for address in addresses:
        try:
            return socket.create_connection((str(address), target.port), timeout=_left(stop_at))
        except OSError as error:
            failure = error
    raise failure


@contextmanager
def _cut_at(line: socket.socket, stop_at: float) -> Iterator[None]:
    """A deadline for everything on this connection: timeouts of a socket begin anew with every byte that drips in."""
    line.settimeout(_left(stop_at))
    twin = line.dup()
    timer = threading.Timer(_left(stop_at), _shut, [twin])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        twin.close()
        line.close()


def _shut(line: socket.socket) -> None:
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it ended by itself


def _left(stop_at: float) -> float:
    left = stop_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("no time left")
    return left


def _addresses(target: Target, stop_at: float) -> list[Address]:
    """All addresses of the name, each of which may be called. Raises Refused, Unreachable."""
    addresses = _resolved(target, min(NAME_S, max(stop_at - time.monotonic(), 0.0)))
    judge(target, addresses, settings.OUTBOUND_PRIVATE, settings.PUBLIC_URL)
    return addresses


def _resolved(target: Target, wait_s: float) -> list[Address]:
    """Resolvers have no deadline of their own, so a thread waits for them."""
    answers: queue.Queue[list[Address] | OSError] = queue.Queue()
    threading.Thread(target=_resolve, args=(target, answers), name="outbound-name", daemon=True).start()
    try:
        answer = answers.get(timeout=wait_s)
    except queue.Empty:
        raise Unreachable("its name was not resolved in time") from None
    if isinstance(answer, OSError):
        raise Unreachable("its name does not resolve") from answer
    return answer


def _resolve(target: Target, answers: "queue.Queue[list[Address] | OSError]") -> None:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        answers.put(list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found)))
    except (OSError, UnicodeError) as error:
        answers.put(error if isinstance(error, OSError) else OSError(str(error)))


def _retry_after(text: str) -> int | None:
    """Seconds, or an HTTP date, at most a day; None for anything else."""
    if text.isascii() and text.isdigit():
        return min(int(text[:6]), MAX_RETRY_AFTER_S)
    try:
        until = parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(int(until - time.time()), 0), MAX_RETRY_AFTER_S)


def _trouble(error: Exception, stop_at: float) -> str:
    if time.monotonic() >= stop_at or isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its TLS certificate is not valid"
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    return f"the connection failed ({type(error).__name__})"
