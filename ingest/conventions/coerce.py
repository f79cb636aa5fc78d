"""How attribute values become usable ones: conventions G3 to G9. No function here raises, whatever it is given.

None = not usable (absent, empty, wrong type). BAD = a number that must not be believed (negative, NaN, over 2^53):
the field stays unknown and the span is flagged INVALID_NUMBER.
"""

import math
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final

import msgspec

BAD: Final = object()
TEXT_CHARS = 256
COUNT_MAX = 2**53
JSON_CHARS = 1_000_000  # longer JSON is not looked into at receipt
_USD_MAX = Decimal(1_000_000)
_NANO = Decimal(1_000_000_000)
_DAYS_30_NS = 30 * 86_400 * 1_000_000_000
_EMPTY = frozenset({"", "None", "none", "null", "NULL", "undefined", '""', "nil"})
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def text(value: Any) -> str | None:
    """A short text: trimmed, at most 256 characters; numbers become their text."""
    if type(value) is str and len(value) <= TEXT_CHARS:  # nearly always
        trimmed = value.strip()
        return None if trimmed in _EMPTY else trimmed
    if type(value) is str:
        return value.strip()[:TEXT_CHARS].strip() or None
    return str(value) if type(value) in (int, float) else None


def json_text(value: Any) -> str | None:
    """A short text that may be JSON-encoded once more (`'"acme"'`)."""
    return text(unjson(value))


def count(value: Any) -> Any:
    """A non-negative integer up to 2^53 (G4); a float without fraction, a digit string or its JSON will do."""
    if type(value) is int:
        return value if 0 <= value <= COUNT_MAX else BAD
    if type(value) is float:
        return int(value) if value.is_integer() and 0 <= value <= COUNT_MAX else BAD
    if type(value) is str:
        return _count_text(value)
    return None if value is None else BAD


def _count_text(value: str) -> Any:
    trimmed = value.strip().strip('"')
    if trimmed in _EMPTY:
        return None
    number = _number(trimmed)
    if number is None or not number.is_integer() or not 0 <= number <= COUNT_MAX:
        return BAD
    return int(number)


def _number(value: Any) -> float | None:
    """A finite float out of int, float or text (G5)."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, str))
        or (isinstance(value, str) and len(value) > 64)
    ):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def money(value: Any) -> Any:
    """USD as integer nano-USD, exact from the shortest text of a float, half up at the end."""
    if type(value) not in (int, float, str):
        return None if value is None else BAD
    shortest = repr(value) if type(value) is float else str(value).strip().strip('"')
    if shortest in _EMPTY or len(shortest) > 64:
        return None
    try:
        usd = Decimal(shortest)
    except InvalidOperation:
        return BAD
    if not usd.is_finite() or not 0 <= usd <= _USD_MAX:
        return BAD
    return int((usd * _NANO).to_integral_value(ROUND_HALF_UP))


def _duration(value: Any, factor: float) -> Any:
    number = _number(value)
    if number is None:
        return None if value is None or value == "" else BAD
    nanoseconds = number * factor
    return round(nanoseconds) if 0 <= nanoseconds <= _DAYS_30_NS else BAD


def seconds(value: Any) -> Any:
    """Seconds -> nanoseconds."""
    return _duration(value, 1e9)


def milliseconds(value: Any) -> Any:
    """Milliseconds -> nanoseconds."""
    return _duration(value, 1e6)


def number(value: Any) -> Any:
    """A non-negative float whose unit is still to be found out."""
    found = _number(value)
    return found if found is not None and found >= 0 else None


def boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, str)):
        word = str(value).strip().strip('"').lower()
        return True if word in _TRUE else False if word in _FALSE else None
    return None


def texts(value: Any) -> tuple[str, ...] | None:
    """A list of short texts (G6): array, JSON array in a string, comma-joined string, or one value."""
    if isinstance(value, str):
        decoded = unjson(value) if value.lstrip()[:1] == "[" else None
        value = decoded if isinstance(decoded, list) else value.split(",")
    elif not isinstance(value, list):
        value = [value]
    found = tuple(t for t in map(text, value[:64]) if t is not None)
    return found or None


def present(value: Any) -> bool | None:
    """Only whether there is something."""
    return None if value is None or value == "" else True


def whole(value: Any) -> Any:
    """The value itself, to be looked into later."""
    return None if value is None or value == "" else value


def constant(meaning: str) -> Callable[[Any], str | None]:
    """The presence of an attribute means `meaning`."""
    return lambda value: None if value is None or value in ("", "{}") else meaning


def one_of(meanings: Mapping[str, str], fold: bool = True) -> Callable[[Any], str | None]:
    """An enumeration; what it does not name is not usable, so that the next rule is asked."""

    def read(value: Any) -> str | None:
        if type(value) is not str:
            return None
        return meanings.get(value) or (meanings.get(value.strip().strip('"').lower()) if fold else None)

    return read


def unjson(value: Any) -> Any:
    """One JSON layer off a string; anything that is not JSON stays as it is (G3, G7)."""
    if type(value) is not str or len(value) > JSON_CHARS:
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return value


def nested(value: Any, *path: str) -> Any:
    """What lies at `path` in dicts that may be JSON strings; None when it ends early."""
    for key in path:
        value = unjson(value) if type(value) is str else value
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
