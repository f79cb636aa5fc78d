"""Which versions ran, since when, and how do two of them differ?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.frame import colour_class
from dashboard.links import in_project, with_query
from dashboard.listing import Listing, read_listing
from dashboard.pages.asking import answered
from dashboard.pages.trace_header import Part, changed_parts, in_part_order, part_views, part_word
from dashboard.params import in_ns
from tracestore.queries.versions import VersionSetUse, find_version_sets, get_version_diff

FAILING = 0.05  # of the traces: from here on the share is red
SET_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class SetLine:
    """A set beside the one it is compared with: the version before it, or the fullest set of its own version.

    changed: the names of the parts that differ. partial: it only knows less than the fullest set of its version does;
    unseen: the parts it knows nothing of. old, new: chosen for the comparison when the page is opened.
    """

    use: VersionSetUse
    label: str
    short_id: str
    colour: str
    parts: list[Part]
    error_share: float | None
    failing: bool
    changed: str
    diff_href: str
    page_href: str
    traces_href: str
    chosen: bool
    partial: bool
    unseen: str
    old: bool
    new: bool


@dataclass(frozen=True, slots=True)
class ServiceView:
    """versions: how many versions of its code."""

    service: str
    versions: int
    lines: list[SetLine]


@dataclass(frozen=True, slots=True)
class VersionsPage:
    listing: Listing
    services: list[ServiceView]
    wider_href: str
    diff_path: str


@dataclass(frozen=True, slots=True)
class DiffRow:
    """differs: both sets know the part and it changed; unseen: one of them knows nothing of it."""

    name: str
    gone: list[str]
    added: list[str]
    same: list[str]
    differs: bool
    unseen: bool


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
    unseen: int
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
    """By service, its newest version first, and in a version the set that knows most first."""
    by_service: dict[str, list[VersionSetUse]] = {}
    for one in found:
        by_service.setdefault(one.service, []).append(one)
    return [service_view(service, sets, slug, chosen) for service, sets in sorted(by_service.items())]


def service_view(service: str, sets: Sequence[VersionSetUse], slug: str, chosen: str) -> ServiceView:
    groups = by_version(sets)
    lines: list[SetLine] = []
    for number, group in enumerate(groups):
        before = groups[number + 1][0] if number + 1 < len(groups) else None
        fullest = set_line(group[0], before, slug, chosen)
        others = [set_line(one, group[0], slug, chosen, within=True) for one in group[1:]]
        lines += [fullest, *sorted(others, key=lambda line: line.partial)]
    heads = [group[0].id for group in groups]
    old = heads[1] if len(heads) > 1 else lines[min(1, len(lines) - 1)].use.id
    marked = [replace(line, new=line.use.id == heads[0], old=line.use.id == old) for line in lines]
    return ServiceView(service, len(groups), marked)


def by_version(sets: Sequence[VersionSetUse]) -> list[list[VersionSetUse]]:
    """The sets of each version, the fullest and most used first; versions by when they began, newest first."""
    groups: dict[str | None, list[VersionSetUse]] = {}
    for one in sets:
        groups.setdefault(one.service_version, []).append(one)
    ordered = [sorted(group, key=lambda one: (-len(one.parts), -one.traces, one.id)) for group in groups.values()]
    return sorted(ordered, key=lambda group: -min(one.first_seen_ns for one in group))


def set_line(one: VersionSetUse, before: VersionSetUse | None, slug: str, chosen: str, within: bool = False) -> SetLine:
    """before: what it is compared with. within: that is a set of the same version."""
    label = one.service_version or one.id[:7]
    diff = with_query(in_project(slug, "versions", "diff"), {}, a=before.id, b=one.id) if before else ""
    changed = [part_word(name) for name in changed_parts(before, one)] if before else []
    unseen = in_part_order(name for name in before.parts if name not in one.parts) if before and within else []
    return SetLine(
        use=one,
        label=label,
        short_id=one.id[:7],
        colour=colour_class(label),
        parts=part_views(one.parts),
        error_share=one.error_traces / one.traces if one.traces else None,
        failing=one.error_traces >= one.traces * FAILING and one.error_traces > 0,
        changed=", ".join(changed),
        diff_href=diff,
        page_href=in_project(slug, "versions", one.id),
        traces_href=with_query(in_project(slug, "traces"), {}, q=f"version:{one.id[:12]}", range="30d"),
        chosen=one.id == chosen,
        partial=within and not changed,
        unseen=", ".join(map(part_word, unseen)),
        old=False,
        new=False,
    )


@project_page(role="viewer")
@require_safe
@answered
def version_diff(request: HttpRequest) -> HttpResponse:
    a, b = request.GET.get("a", ""), request.GET.get("b", "")
    found = get_version_diff(request.project.pk, a, b) if SET_ID.fullmatch(a) and SET_ID.fullmatch(b) else None
    if found is None:
        raise Http404("One of these two version sets is not in this project.")
    rows = [diff_row(*row) for row in found.rows]
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
        rows=sorted(rows, key=lambda row: (not row.differs, not row.unseen, row.name)),
        differing=sum(row.differs for row in rows),
        unseen=sum(row.unseen for row in rows),
        swap_href=with_query(request.path, {}, a=b, b=a),
        list_href=in_project(request.project.slug, "versions"),
        now_ns=in_ns(datetime.now(UTC)),
    )
    return render(request, "versions/diff.html", {"page": page})


def diff_row(name: str, gone: list[str], added: list[str], same: list[str]) -> DiffRow:
    differs = bool(gone or added)
    both = bool(same or (gone and added))
    return DiffRow(part_word(name), gone, added, same, differs and both, differs and not both)
