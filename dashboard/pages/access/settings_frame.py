"""What stands around every settings page: the pages beside it, what this role may do, whether the password is fresh."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest

from dashboard.access import recently_proved
from tracestore.actions.access import Refused
from tracestore.queries.access import at_least

# (word, address below /settings, least role that sees it)
PAGES = (
    ("General", "", "viewer"),
    ("Members", "members", "viewer"),
    ("API keys", "keys", "editor"),
    ("Channels", "channels", "viewer"),
    ("Redaction", "redaction", "editor"),
    ("Prices", "prices", "editor"),
    ("Storage", "storage", "viewer"),
    ("Audit log", "audit", "owner"),
)


@dataclass(frozen=True, slots=True)
class SettingsLink:
    word: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class SettingsFrame:
    """base: address of the settings, no slash behind. confirm_href: where to give the password; None when fresh."""

    base: str
    links: Sequence[SettingsLink]
    is_editor: bool
    is_owner: bool
    confirm_href: str | None


def settings_frame(request: HttpRequest, here: str) -> SettingsFrame:
    """here: the address below /settings, "general" for the first page."""
    base, role = f"/p/{request.project.slug}/settings", request.role
    links = [
        SettingsLink(word, f"{base}/{path}".rstrip("/"), (path or "general") == here)
        for word, path, least in PAGES
        if at_least(role, least)
    ]
    confirm = None if recently_proved(request) else f"/confirm?{urlencode({'next': request.path})}"
    return SettingsFrame(base, links, at_least(role, "editor"), at_least(role, "owner"), confirm)


def attempt(request: HttpRequest, change: Callable[[], object]) -> bool:
    """Make a change; a refusal becomes a message on the next page."""
    try:
        change()
    except Refused as refusal:
        messages.error(request, str(refusal))
        return False
    return True
