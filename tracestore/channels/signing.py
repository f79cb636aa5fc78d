"""Signatures of webhooks as Standard Webhooks 1.0 has them: HMAC-SHA256 over `{id}.{timestamp}.{body}`.

Source: https://www.standardwebhooks.com, "Signature scheme".
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32  # the standard asks for 24 to 64


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(message_id: str, at_s: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """One signature for each secret, newest first, so that the receiver may change from one to the other in its own time.

    at_s: Unix seconds of this attempt; receivers refuse what is older than five minutes.
    """
    signatures = [f"v1,{_signature(message_id, at_s, body, key)}" for key in keys]
    return {"webhook-id": message_id, "webhook-timestamp": str(at_s), "webhook-signature": " ".join(signatures)}


def _signature(message_id: str, at_s: int, body: bytes, key: str) -> str:
    """Raises ValueError for a secret that is none."""
    signed = b".".join([message_id.encode(), str(at_s).encode(), body])
    return base64.b64encode(hmac.digest(_raw(key), signed, "sha256")).decode()


def _raw(key: str) -> bytes:
    try:
        return base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a secret is whsec_ and base64") from None
