"""What an API key or a link token looks like, and how one is recognised."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass

PREFIX_ALPHABET = string.ascii_lowercase + string.digits
KEY_PATTERN = re.compile(r"fl_([a-z0-9]{8})_([A-Za-z0-9_-]{43})", re.ASCII)

# A write key reads and changes through the API; it does not send telemetry (that is what ships in applications).
SCOPE_ALLOWS = {
    "ingest": frozenset({"ingest"}),
    "read": frozenset({"read"}),
    "write": frozenset({"read", "write"}),
}


@dataclass(frozen=True, slots=True)
class NewKey:
    """text: the key itself, to be shown once and then forgotten. prefix, sha256: what is kept."""

    text: str
    prefix: str
    sha256: bytes


def new_key() -> NewKey:
    prefix = "".join(secrets.choice(PREFIX_ALPHABET) for _ in range(8))
    text = f"fl_{prefix}_{secrets.token_urlsafe(32)}"
    return NewKey(text, prefix, digest(text))


def new_token() -> tuple[str, bytes]:
    """A link token of 256 random bits, and the SHA-256 that is kept of it."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(secret: str) -> bytes:
    """SHA-256. Enough for 256 random bits; passwords go through Argon2 instead."""
    return hashlib.sha256(secret.encode()).digest()


def key_prefix(text: str) -> str | None:
    """The public part of a key, or None when `text` does not have the shape of one."""
    match = KEY_PATTERN.fullmatch(text)
    return match[1] if match else None


def matches(text: str, sha256: bytes) -> bool:
    """Whether `text` is the key or token with this SHA-256, in constant time."""
    return hmac.compare_digest(digest(text), sha256)
