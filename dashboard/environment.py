"""How is a setting read? Typed readers of environment variables that stop the start with a sentence when one is wrong."""

import os
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from tracestore.outbound_targets import Allowed, parse_allowed

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str) -> str:
    """The variable, or default where it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in TRUE:
        return True
    if value.strip().lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; write 1 or 0.")


def integer(name: str, default: int, minimum: int, maximum: int) -> int:
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}; write a whole number.") from None
    if not minimum <= number <= maximum:
        raise ImproperlyConfigured(f"{name} is {number}; it must be from {minimum} to {maximum}.")
    return number


def names(name: str) -> list[str]:
    """A comma-separated list, empty items left out."""
    return [item.strip() for item in text(name, "").split(",") if item.strip()]


def targets(name: str) -> list[Allowed]:
    """Hosts and networks, each with its port or without."""
    try:
        return [parse_allowed(entry) for entry in names(name)]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name}: {error}; write hosts or networks such as 10.1.0.0/16 or hooks:9000."
        ) from None


def url(name: str, schemes: set[str]) -> str:
    """The variable, empty when unset. Its value is never printed: it may carry a password."""
    value = text(name, "")
    if value and urlsplit(value).scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must start with one of: {', '.join(sorted(s + '://' for s in schemes))}.")
    return value


def database(address: str) -> dict[str, object]:
    """postgresql://user:password@host:port/name?sslmode=... as Django settings.

    A socket folder goes into ?host=/path (host left empty) or percent-encoded in the host's place.
    Raises ImproperlyConfigured when no database is named.
    """
    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query))
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured(
            "FOURLINE_DATABASE_URL must name a database: postgresql://user:password@host:5432/NAME"
        )
    host = options.pop("host", None) or unquote(
        parts.netloc.rpartition("@")[2].rpartition(":")[0] or parts.hostname or ""
    )
    return {
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": options.pop("port", None) or _port(parts.netloc),
        "OPTIONS": options,
    }


def _port(netloc: str) -> str:
    tail = netloc.rpartition("@")[2].rpartition("]")[2]
    return tail.rpartition(":")[2] if ":" in tail else ""


def email(address: str) -> dict[str, object]:
    """smtp://[user:password@]host:port[?tls=1] as Django's EMAIL_* settings; port 465 speaks TLS from the first byte."""
    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query))
    port = parts.port or 25
    wants_tls = options.get("tls", "0").lower() in TRUE or parts.scheme == "smtps"
    implicit = parts.scheme == "smtps" or port == 465
    return {
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": wants_tls and not implicit,
        "EMAIL_USE_SSL": wants_tls and implicit,
        "DEFAULT_FROM_EMAIL": options.get("from", f"fourline@{parts.hostname or 'localhost'}"),
    }
