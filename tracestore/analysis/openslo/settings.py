"""What of ours has no place in OpenSLO, as annotations under fourline.dev/."""

import json
from collections.abc import Mapping
from typing import Any, Final

from tracestore.analysis.openslo.notes import Notes, shown

PREFIX: Final = "fourline.dev/"
# annotation -> field of a draft, both texts
TEXTS: Final[Mapping[str, str]] = {
    "title": "title",  # where displayName is too short for it
    "action": "action",
    "no-data": "no_data",
    "runbook": "runbook_url",
    "owner": "owner",
}
EVENTS: Final = ("unit", "total", "good", "bad")  # an indicator of ours beside one of somebody else's
DEFAULTS: Final[Mapping[str, str]] = {"action": "look", "no_data": "ignore"}
UNASSIGNED: Final = "unassigned"  # OpenSLO demands a service
OF_SLO: Final = (*TEXTS, *EVENTS, "notify", "enabled", "any-service")
SHORT_WINDOW, PENDING, RULE = "short-window", "pending", "rule"
OF_POLICY: Final = (SHORT_WINDOW, PENDING, RULE)


def ours(annotations: Mapping[str, Any]) -> dict[str, str]:
    """Without the prefix."""
    return {key.removeprefix(PREFIX): str(value) for key, value in annotations.items() if key.startswith(PREFIX)}


def others(annotations: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in annotations.items() if not key.startswith(PREFIX)}


def prefixed(settings: Mapping[str, str]) -> dict[str, str]:
    return {PREFIX + name: value for name, value in settings.items()}


def check_known(settings: Mapping[str, str], known: tuple[str, ...], where: tuple[str, str], notes: Notes) -> None:
    for name in settings:
        if name not in known:
            notes.error(*where, f"{PREFIX}{shown(name)} is none of {', '.join(PREFIX + one for one in known)}.")


def parse_names(text: str) -> tuple[str, ...]:
    """Names or addresses with commas; a JSON list where they hold commas themselves. Raises ValueError."""
    if not text.startswith("["):
        return tuple(name.strip() for name in text.split(",") if name.strip())
    names = json.loads(text)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("no list of texts")
    return tuple(names)


def names_text(names: tuple[str, ...]) -> str:
    plain = ", ".join(names)
    return plain if parse_plain(plain) == names else json.dumps(names, ensure_ascii=False)


def parse_plain(text: str) -> tuple[str, ...] | None:
    return None if text.startswith("[") else parse_names(text)
