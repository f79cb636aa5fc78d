"""A notice as a mail: text and HTML, threaded by its ids, the burn-down inside, a way out in the headers."""

import re
from email.mime.image import MIMEImage
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from tracestore.analysis.slo.notice import AlertNotice
from tracestore.channels import burn_picture
from tracestore.channels.envelope import Envelope, Thread
from tracestore.channels.notice_links import host
from tracestore.channels.rendering import SEVERITY, NoticeWords, in_words
from tracestore.channels.unsubscribing import Claim, unsubscribe_link
from tracestore.channels.words import name, one_line

MAX_SUBJECT_CHARS = 150
_GAP = re.compile(r"\n{3,}")


def compose(envelope: Envelope) -> EmailMultiAlternatives:
    """The same message in every attempt, but for its Date."""
    words = in_words(envelope.notice, envelope.zone)
    link = unsubscribe_link(Claim(envelope.project_id, envelope.objective_id, envelope.recipient))
    lead = envelope.notice.alerts[0] if envelope.notice.alerts else None
    pictures = _pictures(lead, envelope.zone)
    context = {"notice": words, "unsubscribe": link, "picture": _described(lead, envelope.zone) if pictures else ""}
    message = EmailMultiAlternatives(
        subject=one_line(_subject(envelope, words), MAX_SUBJECT_CHARS),
        body=_GAP.sub("\n\n", render_to_string("mail/alert.txt", context)).strip() + "\n",
        to=[envelope.recipient],
        headers=_headers(envelope, link) | (_state(lead) if lead else {}),
    )
    message.attach_alternative(render_to_string("mail/alert.html", context), "text/html")
    message.mixed_subtype = "related"  # pictures belong to the HTML, they are no attachments
    for picture in pictures:
        message.attach(picture)
    return message


def _subject(envelope: Envelope, words: NoticeWords) -> str:
    """The same for all of a thread, whatever is told: mail programs split it where that changes."""
    thread = envelope.thread
    if thread is None:
        return words.subject
    return f"[{name(envelope.notice.project_name, 40)}] {SEVERITY[thread.severity]}: {name(thread.title)}"


def _headers(envelope: Envelope, link: str) -> dict[str, str]:
    slug = envelope.notice.project
    headers = {
        "Message-ID": f"<{envelope.id}@{host()}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "List-Id": f"<{slug}.alerts.{host()}>",
        "X-Fourline-Project": slug,
        "X-Fourline-Kind": envelope.notice.kind,
        **_ways_out(link),
    }
    return headers | (_place(envelope.thread, envelope.notice.seq) if envelope.thread else {})


def _place(thread: Thread, seq: int) -> dict[str, str]:
    """Every message of a thread answers its first one, whether or not that one was sent to this recipient."""
    first = f"<alert-{thread.alert_id}.0@{host()}>"
    answers = {"In-Reply-To": first, "References": first} if seq else {}
    return {"Message-ID": f"<alert-{thread.alert_id}.{seq}@{host()}>", "X-Fourline-Thread": thread.alert_id, **answers}


def _state(lead: AlertNotice) -> dict[str, str]:
    """For rules of mail programs, since the subject does not tell it."""
    urgent = {"Importance": "high"} if lead.severity == "page" and lead.state == "firing" else {}
    told = {"X-Fourline-Alert": lead.id, "X-Fourline-State": lead.state, "X-Fourline-Severity": lead.severity}
    return told | urgent


def _ways_out(link: str) -> dict[str, str]:
    """One click works over https only (RFC 8058). A mailbox is named only where somebody chose the sender's."""
    sender = parseaddr(settings.CHOSEN_SENDER)[1]
    mailbox = f", <mailto:{sender}?subject=unsubscribe>" if sender else ""
    one_click = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if link.startswith("https://") else {}
    return {"List-Unsubscribe": f"<{link}>{mailbox}", **one_click}


def _pictures(lead: AlertNotice | None, zone: str) -> list[MIMEImage]:
    """For light and for dark programs; none of a burn-down of less than two points."""
    if lead is None or len(lead.burn_down) < 2:
        return []
    palettes = {"light": burn_picture.LIGHT, "dark": burn_picture.DARK}
    return [
        _inline(burn_picture.draw(lead.burn_down, lead.fired_at, zone, palette), tone)
        for tone, palette in palettes.items()
    ]


def _inline(png: bytes, tone: str) -> MIMEImage:
    picture = MIMEImage(png, "png")
    picture.add_header("Content-ID", f"<burn-down-{tone}@fourline>")
    picture.add_header("Content-Disposition", "inline", filename=f"burn-down-{tone}.png")
    return picture


def _described(lead: AlertNotice | None, zone: str) -> str:
    return burn_picture.described(lead.burn_down, lead.fired_at, zone) if lead and lead.burn_down else ""
