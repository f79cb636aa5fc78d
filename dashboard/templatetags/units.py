"""How do numbers and times read? Money, tokens, durations, ratios, times; what is unknown is a dash with its reason."""

import re
import unicodedata
from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard.visible import HIDDEN

register = template.Library()

NANO = 1_000_000_000
DASH = "–"
NOT_REPORTED = "Unknown: the emitter did not report it"


def in_money(nanousd: int) -> str:
    """US dollars out of nano-USD: two decimals from a dollar up, three significant digits below."""
    if nanousd == 0:
        return "$0"
    sign, amount = "-" if nanousd < 0 else "", abs(nanousd)
    if amount >= 995_000_000:
        return f"{sign}${amount / NANO:,.2f}"
    decimals = 3 - (len(str(amount)) - 9)
    return f"{sign}${amount / NANO:.{min(decimals, 9)}f}"


def in_thousands(count: int) -> str:
    """A count, short: 950, 41.2 k, 1.24 M."""
    if abs(count) < 1_000:
        return str(count)
    for limit, divisor, unit in ((999_500, 1_000, "k"), (999_500_000, 1_000_000, "M")):
        if abs(count) < limit:
            return f"{three_digits(count / divisor)} {unit}"
    return f"{three_digits(count / 1_000_000_000)} G"


def three_digits(value: float) -> str:
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 9.995 else f"{value:.2f}"


def in_time(ns: int) -> str:
    """A duration out of nanoseconds: 840 µs, 12.4 ms, 14.2 s, 3 m 05 s, 2 h 14 m, 3 d 4 h."""
    if ns < 0:
        return f"-{in_time(-ns)}"
    if ns < 1_000:
        return f"{ns} ns"
    if ns < 999_500:
        return f"{ns / 1_000:.0f} µs"
    if ns < 999_500_000:
        return f"{three_digits(ns / 1_000_000)} ms"
    if ns < 59_950_000_000:
        return f"{ns / NANO:.1f} s" if ns >= 9_995_000_000 else f"{ns / NANO:.2f} s"
    return in_long_time(round(ns / NANO))


def in_long_time(seconds: int) -> str:
    if seconds < 3_600:
        return f"{seconds // 60} m {seconds % 60:02d} s"
    if seconds < 86_400:
        return f"{seconds // 3_600} h {seconds % 3_600 // 60:02d} m"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3_600} h"


def in_percent(ratio: float) -> str:
    """A ratio of 0-1 as percent: 98.2 %, 0.04 %; never rounds up to 100 % or down to 0 %."""
    if ratio < 0:
        return f"−{in_percent(-ratio).removeprefix('< ')}"
    if ratio in (0, 1):
        return f"{ratio * 100:.0f} %"
    value = ratio * 100
    if value < 0.1:
        return f"{value:.2f} %" if value >= 0.005 else "< 0.01 %"
    if value >= 1_000:
        return f"{value:,.0f} %"
    if 99.9 < value < 100:
        return f"{min(value, 99.99):.2f} %"
    return f"{value:.1f} %"


def in_bytes(count: int) -> str:
    """Bytes, decimal: 812 B, 38 kB, 1.2 MB, 78.4 GB, 1.2 TB."""
    if count < 1_000:
        return f"{count} B"
    if count < 999_500:
        return f"{count / 1_000:.1f} kB" if count < 9_950 else f"{count / 1_000:.0f} kB"
    for limit, divisor, unit in ((999_950_000, 1_000_000, "MB"), (999_950_000_000, 1_000_000_000, "GB")):
        if count < limit:
            return f"{count / divisor:.1f} {unit}"
    return f"{count / 1_000_000_000_000:,.1f} TB"


def in_ago(ns: int, now_ns: int) -> str:
    """How long before now: 12 s ago, 4 min ago, 3 h ago, 2 d ago; the future is "in ..."."""
    gap = (now_ns - ns) // NANO
    if abs(gap) < 2:
        return "just now"
    return f"{in_gap(gap)} ago" if gap >= 0 else f"in {in_gap(-gap)}"


def in_gap(seconds: int) -> str:
    """Whole units, rounded down: 12 s, 4 min, 3 h, 2 d."""
    for limit, divisor, unit in ((90, 1, "s"), (5_400, 60, "min"), (129_600, 3_600, "h")):
        if seconds < limit:
            return f"{seconds // divisor} {unit}"
    return f"{seconds // 86_400} d"


def counted(count: int, word: str) -> str:
    """1 day, 2,000 days."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def moment(ns: int) -> datetime | None:
    """The UTC time of nanoseconds since the epoch (to the microsecond), None where the calendar ends."""
    try:
        return datetime.fromtimestamp(ns // NANO, UTC).replace(microsecond=ns % NANO // 1_000)
    except (OverflowError, ValueError, OSError):
        return None


def in_exact(ns: int) -> str:
    """Date, time to the millisecond, and the zone: 2026-11-21 12:04:09.123 UTC."""
    at = moment(ns)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC" if at else f"{ns} ns since 1970"


def dash(reason: str) -> SafeString:
    return format_html('<span class="unknown" title="{}">{}</span>', reason, DASH)


@register.filter
def money(nanousd: int | None, reason: str = "Unknown: no price for this model, and none reported") -> str:
    return dash(reason) if nanousd is None else in_money(nanousd)


@register.filter
def tokens(count: int | None, reason: str = NOT_REPORTED) -> str:
    return dash(reason) if count is None else in_thousands(count)


@register.filter
def whole(count: int | None, reason: str = NOT_REPORTED) -> str:
    """All digits, grouped: 41,203."""
    return dash(reason) if count is None else f"{count:,}"


@register.filter
def duration(ns: int | None, reason: str = NOT_REPORTED) -> str:
    return dash(reason) if ns is None else in_time(ns)


@register.filter
def percent(ratio: float | None, reason: str = "Unknown: nothing to divide by") -> str:
    return dash(reason) if ratio is None else in_percent(ratio)


@register.filter
def times(rate: float | None) -> str:
    """A burn rate or a factor: 14.4 x; without events there is none."""
    return dash("No events in this window") if rate is None else f"{three_digits(rate)}\u00a0×"


@register.filter
def size(count: int | None) -> str:
    return dash(NOT_REPORTED) if count is None else in_bytes(count)


@register.filter
def known(value: str | None, reason: str = NOT_REPORTED) -> str:
    """A text, or the dash with its reason; hidden characters made visible."""
    return visible(value) if value else dash(reason)


@register.filter
def exact(ns: int | None) -> str:
    return dash(NOT_REPORTED) if ns is None else in_exact(ns)


@register.filter
def ago(ns: int | None, now_ns: int) -> str:
    """Relative, with the exact time and zone on hover."""
    return dash("Not seen yet") if ns is None else time_element(ns, in_ago(ns, now_ns))


@register.filter
def clock(ns: int, now_ns: int) -> str:
    """Time of day in the reader's zone, with the date in front unless it is today; exact (UTC) and relative on hover."""
    at, now = local(ns), local(now_ns)
    if at is None or now is None:
        return time_element(ns, str(ns))
    text = f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at.day} {at:%b %H:%M:%S}"
    return time_element(ns, text, f" ({in_ago(ns, now_ns)})")


def local(ns: int) -> datetime | None:
    """In the zone of the request, see zones.zone_of; UTC outside of one."""
    at = moment(ns)
    try:
        return at and timezone.localtime(at)
    except OverflowError:
        return None


@register.simple_tag
def zone() -> str:
    """The name of that zone, to stand beside such times."""
    return timezone.get_current_timezone_name()


def time_element(ns: int, text: str, aside: str = "") -> SafeString:
    at = moment(ns)
    iso = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}Z" if at else ""
    return format_html('<time datetime="{}" title="{}{}">{}</time>', iso, in_exact(ns), aside, text)


@register.filter
def visible(text: object) -> SafeString:
    """Trace text, inert: escaped, and characters that hide or reorder text shown by their code point."""
    return mark_safe(HIDDEN.sub(mark, escape(str(text))))  # noqa: S308  # escaped on this line


@register.filter
def breakable(name: object) -> SafeString:
    """The same for a dotted name: a line may break after a dot or underscore, and what is copied stays the name."""
    parts = escape(str(name)).replace(".", ".<wbr>").replace("_", "_<wbr>")
    return mark_safe(HIDDEN.sub(mark, parts))  # noqa: S308  # escaped above


def mark(match: re.Match[str]) -> str:
    character = match[0]
    name = unicodedata.name(character, "control character")
    return f'<span class="ctrl" title="{name}">{code_point(character)}</span>'


def code_point(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"


@register.filter
def visible_text(text: object) -> str:
    """The same for attribute values: plain text, escaped by the template."""
    return HIDDEN.sub(lambda match: code_point(match[0]), str(text))
