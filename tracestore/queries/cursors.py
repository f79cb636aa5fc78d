"""Where did the last page end? An opaque text that is read back strictly."""

import base64
import binascii
import json
import re
from dataclasses import dataclass

MAX_LENGTH = 2000  # a session id of 256 characters fits
_MAX_INT64 = 2**63 - 1
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class CursorError(ValueError):
    """The cursor is not one that we gave for this list."""

    def __init__(self) -> None:
        super().__init__("The cursor does not belong to this list; leave it out to begin at the first page")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The sort key and the id of the last row of a page. value: None = that row's key is unknown."""

    value: int | None
    id: str


def encode(kind: str, cursor: Cursor) -> str:
    """kind: the list and its order, so that a cursor of one is refused by the other."""
    text = json.dumps([kind, cursor.value, cursor.id], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(kind: str, text: str | None, id_pattern: str = "[0-9a-f]{32}") -> Cursor | None:
    """None for no cursor. Raises CursorError for anything that `encode` did not write for this kind."""
    if not text:
        return None
    parts = _unpack(text)
    match parts:
        case [str(found), int() | None as value, str(row_id)] if found == kind and not isinstance(value, bool):
            pass
        case _:
            raise CursorError
    if value is not None and not -_MAX_INT64 <= value <= _MAX_INT64:
        raise CursorError
    if not re.fullmatch(id_pattern, row_id, re.DOTALL) or _UNSTORABLE.search(row_id):
        raise CursorError
    return Cursor(value, row_id)


def _unpack(text: str) -> object:
    if len(text) > MAX_LENGTH or not re.fullmatch("[A-Za-z0-9_-]+", text):
        raise CursorError
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return json.loads(raw.decode())
    except (binascii.Error, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise CursorError from error
