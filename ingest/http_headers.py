"""What do the path and headers of a request say? Pure; raises Rejected for what we do not serve."""

from collections.abc import MutableMapping
from typing import Any

from ingest.compression import CODINGS
from ingest.credentials import Headers
from ingest.decode import JSON, PROTOBUF
from ingest.errors import Rejected

CONTENT_TYPES = {PROTOBUF: PROTOBUF, "application/protobuf": PROTOBUF, JSON: JSON}
UTF_8 = {"utf-8", "utf8"}


def path(scope: MutableMapping[str, Any]) -> str:
    """The path as it was sent, never percent-decoded; one slash at its end is forgiven (a redirect would lose a POST)."""
    raw: bytes = scope["raw_path"]
    text = raw.decode("ascii", "replace")
    return text[:-1] if text.endswith("/") else text


def read(scope: MutableMapping[str, Any]) -> Headers:
    """Lower-case names -> all their values in order."""
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers


def peer(scope: MutableMapping[str, Any]) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def content_type(headers: Headers) -> str:
    """PROTOBUF or JSON. A charset other than UTF-8 is refused: OTLP knows no other."""
    given = headers.get("content-type", [])
    kind, *parameters = given[0].lower().split(";") if len(given) == 1 else [""]
    found = CONTENT_TYPES.get(kind.strip())
    if found is None:
        raise Rejected("content_type", f"Content-Type must be {PROTOBUF} or {JSON}")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in UTF_8:
            raise Rejected("content_type", "OTLP is UTF-8")
    return found


def closest(headers: Headers) -> str:
    """The encoding for an answer to a request whose own is none of ours."""
    return JSON if any("json" in value.lower() for value in headers.get("content-type", [])) else PROTOBUF


def coding(headers: Headers) -> str:
    """One of compression.CODINGS; several at once are refused, a bomb in a bomb too."""
    given = ",".join(headers.get("content-encoding", [])).strip().lower() or "identity"
    if given not in CODINGS:
        raise Rejected("content_encoding", f"Content-Encoding must be one of {', '.join(CODINGS)}")
    return given


def length(headers: Headers) -> int | None:
    """Content-Length, which the server has checked already; None for a chunked body."""
    given = headers.get("content-length")
    return int(given[0]) if given and given[0].isdigit() else None
