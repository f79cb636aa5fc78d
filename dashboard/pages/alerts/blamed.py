"""From which version did it go bad? The test's answer in words, with its interval, or why it cannot be told; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dashboard.frame import colour_class
from dashboard.links import in_project, with_query
from dashboard.templatetags.units import in_percent
from tracestore.analysis.intervals import wilson
from tracestore.analysis.slo.notice import VersionBlame

NOT_ASKED = VersionBlame(verdict="cannot_tell", reason="The first bad version was not looked for.")
WORDS = {
    "version": "It went bad with this version",
    "external": "The cause lies outside the versions",
    "insufficient": "Too few events to tell a version",
    "cannot_tell": "Cannot tell which version",
}


@dataclass(frozen=True, slots=True)
class Blamed:
    """version: the first bad one, "" where it cannot be told. interval: others that the evidence allows. before, since: shares."""

    verdict: str
    words: str
    reason: str
    version: str
    colour: str
    version_href: str
    last_good: str
    diff_href: str
    interval: list[str]
    before: str
    since: str


def blamed(kept: Mapping[str, Any], slug: str) -> Blamed:
    """kept: of an alert, see tracestore.analysis.slo.notice.VersionBlame."""
    try:
        said = msgspec.convert(kept, VersionBlame) if kept else NOT_ASKED
    except msgspec.ValidationError:
        said = NOT_ASKED
    named = said.verdict == "version"
    version = said.first_bad or "" if named else ""
    both = said.first_bad_set and said.last_good_set and named
    return Blamed(
        verdict=said.verdict,
        words=WORDS[said.verdict],
        reason=said.reason,
        version=version,
        colour=colour_class(version),
        version_href=in_project(slug, "versions", said.first_bad_set) if version and said.first_bad_set else "",
        last_good=said.last_good or "",
        diff_href=with_query(in_project(slug, "versions", "diff"), {}, a=said.last_good_set, b=said.first_bad_set)
        if both
        else "",
        interval=[one for one in said.plausible if one != said.first_bad],
        before=share_words(said.before_bad, said.before_total),
        since=share_words(said.after_bad, said.after_total),
    )


def share_words(bad: int, total: int) -> str:
    """3 of 412 bad: 0.7 % (0.2 % to 2.1 %); "" without events."""
    interval = wilson(bad, total)
    if interval is None:
        return ""
    ends = f"{in_percent(interval.low)} to {in_percent(interval.high)}"
    return f"{bad:,} of {total:,} bad: {in_percent(bad / total)} ({ends})"
