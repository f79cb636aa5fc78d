"""Which attributes of a trace can be filtered by? The short ones of its root and resource."""

from collections.abc import Mapping
from typing import Any

ATTRS_MAX, ATTR_MAX = 64, 256


def attrs(resource: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of root and resource to filter by: at most 64 short texts, numbers and booleans; the root's win."""
    short = {key: value for key, value in attributes.items() if _is_short(key, value)}
    short |= {key: value for key, value in resource.items() if key not in attributes and _is_short(key, value)}
    return dict(list(short.items())[:ATTRS_MAX])


def _is_short(key: str, value: Any) -> bool:
    if len(key) > ATTR_MAX:
        return False
    if type(value) is str:
        return len(value) <= ATTR_MAX
    return type(value) in (bool, int, float)
