"""What does a cost page say of sums: tiles, shares, changes to the period before, hints with their examples? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.frame import colour_class
from dashboard.geometry import share as share_of
from dashboard.links import in_project, with_query
from dashboard.pages.narrowing import Narrowing, term_of
from dashboard.templatetags.units import in_money, in_percent, in_thousands
from tracestore.analysis.hints import Hint
from tracestore.facts import OTHER
from tracestore.queries.spend import DearRequest, Requests, Spent

BAR = 72
COLOURED = ("model", "version")
SPARK_WIDTH, SPARK_HEIGHT = 72, 16
PREFIX = 8


@dataclass(frozen=True, slots=True)
class Change:
    """text: "+12 %" against the period before. worse: more money is worse, by at least a tenth."""

    text: str
    worse: bool
    title: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of the head of the page. value None: unknown, for this reason. aside: said small beside it."""

    label: str
    value: str | None
    reason: str
    change: Change | None
    aside: str = ""


@dataclass(frozen=True, slots=True)
class SpendLine:
    """share: of all that was spent, 0-1. is_new: called now, and not before. spark: points of a polyline, "" without.

    is_rest: what was not kept apart.
    """

    label: str | None
    href: str
    colour: str
    cost_nanousd: int | None
    share: float | None
    bar: int
    change: Change | None
    is_new: bool
    spark: str
    calls: int
    per_call_nanousd: int | None
    input_tokens: int | None
    output_tokens: int | None
    cache_share: float | None
    unpriced: int
    is_rest: bool


@dataclass(frozen=True, slots=True)
class ExampleView:
    href: str
    label: str
    money: str


@dataclass(frozen=True, slots=True)
class HintView:
    """stake: words, such as "up to $1.20". interval: what the sample leaves open, "" where all was looked at."""

    name: str
    title: str
    stake: str
    share: str
    interval: str
    found: str
    bar: int
    formula: str
    assumption: str
    advice: str
    examples: list[ExampleView]


@dataclass(frozen=True, slots=True)
class DearLine:
    request: DearRequest
    href: str
    session_href: str
    share: float


def change(now: float | None, before: float | None, worse_up: bool = True, unit: str = "money") -> Change | None:
    """None where one of them is unknown or there was nothing before."""
    if now is None or not before:
        return None
    ratio = now / before - 1
    sign = "+" if ratio > 0 else "−" if ratio < 0 else "±"
    text = f"×{now / before:,.1f}" if ratio >= 9.995 else f"{sign}{in_percent(abs(ratio))}"
    was = (
        in_money(round(before))
        if unit == "money"
        else in_percent(before)
        if unit == "share"
        else in_thousands(round(before))
    )
    return Change(text, worse_up and ratio >= 0.1, f"{was} in the period before")


def tiles(now: Spent, before: Spent, requests: Requests, requests_before: Requests) -> list[Tile]:
    """What was spent, and on how much, against as long a period before."""
    no_price = "Unknown: no call in this range has a price"
    cached = ratio(now.cache_read_tokens, now.input_tokens)
    return [
        _money("spent", now.cost_nanousd, before.cost_nanousd, no_price),
        _money("per request", per(requests), per(requests_before), no_price, priced(requests)),
        _money("per call", each(now), each(before), no_price, f"{now.calls:,} calls"),
        _tokens("tokens in", now.input_tokens, before.input_tokens),
        Tile(
            "served by the cache",
            None if cached is None else in_percent(cached),
            "Unknown: no call of this range reported cached tokens",
            change(cached, ratio(before.cache_read_tokens, before.input_tokens), worse_up=False, unit="share"),
            "of tokens in",
        ),
        _tokens("tokens out", now.output_tokens, before.output_tokens, _reasoned(now)),
    ]


def _money(label: str, now: int | None, before: int | None, reason: str, aside: str = "") -> Tile:
    return Tile(label, None if now is None else in_money(now), reason, change(now, before), aside)


def _tokens(label: str, now: int | None, before: int | None, aside: str = "") -> Tile:
    value = None if now is None else in_thousands(now)
    return Tile(label, value, "Unknown: no call of this range reported them", change(now, before, unit="count"), aside)


def _reasoned(now: Spent) -> str:
    reasoned = ratio(now.reasoning_tokens, now.output_tokens)
    return "" if reasoned is None else f"{in_percent(reasoned)} reasoning"


def ratio(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def per(requests: Requests) -> int | None:
    """Cost of a request, over those whose cost is known."""
    if requests.cost_nanousd is None or not requests.priced:
        return None
    return round(requests.cost_nanousd / requests.priced)


def priced(requests: Requests) -> str:
    if requests.priced == requests.requests:
        return f"{requests.requests:,} requests"
    return f"{requests.priced:,} of {requests.requests:,} requests"


def each(spent: Spent) -> int | None:
    """Cost of a call that has one."""
    priced = spent.calls - spent.unpriced
    return round(spent.cost_nanousd / priced) if spent.cost_nanousd is not None and priced > 0 else None


def spend_lines(
    found: Sequence[Spent],
    before: Sequence[Spent],
    by: str,
    slug: str,
    query: Mapping[str, str],
    sparks: Mapping[str | None, Sequence[int]],
    total_nanousd: int,
) -> list[SpendLine]:
    """Dearest first, as found. total_nanousd: what shares are of; found may be the dearest groups alone."""
    most = max((one.cost_nanousd or 0 for one in found), default=0)
    earlier = {one.key: one for one in before}
    peak = max((value for values in sparks.values() for value in values), default=0)
    return [
        SpendLine(
            label=one.key,
            href="" if one.key == OTHER else key_href(slug, by, one.key, query),
            colour=colour_class(one.key) if by in COLOURED and one.key else "",
            cost_nanousd=one.cost_nanousd,
            share=ratio(one.cost_nanousd, total_nanousd),
            bar=share_of(one.cost_nanousd or 0, most, BAR),
            change=change(one.cost_nanousd, earlier[one.key].cost_nanousd) if one.key in earlier else None,
            is_new=bool(before) and one.key not in earlier,
            spark=spark(sparks.get(one.key, ()), peak),
            calls=one.calls,
            per_call_nanousd=each(one),
            input_tokens=one.input_tokens,
            output_tokens=one.output_tokens,
            cache_share=ratio(one.cache_read_tokens, one.input_tokens),
            unpriced=one.unpriced,
            is_rest=one.key == OTHER,
        )
        for one in found
    ]


def key_href(slug: str, by: str, key: str | None, query: Mapping[str, str]) -> str:
    """The session itself; else the traces of the group, within the filter and range of the page."""
    if by == "session" and key is not None:
        return in_project(slug, "sessions", key)
    narrowing = Narrowing(slug, query)
    return narrowing.at("traces", q=f"{narrowing.kept()} {term_of(by, key)}".strip(), by="end", sort="-cost")


def spark(values: Sequence[int], peak: int) -> str:
    """A polyline over the whole width; all lines of a table share one scale."""
    if len(values) < 2 or peak <= 0:
        return ""
    step = SPARK_WIDTH / (len(values) - 1)
    ys = (SPARK_HEIGHT - 1 - value / peak * (SPARK_HEIGHT - 2) for value in values)
    return " ".join(f"{index * step:.1f},{y:.1f}" for index, y in enumerate(ys))


def hint_views(hints: Sequence[Hint], slug: str, is_whole: bool) -> list[HintView]:
    """is_whole: all calls of the range were looked at, so that sums are no estimates."""
    most = max((one.stake_nanousd for one in hints), default=0)
    return [hint_view(one, slug, is_whole, most) for one in hints]


def hint_view(hint: Hint, slug: str, is_whole: bool, most: int) -> HintView:
    rule = hint.rule
    exact = is_whole and hint.found_nanousd == hint.stake_nanousd
    words = "up to " if rule.upper_bound else "" if exact else "about "
    return HintView(
        name=rule.name,
        title=rule.title,
        stake=words + in_money(hint.stake_nanousd),
        share=in_percent(hint.share),
        interval=interval(hint),
        found=f"{hint.n:,} of {hint.n_looked_at:,} calls looked at, {in_money(hint.found_nanousd)} in them",
        bar=share_of(hint.stake_nanousd, most, BAR),
        formula=rule.formula,
        assumption=rule.assumption,
        advice=rule.advice,
        examples=[example_view(slug, *one) for one in hint.examples],
    )


def interval(hint: Hint) -> str:
    """Of the share, in money: what the sample leaves open."""
    if hint.low is None or hint.high is None:
        return ""
    whole = hint.stake_nanousd / hint.share
    return f"95 %: {in_money(round(hint.low * whole))} to {in_money(round(hint.high * whole))}"


def example_view(slug: str, trace_id: str, span_id: str, nanousd: int) -> ExampleView:
    href = with_query(in_project(slug, "traces", trace_id), {}, span=span_id)
    return ExampleView(href, trace_id[:PREFIX], in_money(nanousd))


def dear_lines(requests: Sequence[DearRequest], slug: str, total_nanousd: int) -> list[DearLine]:
    return [
        DearLine(
            request=one,
            href=in_project(slug, "traces", one.trace_id),
            session_href=in_project(slug, "sessions", one.session_id) if one.session_id else "",
            share=one.cost_nanousd / total_nanousd if total_nanousd else 0,
        )
        for one in requests
    ]
