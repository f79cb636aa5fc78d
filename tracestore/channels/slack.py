"""A notice in Slack, or in what takes Slack's incoming webhooks (Mattermost, Rocket.Chat): blocks, and the same as text."""

from typing import Any

import msgspec

from tracestore.channels.envelope import Envelope
from tracestore.channels.rendering import AlertWords, NoticeWords, in_words
from tracestore.channels.version_words import VersionLine
from tracestore.channels.webhook import post_json

MAX_HEADER_CHARS = 150
MAX_SECTION_CHARS = 3000
MAX_OTHERS = 10

Block = dict[str, Any]


def deliver(envelope: Envelope) -> None:
    """Raises ChannelError."""
    post_json(envelope.recipient, body_of(in_words(envelope.notice, envelope.zone)), {})


def body_of(words: NoticeWords) -> bytes:
    blocks = [_header(words.headline), *(_alert(words.lead) if words.lead else [])]
    blocks += [_section(_other(other)) for other in words.others[:MAX_OTHERS]]
    if words.summary:
        blocks.append(_section("\n".join(escaped(line) for line in words.summary)))
    blocks.append(_context(f"{escaped(words.project)} · {_link(words.alerts_page, 'All alerts')}"))
    text = f"{escaped(words.headline)} · {escaped(words.preheader)}"
    return msgspec.json.encode({"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False})


def escaped(text: str) -> str:
    """Without this `<!channel>` in the name of a version would wake everybody, and `<url|text>` would be a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _alert(alert: AlertWords) -> list[Block]:
    told = f"*{escaped(alert.severity)} · {escaped(alert.status)}*  {escaped(alert.story)}"
    if alert.resolved:
        facts = [_field(label, words) for label, words in alert.facts]
        return [_section(told), {"type": "section", "fields": [*facts, _field("Budget", alert.budget)]}]
    return [
        _section(told),
        _section(f"*What to do*\n{escaped(alert.action_text)}"),
        *_version(alert.version),
        *_windows(alert),
        _section(f"*{escaped(alert.left)}*\n{escaped(alert.promise)}"),
        _section("  ".join(_links(alert))),
    ]


def _version(version: VersionLine | None) -> list[Block]:
    return [_section(f"*{escaped(version.headline)}*\n{escaped(version.reason)}")] if version else []


def _windows(alert: AlertWords) -> list[Block]:
    """None where the alert is not about a burn rate: Slack refuses a section without fields."""
    fields = [_field(f"Burn, {one.window}", _burn(one.burn, alert)) for one in alert.burn]
    return [{"type": "section", "fields": fields}] if fields else []


def _links(alert: AlertWords) -> list[str]:
    traces = [_link(trace.href, f"example {number}") for number, trace in enumerate(alert.traces, 1)]
    runbook = [_link(alert.runbook, "Runbook")] if alert.runbook else []
    return [
        _link(alert.acknowledge, "Acknowledge"),
        _link(alert.page, "Open"),
        _link(alert.silence, "Silence"),
        *runbook,
        *traces,
    ]


def _burn(burn: str, alert: AlertWords) -> str:
    return f"{burn} (fires above {alert.factor})"


def _other(alert: AlertWords) -> str:
    story = alert.story if alert.resolved else alert.cause
    return f"{_link(alert.page, alert.title)}  {escaped(alert.severity)} · {escaped(alert.status)}\n{escaped(story)}"


def _link(href: str, word: str) -> str:
    """A | or > in an address would end it."""
    safe = escaped(href).replace("|", "%7C")
    return f"<{safe}|{escaped(word).replace('|', '¦')}>"


def _header(text: str) -> Block:
    """Plain text knows no escapes, and no mentions; what would be one elsewhere does not stand here either."""
    plain = text.translate(str.maketrans("<>", "‹›"))[:MAX_HEADER_CHARS]
    return {"type": "header", "text": {"type": "plain_text", "text": plain, "emoji": False}}


def _section(text: str) -> Block:
    return {"type": "section", "text": _mark(text[:MAX_SECTION_CHARS])}


def _field(label: str, words: str) -> Block:
    return _mark(f"*{escaped(label)}*\n{escaped(words)}"[:2000])


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_mark(text)]}


def _mark(text: str) -> Block:
    """verbatim: nothing that looks like a link or a name becomes one."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}
