"""A notice in words, the same for all channels: what, since when, which version, the one thing to do, what is left."""

from dataclasses import dataclass

from tracestore.analysis.slo.burn import left_of_whole
from tracestore.analysis.slo.notice import AlertNotice, Notice, Window
from tracestore.analysis.slo.promise import YOUNG
from tracestore.analysis.slo.thresholds import kind_of
from tracestore.channels.notice_links import alert_link, in_project, web_link
from tracestore.channels.version_words import VersionLine, version_line
from tracestore.channels.words import DASH, clock, lasting, name, percent, share, times

SEVERITY = {"page": "Page", "ticket": "Ticket"}
ACTION = {"rollback": "Roll back", "degrade": "Degrade", "rate-limit": "Rate-limit", "look": "Look"}
MAX_SUMMARY_LINES = 50
# Of notices that tell of no single alert: subject, headline, preheader.
WITHOUT_ALERTS = {
    "summary": ("Many alerts at once", "{count} alerts fired within ten minutes", "One message instead of one each."),
    "test": ("Test of a channel", "This is a test. Notifications of this project arrive here.", "Nothing is wrong."),
    "unpaged": (
        "Nobody is paged any more",
        "Pages of these objectives reach nobody any more",
        "The last one who got them has unsubscribed. Choose who is told.",
    ),
}


@dataclass(frozen=True, slots=True)
class BurnLine:
    """One of the two windows of the rule. over: whether it is above the factor."""

    window: str
    burn: str
    counts: str
    over: bool


@dataclass(frozen=True, slots=True)
class Link:
    word: str
    href: str


@dataclass(frozen=True, slots=True)
class AlertWords:
    """status: Firing or Resolved. facts: (label, words), of a resolved one its story.

    version None, burn empty, exhaustion "": it is not about a burn rate.
    """

    title: str
    severity: str
    is_page: bool
    status: str
    resolved: bool
    objective: str
    promise: str
    service: str
    since: str
    story: str
    action: str
    action_text: str
    version: VersionLine | None
    burn: tuple[BurnLine, ...]
    factor: str
    budget: str
    budget_part: int
    exhaustion: str
    facts: tuple[tuple[str, str], ...]
    traces: tuple[Link, ...]
    runbook: str
    page: str
    acknowledge: str
    silence: str
    objective_page: str
    outcome: str

    @property
    def left(self) -> str:
        """Of the budget, and for how long where that is known."""
        return f"{self.budget}, {self.exhaustion}" if self.exhaustion else self.budget

    @property
    def cause(self) -> str:
        """The version and the action, in a line."""
        return f"{self.version.headline}. {self.action_text}" if self.version else self.action_text


@dataclass(frozen=True, slots=True)
class NoticeWords:
    """lead: what it is mainly about, None in tests and summaries. others: of the same group, told in short."""

    subject: str
    preheader: str
    headline: str
    project: str
    lead: AlertWords | None
    others: tuple[AlertWords, ...]
    summary: tuple[str, ...]
    summary_more: int
    unpaged: bool
    why: str
    alerts_page: str
    channels_page: str


def in_words(notice: Notice, zone: str) -> NoticeWords:
    """zone: of the channel, for times."""
    ordered = sorted(notice.alerts[1:], key=lambda alert: alert.state == "resolved")
    told = [_alert(one, notice, zone) for one in (*notice.alerts[:1], *ordered)]
    lead = told[0] if told else None
    return NoticeWords(
        subject=_subject(notice, lead),
        preheader=_preheader(notice, lead),
        headline=_headline(notice, lead),
        project=name(notice.project_name),
        lead=lead,
        others=tuple(told[1:]),
        summary=tuple(name(line, 300) for line in notice.summary[:MAX_SUMMARY_LINES]),
        summary_more=max(0, len(notice.summary) - MAX_SUMMARY_LINES),
        unpaged=notice.kind == "unpaged",
        why=name(notice.why, 300),
        alerts_page=in_project(notice.project, "alerts"),
        channels_page=in_project(notice.project, "settings", "channels"),
    )


def _subject(notice: Notice, lead: AlertWords | None) -> str:
    """Of a mail that hangs on no thread, and of a page that shows one."""
    project = name(notice.project_name, 40)
    if lead is not None:
        return f"[{project}] {lead.severity}: {lead.title}"
    return f"[{project}] {WITHOUT_ALERTS[notice.kind][0]}"


def _headline(notice: Notice, lead: AlertWords | None) -> str:
    if lead is None:
        return WITHOUT_ALERTS[notice.kind][1].format(count=len(notice.summary))
    return {
        "reminder": f"Still firing: {lead.title}",
        "reopened": f"Firing again: {lead.title}",
        "resolved": f"Resolved: {lead.title}",
    }.get(notice.kind, lead.title)


def _preheader(notice: Notice, lead: AlertWords | None) -> str:
    """The one line that a phone shows under the subject: version, action, what is left."""
    if lead is None:
        return WITHOUT_ALERTS[notice.kind][2]
    if lead.resolved:
        return f"{lead.story} {lead.budget}."
    version = f"{lead.version.headline}. " if lead.version and lead.version.known else ""
    return f"{version}{lead.action_text} {lead.left}."


def _alert(alert: AlertNotice, notice: Notice, zone: str) -> AlertWords:
    slug, resolved, burns = notice.project, alert.state == "resolved", kind_of(alert.rule) == "burn"
    return AlertWords(
        title=name(alert.title),
        severity=SEVERITY[alert.severity],
        is_page=alert.severity == "page",
        status="Resolved" if resolved else "Firing",
        resolved=resolved,
        objective=name(alert.objective_title or alert.objective),
        promise=name(alert.promise, 400),
        service=name(alert.service),
        since=clock(alert.fired_at, zone),
        story=_story(alert, notice, zone),
        action=ACTION[alert.action],
        action_text=name(alert.action_text, 300),
        version=version_line(alert.blame, slug) if burns else None,
        burn=_burns(alert),
        factor=times(alert.factor),
        budget=_budget(alert),
        budget_part=round(100 * min(1.0, max(0.0, alert.remaining or 0.0))),
        exhaustion=_exhaustion(alert) if burns else "",
        facts=_facts(alert, burns),
        traces=tuple(Link(trace, in_project(slug, "traces", trace)) for trace in alert.traces[:3]),
        runbook=web_link(alert.runbook_url),
        page=alert_link(slug, alert.id),
        acknowledge=alert_link(slug, alert.id, "acknowledge"),
        silence=alert_link(slug, alert.id, "silence-head"),
        outcome=alert_link(slug, alert.id, "outcome"),
        objective_page=in_project(slug, "objectives", alert.objective),
    )


def _story(alert: AlertNotice, notice: Notice, zone: str) -> str:
    """One sentence: since when, and what has become of it."""
    since = clock(alert.fired_at, zone)
    if alert.resolved_at is not None:
        return f"Fired {since}, resolved {clock(alert.resolved_at, zone)}, after {lasting(alert.resolved_at - alert.fired_at)}."
    lasted = lasting(notice.decided_at - alert.fired_at)
    if alert.acknowledged_by:
        return f"Firing since {since}, for {lasted}. {name(alert.acknowledged_by)} is on it."
    if notice.kind == "reminder":
        return f"Firing since {since}, for {lasted}, and nobody has acknowledged it."
    return f"Firing since {since}."


def _facts(alert: AlertNotice, burns: bool) -> tuple[tuple[str, str], ...]:
    if alert.resolved_at is None:
        return ()
    spent = DASH if alert.budget_spent is None else _spent(alert.budget_spent, alert.elapsed)
    story = (("Lasted", lasting(alert.resolved_at - alert.fired_at)), ("Spent", spent))
    return (*story, ("Peak burn", f"{times(alert.peak_burn)} the sustainable rate")) if burns else story


def _spent(share: float, elapsed: float) -> str:
    """Of a young objective that of a whole period: hours of events allow so little that any trouble is many times it."""
    if elapsed >= YOUNG:
        return f"{percent(share)} of the period's budget"
    return f"{percent(share * elapsed)} of a whole period's budget, at this traffic"


def _burns(alert: AlertNotice) -> tuple[BurnLine, ...]:
    """None where the alert is about a share of the budget, or about events that no longer come."""
    if kind_of(alert.rule) != "burn":
        return ()
    return _burn(alert.long, alert.factor), _burn(alert.short, alert.factor)


def _burn(window: Window, factor: float) -> BurnLine:
    over = window.burn is not None and window.burn > factor
    return BurnLine(lasting(window.seconds), times(window.burn), share(window.bad, window.total), over)


def _budget(alert: AlertNotice) -> str:
    left = alert.remaining
    if left is None:
        return "Budget left unknown"
    if alert.elapsed < YOUNG:
        return _of_the_young(left, alert.elapsed)
    if left <= 0:
        return f"Budget overspent by {percent(-left)}" if left < 0 else "Budget gone"
    return f"{percent(left)} of the budget left"


def _of_the_young(left: float, elapsed: float) -> str:
    """What is left means little, so beside it stands what is spent of a whole period."""
    whole = percent((1 - left) * elapsed)
    told = (
        f"{percent(left)} left" if left > 0 else f"Budget overspent by {percent(-left)}" if left < 0 else "Nothing left"
    )
    return f"{told} of what its events so far allow: at this traffic {whole} of a whole period's budget is spent"


def _exhaustion(alert: AlertNotice) -> str:
    if alert.remaining is not None and left_of_whole(alert.remaining, alert.elapsed) <= 0:
        return "nothing left to spend"
    return (
        "not spent at this pace"
        if alert.exhaustion_s is None
        else f"gone in {lasting(alert.exhaustion_s)} at this pace"
    )
