"""Where a notification leads: addresses of our own pages. They come from the settings, never from a request."""

from urllib.parse import quote, urlsplit

from django.conf import settings


def in_project(slug: str, *parts: str) -> str:
    return "/".join([settings.SITE_URL, "p", quote(slug, safe=""), *(quote(part, safe="") for part in parts)])


def alert_link(slug: str, alert_id: str, place: str = "") -> str:
    """place: an anchor of the page. It asks for a login, and changes nothing by itself."""
    return in_project(slug, "alerts", alert_id) + (f"#{place}" if place else "")


def comparison_link(slug: str, before: str | None, after: str | None) -> str:
    """Of two version sets; of one when the other is unknown, "" without any."""
    sets = [one.replace("-", "") for one in (before, after) if one]
    if len(sets) == 2:
        return in_project(slug, "versions", "diff") + f"?a={sets[0]}&b={sets[1]}"
    return in_project(slug, "versions", sets[0]) if sets else ""


def web_link(url: str) -> str:
    """A link that people gave (a runbook), or "" where it is not one of the web."""
    return url if urlsplit(url).scheme in ("https", "http") and url.isprintable() and " " not in url else ""


def host() -> str:
    """The right side of message ids."""
    return urlsplit(settings.SITE_URL).hostname or "localhost"
