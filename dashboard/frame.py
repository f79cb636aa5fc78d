"""What stands around every page: the rail, the project switcher, the theme, the warnings."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from dashboard.warnings import Notice, notices_of
from tracestore.queries import access

# What exists now; later pages add their line here. (word, address below the project, icon)
SECTIONS = (
    ("Board", "board", "board"),
    ("Traces", "traces", "traces"),
    ("Sessions", "sessions", "sessions"),
    ("Versions", "versions", "versions"),
    ("Tools", "tools", "tool"),
    ("Cost", "cost", "cost"),
    ("Objectives", "objectives", "objectives"),
    ("Alerts", "alerts", "alerts"),
    ("Ingest", "ingest", "ingest"),
    ("Settings", "settings", "settings"),
)
FIRST = ("board", "traces", "versions", "cost")  # in the bar of a phone; the others stand behind "More"
BELOW = {"context": "cost", "changes": "board"}  # pages that belong to a section of another address
COLOURS = 10


@dataclass(frozen=True, slots=True)
class RailLink:
    """first: one of the four that a phone's bar shows."""

    word: str
    href: str
    icon: str
    current: bool
    first: bool


@dataclass(frozen=True, slots=True)
class RailProject:
    slug: str
    name: str
    href: str
    colour: str


@dataclass(frozen=True, slots=True)
class Frame:
    """theme: "dark" | "light", or "" to follow the system. project: None outside a project."""

    theme: str
    narrow_rail: bool
    user_name: str
    account_href: str
    at_account: bool
    project: RailProject | None
    projects: Sequence[RailProject]
    links: Sequence[RailLink]
    warnings: Sequence[Notice]


def frame(request: HttpRequest) -> dict[str, object]:
    """Context processor. Nothing is asked of the database until a template uses it."""
    return {"frame": SimpleLazyObject(lambda: build_frame(request))}


def build_frame(request: HttpRequest) -> Frame:
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    project = getattr(request, "project", None) if signed_in else None
    here = rail_project(project.slug, project.name) if project else None
    return Frame(
        theme=request.COOKIES.get("theme", "") if request.COOKIES.get("theme") in ("dark", "light") else "",
        narrow_rail=request.COOKIES.get("rail") == "narrow",
        user_name=user.get_username() if signed_in else "",  # type: ignore[union-attr]
        account_href="/account",
        at_account=request.path.startswith("/account"),
        project=here,
        projects=[rail_project(p.slug, p.name) for p in access.projects_of(user.pk)] if signed_in else [],  # type: ignore[union-attr]
        links=rail_links(here.slug, request.path) if here else [],
        warnings=notices_of(project.pk, project.slug, datetime.now(UTC)) if project else [],
    )


def rail_project(slug: str, name: str) -> RailProject:
    return RailProject(slug=slug, name=name, href=f"/p/{slug}/board", colour=colour_class(slug))


def rail_links(slug: str, path: str) -> list[RailLink]:
    """The sections of a project; the current one by the address: /p/<slug>/<section>/..."""
    here = path.split("/")[3] if path.count("/") >= 3 else ""
    here = BELOW.get(here, here)
    return [
        RailLink(word, f"/p/{slug}/{section}", icon, section == here, section in FIRST)
        for word, section, icon in SECTIONS
    ]


def colour_class(name: str) -> str:
    """One of ten categorical colours, the same for the same name everywhere: "c0" to "c9"."""
    return f"c{hashlib.blake2b(name.encode(), digest_size=2).digest()[0] % COLOURS}"
