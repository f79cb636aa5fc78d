"""A notice for a machine: JSON, signed (Standard Webhooks), the same body and id in every attempt."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from tracestore import outbound
from tracestore.analysis.slo.notice import AlertNotice, Notice
from tracestore.channels.envelope import ChannelError, Envelope
from tracestore.channels.notice_links import alert_link, in_project
from tracestore.channels.signing import signed_headers

DEADLINE_S = 10.0
GONE = 410
BUSY = (429, 503)


def deliver(envelope: Envelope) -> None:
    """POST it; returns when the other side answered 2xx. Raises ChannelError."""
    body = body_of(envelope.notice)
    at_s = int(envelope.attempted_at.timestamp())
    post_json(envelope.recipient, body, signed_headers(f"msg_{envelope.id.hex}", at_s, body, envelope.secrets))


def post_json(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """A redirect is a failure as any other status that is not 2xx; 410 ends the channel."""
    try:
        answer = outbound.post(url, body, {"Content-Type": "application/json", **headers}, DEADLINE_S)
    except outbound.Refused as error:
        raise ChannelError(str(error), permanent=True) from error
    except outbound.Unreachable as error:
        raise ChannelError(str(error)) from error
    if 200 <= answer.status < 300:
        return
    wait_s = answer.retry_after_s if answer.status in BUSY else None
    raise ChannelError(f"it answered {answer.status}", gone=answer.status == GONE, retry_after_s=wait_s)


def body_of(notice: Notice) -> bytes:
    """`{"type", "timestamp", "data"}`, keys in this order."""
    kind = f"alert.{notice.kind}" if notice.alerts else notice.kind
    data = {
        "project": notice.project,
        "sequence": notice.seq,
        "alerts": [_alert(alert, notice.project) for alert in notice.alerts],
        "summary": list(notice.summary),
    }
    return msgspec.json.encode({"type": kind, "timestamp": _time(notice.decided_at), "data": data})


def _alert(alert: AlertNotice, slug: str) -> dict[str, object]:
    """All that the notice knows, times as RFC 3339, with links; no burn-down, which is for eyes."""
    told: dict[str, object] = msgspec.to_builtins(alert)
    del told["burn_down"]
    times = {"fired_at": _time(alert.fired_at), "resolved_at": alert.resolved_at and _time(alert.resolved_at)}
    traces = [{"id": trace, "url": in_project(slug, "traces", trace)} for trace in alert.traces]
    return told | times | {"traces": traces, "url": alert_link(slug, alert.id)}


def _time(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat().replace("+00:00", "Z")
