"""How is a value that an emitter sent shown: as text, with its OTLP type, cut where it is long? Pure."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CUT = 4_000  # characters shown before "show all"
LONGEST = 400_000  # characters shown at all; the API gives the rest
_ESCAPE = re.compile(r"\\(.)")
_READABLE = {"n": "\n", "t": "\t", '"': '"'}
ONE_LINE = 64  # characters of a panel
PARSED = 1_000_000  # longer strings are not looked into


@dataclass(frozen=True, slots=True)
class Shown:
    """text: at most what was asked for. more: characters that were left out."""

    text: str
    more: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """type: string | int | double | bool | array | map | bytes | empty, as OTLP sent it."""

    name: str
    type: str
    value: Shown


def shown(value: Any, limit: int = CUT) -> Shown:
    text = pretty(value)
    return Shown(text[:limit], max(0, len(text) - limit))


def pretty(value: Any) -> str:
    """Text as it is; JSON (also in a string) indented where it is long; bytes as base64."""
    if isinstance(value, str):
        return _pretty_text(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if value is None or isinstance(value, (bool, dict, list, tuple)):
        return _unescaped(_dump(value))
    return str(value)


def _pretty_text(text: str) -> str:
    """A string that holds a JSON object or array is indented; anything else stays exactly as it was sent."""
    if len(text) > PARSED or text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return _unescaped(_dump(json.loads(text)))
    except (ValueError, RecursionError):
        return text


def _unescaped(text: str) -> str:
    """Line breaks and quotation marks inside of strings as what they are: this is for reading, not for parsing."""
    return _ESCAPE.sub(lambda found: _READABLE.get(found[1], found[0]), text)


def _dump(value: Any) -> str:
    try:
        return _dense(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))
    except (ValueError, RecursionError, TypeError):
        return str(value)


def _dense(indented: str) -> str:
    """Indented JSON, an object or array on one line where it fits into ONE_LINE: one look at more of it."""
    lines: list[str] = []
    open_at: list[int] = []
    for line in indented.split("\n"):
        lines.append(line)
        if line.endswith(("{", "[")):
            open_at.append(len(lines) - 1)
        elif line.lstrip().startswith(("}", "]")):
            _close(lines, open_at.pop())
    return "\n".join(lines)


def _close(lines: list[str], begin: int) -> None:
    """Join the lines from begin on, which are one object or array, where they are short."""
    if len(lines) - begin > ONE_LINE // 4:  # hardly fits: no need to join it to know
        return
    inner = " ".join(line.strip() for line in lines[begin + 1 : -1])
    joined = f"{lines[begin]}{inner}{lines[-1].strip()}"
    if len(joined) <= ONE_LINE:
        lines[begin:] = [joined]


def _plain(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def otlp_type(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "bool"
    for kind, word in ((int, "int"), (float, "double"), (str, "string"), (bytes, "bytes"), (Mapping, "map")):
        if isinstance(value, kind):
            return word
    return "array"


def attributes(values: Mapping[str, Any], limit: int) -> list[Attribute]:
    """Sorted by name; strings raw, not parsed, so that what was sent is what is seen."""
    return [Attribute(name, otlp_type(value), raw(value, limit)) for name, value in sorted(values.items())]


def raw(value: Any, limit: int) -> Shown:
    text = (
        value if isinstance(value, str) else _dump(value) if isinstance(value, (dict, list, tuple)) else pretty(value)
    )
    return Shown(text[:limit], max(0, len(text) - limit))
