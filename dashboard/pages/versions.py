"""Which versions ran, since when, and how do two of them differ?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.frame import colour_class
from dashboard.links import in_project, with_query
from dashboard.listing import Listing, read_listing
from dashboard.pages.asking import answered
from dashboard.pages.trace_header import Part, part_views, part_word
from dashboard.params import in_ns
from tracestore.queries.versions import VersionSetUse, find_version_sets, get_version_diff

SET_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class SetLine:
    """changed: the names of the parts that differ from the set before it, "" for the first of its service."""

    use: VersionSetUse
    label: str
    short_id: str
    colour: str
    parts: list[Part]
    error_share: float | None
    changed: str
    diff_href: str
    traces_href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ServiceView:
    service: str
    lines: list[SetLine]


@dataclass(frozen=True, slots=True)
class VersionsPage:
    listing: Listing
    services: list[ServiceView]
    wider_href: str
    diff_path: str


@dataclass(frozen=True, slots=True)
class DiffRow:
    name: str
    gone: list[str]
    added: list[str]
    same: list[str]
    differs: bool


@dataclass(frozen=True, slots=True)
class DiffPage:
    service: str
    a_label: str
    b_label: str
    a_id: str
    b_id: str
    a_first_ns: int
    b_first_ns: int
    a_last_ns: int
    b_last_ns: int
    rows: list[DiffRow]
    differing: int
    swap_href: str
    list_href: str
    now_ns: int


@project_page(role="viewer")
@require_safe
@answered
def versions(request: HttpRequest) -> HttpResponse:
    listing = read_listing(request.path, request.GET, datetime.now(UTC), default="30d")
    found = find_version_sets(request.project.pk, listing.range.start_ns, listing.range.end_ns)
    page = VersionsPage(
        listing=listing,
        services=services(found, request.project.slug, request.GET.get("set", "")),
        wider_href=with_query(request.path, {}, range="90d"),
        diff_path=in_project(request.project.slug, "versions", "diff"),
    )
    return render(request, "versions/page.html", {"page": page})


def services(found: Sequence[VersionSetUse], slug: str, chosen: str) -> list[ServiceView]:
    """By service, newest set first, each compared with the one that was first seen before it."""
    by_service: dict[str, list[VersionSetUse]] = {}
    for one in found:
        by_service.setdefault(one.service, []).append(one)
    views: list[ServiceView] = []
    for service, sets in sorted(by_service.items()):
        newest = sorted(sets, key=lambda one: -one.first_seen_ns)
        before = [*newest[1:], None]
        lines = [set_line(one, old, slug, chosen) for one, old in zip(newest, before, strict=True)]
        views.append(ServiceView(service, lines))
    return views


def set_line(one: VersionSetUse, before: VersionSetUse | None, slug: str, chosen: str) -> SetLine:
    label = one.service_version or one.id[:7]
    diff = with_query(in_project(slug, "versions", "diff"), {}, a=before.id, b=one.id) if before else ""
    return SetLine(
        use=one,
        label=label,
        short_id=one.id[:7],
        colour=colour_class(label),
        parts=part_views(one.parts),
        error_share=one.error_traces / one.traces if one.traces else None,
        changed=", ".join(differing(before, one)) if before else "",
        diff_href=diff,
        traces_href=with_query(in_project(slug, "traces"), {}, q=f"version:{one.id[:12]}", range="30d"),
        chosen=one.id == chosen,
    )


def differing(a: VersionSetUse, b: VersionSetUse) -> list[str]:
    names = sorted({*a.parts, *b.parts})
    return [part_word(name) for name in names if set(a.parts.get(name, [])) != set(b.parts.get(name, []))]


@project_page(role="viewer")
@require_safe
@answered
def version_diff(request: HttpRequest) -> HttpResponse:
    a, b = request.GET.get("a", ""), request.GET.get("b", "")
    found = get_version_diff(request.project.pk, a, b) if SET_ID.fullmatch(a) and SET_ID.fullmatch(b) else None
    if found is None:
        raise Http404("One of these two version sets is not in this project.")
    rows = [DiffRow(part_word(name), gone, added, same, bool(gone or added)) for name, gone, added, same in found.rows]
    page = DiffPage(
        service=found.b.service,
        a_label=found.a.service_version or a[:7],
        b_label=found.b.service_version or b[:7],
        a_id=a,
        b_id=b,
        a_first_ns=found.a.first_seen_ns,
        b_first_ns=found.b.first_seen_ns,
        a_last_ns=found.a.last_seen_ns,
        b_last_ns=found.b.last_seen_ns,
        rows=sorted(rows, key=lambda row: (not row.differs, row.name)),
        differing=sum(row.differs for row in rows),
        swap_href=with_query(request.path, {}, a=b, b=a),
        list_href=in_project(request.project.slug, "versions"),
        now_ns=in_ns(datetime.now(UTC)),
    )
    return render(request, "versions/diff.html", {"page": page})
