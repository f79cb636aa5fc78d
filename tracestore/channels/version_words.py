"""Which version an alert went bad from, in words, with what speaks for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tracestore.analysis.slo.notice import VersionBlame
from tracestore.channels.notice_links import comparison_link
from tracestore.channels.words import name, percent, share


@dataclass(frozen=True, slots=True)
class VersionLine:
    """Which version it went bad from. before, after: "" when that was not measured. *_part: bars, 0-100.

    also: versions that the evidence allows too. good_again: a later version that is.
    """

    headline: str
    reason: str
    known: bool
    first_bad: str
    last_good: str
    before: str
    after: str
    before_part: int
    after_part: int
    also: str
    good_again: str
    href: str


def version_line(blame: VersionBlame, slug: str) -> VersionLine:
    first, last = name(blame.first_bad or ""), name(blame.last_good or "")
    known = blame.verdict == "version" and bool(first)
    most = max(_rate(blame.before_bad, blame.before_total), _rate(blame.after_bad, blame.after_total))
    return VersionLine(
        headline=_verdict(blame, first, known),
        reason=name(blame.reason, 500),
        known=known,
        first_bad=first,
        last_good=last,
        before=share(blame.before_bad, blame.before_total) if blame.before_total else "",
        after=share(blame.after_bad, blame.after_total) if blame.after_total else "",
        before_part=_part(_rate(blame.before_bad, blame.before_total), most),
        after_part=_part(_rate(blame.after_bad, blame.after_total), most),
        also=_also(blame.plausible, blame.first_bad),
        good_again=name(blame.recovered_with or ""),
        href=comparison_link(slug, blame.last_good_set, blame.first_bad_set),
    )


def _verdict(blame: VersionBlame, first: str, known: bool) -> str:
    if known:
        before, after = blame.before_total, blame.after_total
        rates = (
            f": {percent(blame.before_bad / before)} → {percent(blame.after_bad / after)} bad"
            if before and after
            else ""
        )
        return f"Bad since {first}{rates}"
    return {"external": "No version of ours", "insufficient": "Version not known yet"}.get(
        blame.verdict, "Cannot tell which version"
    )


def _rate(bad: int, total: int) -> float:
    return bad / total if total else 0.0


def _part(rate: float, most: float) -> int:
    """Length of a bar in percent of the longest; what is not nothing is seen."""
    return max(1, round(100 * rate / most)) if rate else 0


def _also(plausible: Sequence[str], first_bad: str | None) -> str:
    return ", ".join(name(one, 60) for one in plausible if one != first_bad)
