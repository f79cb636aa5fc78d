"""Are the texts of an objective short enough, its addresses addresses?"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from tracestore.analysis.slo.problems import Problem, error

MOST_URL: Final = 500
_ADDRESS: Final = re.compile(r"[^\s@<>\"(),:;\\\[\]]{1,64}@(?=.{1,189}\Z)[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?")


def is_address(text: str) -> bool:
    """An e-mail address as people have them: no comments, no quotes, nothing that ends a header line."""
    return text.isprintable() and _ADDRESS.fullmatch(text) is not None


def check_lengths(draft: object, **most: int) -> Iterator[Problem]:
    for name, limit in most.items():
        text = getattr(draft, name)
        if len(text) > limit:
            yield error(name, f"Use at most {limit:,} characters.")
        elif any(ord(one) < 32 and one not in "\n\t\r" for one in text) or (name != "description" and "\n" in text):
            yield error(name, "Leave out line breaks and control characters.")


def check_address(name: str, url: str) -> Iterator[Problem]:
    """A link that a browser may be sent to: http or https, with a host; or nothing."""
    if url and not _is_web_address(url):
        yield error(name, "Use an address that begins with https:// or http://, without spaces.")
    if len(url) > MOST_URL:
        yield error(name, f"Use at most {MOST_URL} characters.")


def _is_web_address(url: str) -> bool:
    if not url.isprintable() or any(one.isspace() for one in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
