"""In which zone does this reader want times? What the address says, else their choice, their account, their browser."""

from dataclasses import dataclass
from datetime import tzinfo

from django.http import HttpRequest

from dashboard.params import BadParam, parse_zone

CHOSEN, BROWSER = "tz", "browser_tz"  # cookies; the browser's is set by early.js


@dataclass(frozen=True, slots=True)
class Zone:
    """others: what else is offered, such as the browser's own."""

    name: str
    info: tzinfo
    others: tuple[str, ...]


def zone_of(request: HttpRequest) -> Zone:
    account = getattr(request.user, "time_zone", "")
    browser = request.COOKIES.get(BROWSER, "").replace("%2F", "/")
    wanted = (
        request.GET.get("tz", ""),
        request.COOKIES.get(CHOSEN, ""),
        account if account != "UTC" else "",
        browser,
    )
    name = next((one for one in wanted if _is_zone(one)), "UTC")
    offered = dict.fromkeys(one for one in ("UTC", browser, account) if _is_zone(one) and one != name)
    return Zone(name, parse_zone(name), tuple(offered))


def _is_zone(name: str) -> bool:
    try:
        parse_zone(name)
    except BadParam:
        return False
    return bool(name)
