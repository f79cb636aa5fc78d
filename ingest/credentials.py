"""Which key does a request carry, and where does it say it comes from? Pure; headers are lower-case names and texts."""

import base64
import binascii
import ipaddress
from collections.abc import Mapping

from ingest.errors import Rejected

Headers = Mapping[str, list[str]]

# A request with one of these came through a proxy or out of a browser, whatever its address says.
FORWARDED = frozenset(
    {
        *("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "via"),
        *("x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "fastly-client-ip", "x-cluster-client-ip"),
        *("origin", "referer", "cookie", "sec-fetch-site", "sec-fetch-mode"),
    }
)


def find(headers: Headers) -> str | None:
    """The key as it was sent: Bearer, x-api-key, or Basic with the key as password. None when there is none at all.

    Raises Rejected (unauthenticated) for credentials of another kind, or several that differ.
    """
    given = {_from_authorization(value) for value in headers.get("authorization", ())}
    given |= {value.strip() for value in headers.get("x-api-key", ())}
    if not given:
        return None
    if len(given) > 1 or "" in given or len(headers.get("authorization", ())) > 1:
        raise Rejected("unauthenticated", "send one key: Authorization: Bearer KEY or x-api-key: KEY")
    key = given.pop()
    if not key.isascii():
        raise Rejected("unauthenticated", "this key is not valid: it is unknown, expired or revoked")
    return key


def _from_authorization(value: str) -> str:
    kind, _, rest = value.strip().partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    if kind.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(rest.strip(), validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""
    return decoded.partition(":")[2]


def is_forwarded(headers: Headers) -> bool:
    return not FORWARDED.isdisjoint(headers)


def is_local_host(headers: Headers) -> bool:
    """Whether every Host is a name of this machine only: a name that an outsider points here is not."""
    return all(_is_local(host.lower()) for host in headers.get("host", ()))


def _is_local(host: str) -> bool:
    name = host if host.endswith("]") else host.rpartition(":")[0] if ":" in host else host
    return name in ("localhost", "") or is_loopback(name.strip("[]"))


def is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)
