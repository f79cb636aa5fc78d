"""What does one line say of a trace: what it cost, which versions ran, what changed since the one before?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashboard.frame import colour_class
from dashboard.links import in_project, quoted, with_query
from dashboard.pages.traces import both_tokens, why_no_cost
from tracestore.analysis.versions import diff
from tracestore.queries.receipts import ReceiptRow, trace_receipt
from tracestore.queries.traces import TraceRow
from tracestore.queries.versions import VersionSetRow, VersionSetUse, previous_version_set, version_sets_by_id

SERVICES = 3  # version sets that are compared with the one before: a trace rarely has more services
PART_ORDER = (
    "model",
    "prompt",
    "tools",
    "rag_index",
    "config",
    "agent",
    "agent_version",
    "service_version",
    "revision",
)
PART_WORDS = {
    "service_version": "code", "agent_version": "agent version", "rag_index": "index", "revision": "revision",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    values: list[str]


@dataclass(frozen=True, slots=True)
class Pair:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version set of the trace. changed: names of the parts that changed since the version before it, "" when none did."""

    label: str
    service: str
    colour: str
    href: str
    parts: list[Part]
    first: bool
    previous_label: str
    changed: str
    diff_href: str


@dataclass(frozen=True, slots=True)
class TraceHeader:
    tokens: int | None
    no_cost: str
    receipt: list[ReceiptRow]
    versions: list[VersionView]
    session_href: str
    user_href: str
    attributes: list[Pair]


def load_header(project_id: int, slug: str, trace: TraceRow) -> TraceHeader:
    sets = version_sets_by_id(project_id, trace.version_sets[:SERVICES])
    ordered = sorted(sets.values(), key=lambda one: (one.service != trace.service, one.service))
    return TraceHeader(
        tokens=both_tokens(trace.input_tokens, trace.output_tokens),
        no_cost=why_no_cost(trace),
        receipt=trace_receipt(project_id, trace.trace_id, (trace.first_day, trace.last_day)),
        versions=[version_view(slug, one, previous_version_set(project_id, one.id)) for one in ordered],
        session_href=in_project(slug, "sessions", trace.session_id) if trace.session_id else "",
        user_href=with_query(in_project(slug, "traces"), {}, q=f"user:{quoted(trace.user_id or '')}", range="7d"),
        attributes=[Pair(name, str(value)) for name, value in sorted(trace.attrs.items())],
    )


def version_view(slug: str, one: VersionSetRow, before: VersionSetRow | None) -> VersionView:
    label = version_label(one)
    return VersionView(
        label=label,
        service=one.service,
        colour=colour_class(label),
        href=with_query(in_project(slug, "versions"), {}, set=one.id),
        parts=part_views(one.parts),
        first=before is None,
        previous_label=version_label(before) if before else "",
        changed=", ".join(part_word(name) for name in changed_parts(before, one)) if before else "",
        diff_href=diff_href(slug, before, one) if before else "",
    )


def version_label(one: VersionSetRow) -> str:
    """The version of the service's code where it says one, else the beginning of the set's id."""
    return one.service_version or one.id[:7]


def part_word(name: str) -> str:
    return PART_WORDS.get(name, name)


def part_views(parts: Mapping[str, list[str]]) -> list[Part]:
    """In the order in which they matter to a reader."""
    return [Part(part_word(name), parts[name]) for name in in_part_order(parts)]


def in_part_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (PART_ORDER.index(name) if name in PART_ORDER else len(PART_ORDER), name))


def changed_parts(before: VersionSetRow | VersionSetUse, after: VersionSetRow | VersionSetUse) -> list[str]:
    """Names of the parts that both know and that differ, what changes behaviour most first.

    That another version is another version goes without saying, unless nothing else changed.
    """
    changed = {one.name for one in diff(before.parts, after.parts) if one.seen_in_both}
    telling = changed - {"service_version", "agent_version", "revision"}
    return in_part_order(telling or changed & {"service_version"} or changed)


def diff_href(slug: str, before: VersionSetRow, after: VersionSetRow) -> str:
    return with_query(in_project(slug, "versions", "diff"), {}, a=before.id, b=after.id)
