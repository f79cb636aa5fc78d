"""What did the address of the board ask for: range, filter, zone, compared with what, split by what? Pure but for versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.charts import Axis
from dashboard.links import with_query
from dashboard.listing import Choice, Hidden, Listing, read_listing
from dashboard.params import RANGES, in_ns
from dashboard.zones import Zone
from tracestore.analysis.filters import And, Node, Term
from tracestore.analysis.lines import step_s_of

NS = 10**9
DAY_S = 86_400
COMPARED = {
    "": "no comparison",
    "before": "the period before",
    "day": "the day before",
    "week": "the same time last week",
    "versions": "version against version",
}
SPLITS = {
    "": "not split",
    "version": "by version",
    "model": "by model",
    "environment": "by environment",
    "service": "by service",
    "operation": "by operation",
    "tool": "by tool",
}
FILLS_6H = timedelta(hours=4)
KEPT = ("range", "from", "to", "tz", "q", "compare", "split", "a", "b", "live")


@dataclass(frozen=True, slots=True)
class Side:
    """One of two things that are compared. shift_s: how much earlier it lies. words: its name. version: "" = all."""

    start_ns: int
    end_ns: int
    filter: Node | None
    shift_s: int
    words: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """compare: a key of COMPARED; split: of SPLITS. a, b: versions, a the older one, where versions are compared. since_ns:
    when the first version of all was seen; None = no version is known."""

    slug: str
    path: str
    listing: Listing
    zone: Zone
    axis: Axis
    compare: str
    split: str
    a: str
    b: str
    kept: dict[str, str]
    since_ns: int | None = None

    @property
    def here(self) -> Side:
        of = self.listing
        if self.compare == "versions":
            return Side(of.range.start_ns, of.range.end_ns, narrowed(of.filter, self.b), 0, self.b, self.b)
        return Side(of.range.start_ns, of.range.end_ns, of.filter, 0, "")

    @property
    def other(self) -> Side:
        """What tiles compare with: the period before, unless something else was asked for."""
        of = self.listing
        if self.compare == "versions":
            return Side(of.range.start_ns, of.range.end_ns, narrowed(of.filter, self.a), 0, self.a, self.a)
        shift_s = shift_of(self.compare, of.range.end_ns - of.range.start_ns)
        start_ns, end_ns = (max(0, at - shift_s * NS) for at in (of.range.start_ns, of.range.end_ns))
        return Side(start_ns, end_ns, of.filter, shift_s, COMPARED[self.compare or "before"])


def read_asked(
    path: str,
    query: Mapping[str, str],
    now: datetime,
    slug: str,
    zone: Zone,
    versions: Sequence[tuple[str, str]] = (),
    since_ns: int | None = None,
) -> Asked:
    """Never raises; what cannot be read is named in listing.errors.

    versions: (service, version), the newest first; without a choice a version is compared with the one before it of its
    service. since_ns: when the first of all was seen, None = nothing ever was.
    """
    listing = read_listing(path, query, now, default_range(since_ns, in_ns(now)), zone.name)
    start_ns, end_ns = listing.range.start_ns, listing.range.end_ns
    axis = Axis(start_ns // NS, -(-end_ns // NS), step_s_of(listing.range.name, (end_ns - start_ns) // NS), zone.info)
    b = query.get("b") or latest_pair(versions)[1]
    a = query.get("a") or before_of(b, versions)
    compare = query.get("compare", "")
    if compare not in COMPARED or (compare == "versions" and not (a and b)):
        compare = ""
    split = query.get("split", "")
    kept = {name: query[name] for name in KEPT if query.get(name)}
    return Asked(slug, path, listing, zone, axis, compare, split if split in SPLITS else "", a, b, kept, since_ns)


def latest_pair(versions: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """(a version, the newest that came after it in its service); empty where no service has two."""
    pairs = ((before_of(version, versions), version) for _, version in versions)
    return next((pair for pair in pairs if pair[0]), ("", ""))


def before_of(version: str, versions: Sequence[tuple[str, str]]) -> str:
    """The version that its service had before; "" where it had none."""
    services = [service for service, one in versions if one == version]
    for service in services[:1]:
        mine = [one for of, one in versions if of == service]
        return next(iter(mine[mine.index(version) + 1 :]), "")
    return ""


def default_range(since_ns: int | None, now_ns: int) -> str:
    """A day that has one before it; else six hours, in which the versions of a new installation meet; an hour in its first."""
    age = timedelta(seconds=(now_ns - since_ns) // NS) if since_ns is not None else timedelta.max
    if age >= 2 * RANGES["24h"]:
        return "24h"
    return "6h" if age >= FILLS_6H else "1h"


def shift_of(compare: str, length_ns: int) -> int:
    """Seconds, whole steps: so much earlier lies what is compared, and it never overlaps the range."""
    whole_s = -(-length_ns // NS)
    return max({"day": DAY_S, "week": 7 * DAY_S}.get(compare, 0), -(-whole_s // 60) * 60)


def narrowed(filter: Node | None, version: str) -> Node:
    term = Term("version", "=", version)
    return term if filter is None else And((filter, term))


@dataclass(frozen=True, slots=True)
class Controls:
    """What stands above the charts. versions: to choose a and b from."""

    compares: list[Choice]
    compare_word: str
    splits: list[Choice]
    split_word: str
    versions: list[str]
    version_keeps: list[Hidden]
    a: str
    b: str
    against_versions: bool


def controls(asked: Asked, versions: Sequence[str]) -> Controls:
    possible = [name for name in COMPARED if name != "versions" or len(versions) > 1]
    compares = [Choice(COMPARED[name], _with(asked, compare=name), name == asked.compare) for name in possible]
    splits = [Choice(word, _with(asked, split=name), name == asked.split) for name, word in SPLITS.items()]
    keeps = [Hidden(name, value) for name, value in asked.kept.items() if name not in ("a", "b", "compare")]
    against = asked.compare == "versions"
    listed = list(dict.fromkeys([*([asked.b, asked.a] if against else []), *versions]))
    return Controls(
        compares, COMPARED[asked.compare], splits, SPLITS[asked.split], listed, keeps, asked.a, asked.b, against
    )


def _with(asked: Asked, **changes: str) -> str:
    return with_query(asked.path, asked.kept, **changes)
