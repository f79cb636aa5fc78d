"""May this version be released? Asks a Fourline for CI; needs Python 3.9 and nothing else, so that it may be copied alone.

    FOURLINE_KEY=fl_... python -m dashboard.gate https://fourline.example shop v12

Exit codes: 0 allow (and warn, unless --warn-fails), 1 freeze, 2 could not ask. The key is a read key; it is taken from the
environment, since arguments can be seen by everybody on the machine.
"""

from __future__ import annotations  # it is copied to where Python is older

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ALLOWED, FROZEN, UNASKED = 0, 1, 2
WAITS_S = (1, 3)  # before asking again
MOST_BYTES = 1_000_000


class Unanswered(Exception):
    """passing: it may be asked again."""

    def __init__(self, text: str, passing: bool = False) -> None:
        super().__init__(text)
        self.passing = passing


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key goes to the address that was given, and nowhere else."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    key = os.environ.get("FOURLINE_KEY", "")
    if not key:
        return _unasked("Set FOURLINE_KEY to a read key of the project.")
    query = {"service": given.service, "version": given.version, "caller": given.caller}
    try:
        body = _patiently(lambda: ask(given.url, query, key, given.timeout))
    except Unanswered as fault:
        return _unasked(str(fault))
    print("\n".join(sentences(body)))  # noqa: T201
    return exit_code(body, given.warn_fails)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gate", description="May this version be released? Exit code 0 yes, 1 no, 2 unknown."
    )
    parser.add_argument("url", help="where Fourline's pages are, such as https://fourline.example")
    add_question(parser)
    parser.add_argument("--timeout", type=float, default=10, help="seconds for one attempt; there are three")
    return parser


def add_question(parser: argparse.ArgumentParser) -> None:
    """What every gate asks."""
    parser.add_argument("service", help="whose version it is")
    parser.add_argument("version", nargs="?", default="", help="what is to be released")
    parser.add_argument(
        "--caller",
        choices=("automated", "human"),
        default="automated",
        help="what cannot be told freezes the one and warns the other",
    )
    parser.add_argument("--warn-fails", action="store_true", help="exit with 1 for a warning too")


def ask(url: str, query: Mapping[str, str], key: str, timeout_s: float) -> dict[str, Any]:
    """The decision. Raises Unanswered."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise Unanswered("The address must begin with https:// or http://.")
    address = f"{url.rstrip('/')}/api/v1/release-gate?{urllib.parse.urlencode(query)}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"})  # noqa: S310  # checked above
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout_s) as response:
            body = json.loads(response.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        raise Unanswered(
            f"Fourline answered {error.code}: {_detail(error)}", error.code in (429, 502, 503, 504)
        ) from error
    except OSError as error:
        raise Unanswered(f"Fourline cannot be reached: {getattr(error, 'reason', error)}", True) from error
    except ValueError as error:
        raise Unanswered("What answered is no Fourline: it sent no JSON.") from error
    if not isinstance(body, dict) or body.get("decision") not in ("allow", "warn", "freeze"):
        raise Unanswered("What answered is no Fourline: it sent no decision.")
    return body


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(MOST_BYTES))["detail"])
    except (ValueError, KeyError, TypeError, OSError):
        return str(error.reason)


def _patiently(attempt: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    for wait_s in WAITS_S:
        try:
            return attempt()
        except Unanswered as fault:
            if not fault.passing:
                raise
            time.sleep(wait_s)
    return attempt()


def sentences(body: Mapping[str, Any]) -> list[str]:
    """The decision for people: the verdict, why, and what may go all the same."""
    exceptions = [f"  allowed all the same: {one}" for one in body.get("exceptions_allowed", ())]
    return [str(body["decision"]), *(f"  {reason}" for reason in body.get("reasons", ())), *exceptions]


def exit_code(body: Mapping[str, Any], warn_fails: bool) -> int:
    stops = body["decision"] == "freeze" or (warn_fails and body["decision"] == "warn")
    return FROZEN if stops else ALLOWED


def _unasked(text: str) -> int:
    print(text, file=sys.stderr)  # noqa: T201
    return UNASKED


if __name__ == "__main__":
    sys.exit(main())
