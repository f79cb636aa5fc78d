"""May this address be called from here? Every URL that people type is judged: its shape, its name, every address behind it.

Only https to public addresses, on the ports of the web. What the operator lists (FOURLINE_OUTBOUND_PRIVATE) may be private,
speak http, and use the port that the list names.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS = (443, 80, 8443)
MAX_URL_CHARS = 2000
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE = ipaddress.IPv6Network("::/96")
UNICAST = ipaddress.IPv6Network("2000::/3")
_PLAIN = re.compile(r"[!-~]+")  # printable ASCII without spaces
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?")
_WITH_PORT = re.compile(r"(\[.*\]|[^:]*):([0-9]{1,5})")


class Refused(Exception):
    """This address is not called, now or later. The text tells whoever typed it what to write instead."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that has the right shape. host: lower case, an IPv6 address without brackets. path: with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of the operator's list. host: a name, or None with a network. port: None = the ports of the web."""

    host: str | None
    network: Network | None
    port: int | None

    def covers(self, target: Target, address: Address) -> bool:
        here = target.host.rstrip(".") == self.host if self.network is None else address in self.network
        return here and (target.port in PORTS if self.port is None else target.port == self.port)


def parse_allowed(entry: str) -> Allowed:
    """`host`, `host:port`, `10.1.0.0/16`, `10.1.0.0/16:9000`, `[::1]:9000`. Raises ValueError for what is none of these."""
    found = _WITH_PORT.fullmatch(entry)
    text, port = (found[1], int(found[2])) if found else (entry, None)
    text = text.strip("[]").lower()
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"{entry!r} names a port that there is not")
    try:
        return Allowed(None, ipaddress.ip_network(text), port)
    except ValueError:
        if "/" in text or not _NAME.fullmatch(text):
            raise ValueError(f"{entry!r} is neither a host nor a network") from None
    return Allowed(text.rstrip("."), None, port)


def parse_target(url: str) -> Target:
    """Raises Refused for what is no plain http(s) URL: names and passwords, other schemes, blanks, backslashes, odd numbers."""
    if not _PLAIN.fullmatch(url) or "\\" in url or len(url) > MAX_URL_CHARS:
        raise Refused("Write a plain URL: ASCII only, no spaces, no backslashes (names of other scripts as xn--...).")
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Refused("This is not a URL.") from None
    if parts.scheme not in ("https", "http"):
        raise Refused("The URL must begin with https://")
    if "@" in parts.netloc:
        raise Refused("Leave the user name and password out of the URL.")
    host = _host(parts.hostname or "")
    return Target(parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _host(host: str) -> str:
    """A name, or an address in its usual form: 127.1, 2130706433 and 0x7f000001 are the disguises of one."""
    try:
        return str(ipaddress.ip_address(host)) if "%" not in host else ""
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
    if not _NAME.fullmatch(host) or len(host) > 253 or _NUMBER.fullmatch(last):
        raise Refused("The URL names no host that can be called.")
    return host


def judge(target: Target, addresses: Sequence[Address], allowed: Sequence[Allowed], own: str) -> None:
    """Raises Refused unless every address behind the name may be called.

    addresses: all that the name stands for, since whoever owns the name chooses which one is used. own: URL of this
    installation, or "": what it sends to itself could go round for ever.
    """
    if not target.host or not addresses:
        raise Refused("The URL names no host that can be called.")
    if own and _place(parse_target(own)) == _place(target):
        raise Refused("This is Fourline's own address.")
    if all(any(entry.covers(target, address) for entry in allowed) for address in addresses):
        return
    if target.scheme != "https":
        raise Refused("The URL must begin with https://")
    if target.port not in PORTS:
        raise Refused(f"Only the ports {', '.join(map(str, PORTS))} are called.")
    if not all(is_public(address) for address in addresses):
        raise Refused(
            "This address is not on the public internet. Its operator can allow it: FOURLINE_OUTBOUND_PRIVATE."
        )


def _place(target: Target) -> tuple[str, int]:
    return target.host.rstrip("."), target.port


def is_public(address: Address) -> bool:
    """Whether anybody on the internet would reach the same machine under it. Addresses that wrap IPv4 are what they wrap."""
    inner = unwrapped(address)
    if isinstance(inner, ipaddress.IPv6Address) and inner not in UNICAST:
        return False
    return inner.is_global and not (inner.is_multicast or inner.is_reserved)


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside of an IPv4-mapped, IPv4-compatible, 6to4 or NAT64 one, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64 or address in COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
