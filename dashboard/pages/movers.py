"""Which version is bad, and in which of the four lines? What moved most, in one list with one sentence above it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import project_page
from dashboard.chart_ticks import local, when
from dashboard.estimate_words import difference_words, interval_words
from dashboard.frame import colour_class
from dashboard.links import in_project, with_query
from dashboard.listing import Listing, read_listing
from dashboard.pages.asking import answered, with_filter
from dashboard.pages.baselines import Baseline, baseline_of
from dashboard.pages.narrowing import Narrowing
from dashboard.templatetags.units import visible_text
from dashboard.unit_words import in_unit
from dashboard.zones import zone_of
from tracestore.analysis.blame import Apart, Mover
from tracestore.analysis.lines import MEMBERS, Difference, members_of, step_s_of
from tracestore.analysis.movers import Contrast, Subject, rank
from tracestore.queries.movers import Movers, Span, find_movers
from tracestore.queries.version_heads import VersionHead

SHOWN = 8
ALSO = 2  # further versions that the sentence names
GONE_NS = 10 * 60 * 10**9  # a version that was not seen for so long has ended
AGAINST = {"earlier": "before it", "rest": "elsewhere", "before": "before"}


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One member of a subject. line: of the four, its colour. change: "−25.7 pp". words: "71.2 % instead of 96.9 %"."""

    line: str
    member: str
    change: str
    interval: str
    words: str
    n: int
    worse: bool
    caution: str
    title: str


@dataclass(frozen=True, slots=True)
class MoverView:
    """A subject and all that moved with it. share: of what (per) the first of its changes counts. also: where the same shows.

    ran: when a version did, in the reader's zone; compare_href, page_href: of versions; all "" else.
    """

    dimension: str
    label: str
    of: str
    colour: str
    ran: str
    share: float
    per: str
    changes: list[ChangeView]
    also: str
    traces_href: str
    compare_href: str
    compare_label: str
    page_href: str


@dataclass(frozen=True, slots=True)
class Words:
    """A part of the sentence. look: "" | "subject" | the line it names, which gives it its colour."""

    text: str
    look: str = ""


@dataclass(frozen=True, slots=True)
class Headline:
    """The one sentence. tone: "worse" | "". about: whom it is about, None for nobody."""

    tone: str
    words: list[Words]
    about: Subject | None = None


@dataclass(frozen=True, slots=True)
class MoversPage:
    listing: Listing
    baseline: Baseline
    headline: Headline
    about: MoverView | None
    items: list[MoverView]
    more: list[MoverView]
    tested: int
    small: int
    changes_href: str


@project_page(role="viewer")
@require_safe
@answered
def movers(request: HttpRequest) -> HttpResponse:
    """A fragment where htmx asks, else a page."""
    listing = read_listing(request.path, request.GET, datetime.now(UTC))
    page = movers_page(request, listing, baseline_of(request.GET, listing))
    is_part = request.headers.get("HX-Request") == "true"
    return render(request, "changes/_movers.html" if is_part else "changes/movers.html", {"page": page})


def movers_page(request: HttpRequest, listing: Listing, baseline: Baseline) -> MoversPage:
    slug, here = request.project.slug, listing.range
    step_s = step_s_of(here.name, (here.end_ns - here.start_ns) // 10**9)
    span = Span(here.start_ns, here.end_ns)
    found = with_filter(listing, lambda filter: find_movers(request.project.pk, span, baseline.span, step_s, filter))
    narrowing = Narrowing(slug, request.GET)
    zone = zone_of(request).info
    views = {
        one[0].contrast.subject: mover_view(one, found, narrowing, listing.now_ns, zone)
        for one in by_subject(found.items)
    }
    sentence, shown = headline(found), list(views.values())
    return MoversPage(
        listing=listing,
        baseline=baseline,
        headline=sentence,
        about=views[sentence.about] if sentence.about else None,
        items=shown[:SHOWN],
        more=shown[SHOWN:],
        tested=found.tested,
        small=found.small,
        changes_href=with_query(in_project(slug, "changes"), request.GET),
    )


def by_subject(found: Iterable[Mover]) -> list[list[Mover]]:
    """The movers of each subject; what got worse comes first, then the better, what something else explains last."""
    groups: dict[Subject, list[Mover]] = {}
    for one in sorted(found, key=lambda mover: (mover.is_doubtful, not mover.contrast.worse, rank(mover.contrast))):
        groups.setdefault(one.contrast.subject, []).append(one)
    return list(groups.values())


def mover_view(group: Sequence[Mover], found: Movers, narrowing: Narrowing, now_ns: int, zone: tzinfo) -> MoverView:
    subject = group[0].contrast.subject
    head = head_of(subject, found.heads)
    earlier = version_before(head, found.heads) if head else None
    return MoverView(
        dimension="" if subject.dimension == "all" else subject.dimension,
        label=label_of(subject),
        of=subject.service,
        colour=colour_class(subject.value or "") if subject.value else "faint",
        ran=ran(head, now_ns, zone) if head else "",
        share=group[0].contrast.share,
        per=MEMBERS[group[0].contrast.member].per,
        changes=[change_view(one) for one in group],
        also=", ".join(
            dict.fromkeys(in_words(one) for mover in group for one in mover.also if one.dimension != "version")
        ),
        traces_href=narrowing.traces(subject.dimension, subject.value, subject.service),
        compare_href=narrowing.diff(earlier.id, head.id) if earlier and head else "",
        compare_label=earlier.version if earlier else "",
        page_href=narrowing.version(head.id) if head else "",
    )


def head_of(subject: Subject, heads: Iterable[VersionHead]) -> VersionHead | None:
    if subject.dimension != "version":
        return None
    return next((one for one in heads if (one.service, one.version) == (subject.service, subject.value)), None)


def ran(head: VersionHead, now_ns: int, zone: tzinfo) -> str:
    """When a version did: "ran 25 Nov 20:18 – 21:24", or "runs since 25 Nov 20:18"."""
    begun_s, seen_s = head.begun_ns // 10**9, head.seen_ns // 10**9
    if head.seen_ns < now_ns - GONE_NS:
        return f"ran {when(begun_s, seen_s, zone)}"
    begun = local(begun_s, zone)
    return f"runs since {begun.day} {begun:%b %H:%M}"


def version_before(head: VersionHead, heads: Iterable[VersionHead]) -> VersionHead | None:
    """What its service ran when it began, not what began last before it: that may have been rolled back long ago."""
    older = [one for one in heads if one.service == head.service and one.begun_ns < head.begun_ns]
    return max(older, key=lambda one: (min(one.seen_ns, head.begun_ns), one.begun_ns), default=None)


def label_of(subject: Subject) -> str:
    return "All requests" if subject.dimension == "all" else subject.value or "unknown"


def in_words(subject: Subject) -> str:
    return "all requests" if subject.dimension == "all" else f"{subject.dimension} {label_of(subject)}"


def change_view(mover: Mover) -> ChangeView:
    one = mover.contrast
    member, between = MEMBERS[one.member], difference_of(one)
    value, *_ = one.on_total
    title = (
        f"{member.title}: {member.formula}. Compared with {against_words(one)} (n {one.n_then:,}). "
        f"Of all it makes {one.share:.1%}, so the total moved by about {in_unit(abs(value), one.unit)}."
    )
    return ChangeView(
        line=one.line,
        member=member.title,
        change=difference_words(member, between),
        interval=interval_words(member, between),
        words=f"{in_unit(one.now, one.unit)} instead of {in_unit(one.then, one.unit)}",
        n=one.n,
        worse=one.worse,
        caution=caution_of(one, mover.apart),
        title=title,
    )


def difference_of(one: Contrast) -> Difference:
    relative = [part / one.then if one.then else None for part in (one.difference, one.low, one.high)]
    return Difference(one.difference, one.low, one.high, relative[0], relative[1], relative[2], True, not one.worse)


def against_words(one: Contrast) -> str:
    if one.against == "earlier":
        return f"the versions of {visible_text(one.subject.service)} that began before it"
    return "everything else in the range, since it is new" if one.against == "rest" else "the period before"


def caution_of(one: Contrast, apart: Apart | None) -> str:
    """Whether version and time can be told apart, in plain words."""
    if apart is None:
        return "new in this range, so compared with the rest" if one.against == "rest" else ""
    other = in_unit(apart.other.value, one.unit) if apart.other else ""
    change = "worse" if one.worse else "better"
    return {
        "beside": f"a version that ran beside it stayed at {other}",
        "returned": f"back to {other} after it",
        "replaced": "too little else ran beside it or after it: version and time cannot be told apart",
        "mix": "in no service did it change: requests were shared out differently among them",
        "time": f"the other version got {change} too in the same hours ({other}): not this version alone",
    }[apart.kind]


def headline(found: Movers) -> Headline:
    """The worst version that time does not explain; else the worst of anything; else that nothing got worse."""
    worse = [one for one in found.items if one.contrast.worse and not one.is_doubtful]
    versions = [one for one in worse if one.contrast.subject.dimension == "version"]
    if versions:
        first, *others = by_subject(versions)
        return of_version(first, others)
    if worse:
        return of_other(worse[0].contrast, "got worse", Words("No version is worse than those before it. "))
    if found.items:
        top = found.items[0].contrast
        return of_other(top, "got worse, but with the hours or the mix of services," if top.worse else "got better")
    words = "Nothing got worse or better beyond chance." if found.tested else "There is too little to compare yet."
    return Headline("", [Words(words)])


def of_other(top: Contrast, verb: str, *before: Words) -> Headline:
    words = [*before, Words(in_words(top.subject), "subject"), Words(f" {verb} in "), Words(top.line, top.line)]
    return Headline("worse" if before else "", [*words, Words(f": {said(top)}.")], top.subject)


def of_version(group: Sequence[Mover], others: Sequence[Sequence[Mover]]) -> Headline:
    """group: all that got worse with one version, heaviest first; others: the same of further ones.

    Of its line the number of requests is told, where that moved too.
    """
    lines = lines_of(group)
    headlines = {members_of(MEMBERS[one.contrast.member].line)[0].name for one in group}
    of_line = [one.contrast for one in group if one.contrast.line == lines[0]]
    top = next((one for one in of_line if one.member in headlines), of_line[0])
    words = [Words(label_of(top.subject), "subject"), Words(f" of {top.subject.service} is worse in "), *listed(lines)]
    words.append(Words(f": {said(top)}."))
    for number, one in enumerate(others[:ALSO]):
        subject = one[0].contrast.subject
        whom = f"{label_of(subject)} of {subject.service} in "
        words += [Words("; " if number else " Also worse: "), Words(whom), *listed(lines_of(one))]
    left = f" and {len(others) - ALSO} more below" if len(others) > ALSO else ""
    return Headline("worse", [*words, Words(f"{left}." if others else "")], top.subject)


def lines_of(group: Iterable[Mover]) -> list[str]:
    return list(dict.fromkeys(one.contrast.line for one in group))


def listed(lines: Sequence[str]) -> list[Words]:
    """cost, latency and risk, each in its colour."""
    between = [", "] * (len(lines) - 2) + [" and "] * (len(lines) > 1) + [""]
    return [part for line, after in zip(lines, between, strict=True) for part in (Words(line, line), Words(after))]


def said(one: Contrast) -> str:
    member = MEMBERS[one.member]
    interval = interval_words(member, difference_of(one))
    title = member.title[0].lower() + member.title[1:]
    words = f"{in_unit(one.now, one.unit)} instead of {in_unit(one.then, one.unit)}"
    return f"{title} {words} {AGAINST[one.against]} (n {one.n:,}, 95 % {interval})"
