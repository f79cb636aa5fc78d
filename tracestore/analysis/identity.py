"""Whose request was it? Session, user, tenant and environment of a span, inherited where it names none itself."""

from collections.abc import Sequence

import msgspec

from tracestore.analysis.ancestry import Ancestry, Key
from tracestore.records import SESSION_IS_THREAD


class IdentitySpan(msgspec.Struct, frozen=True, gc=False):
    """The identity that a span names itself; None = it does not say."""

    trace_id: bytes
    span_id: int
    parent_span_id: int | None
    session_id: str | None = None
    user_id: str | None = None
    tenant_id: str | None = None
    environment: str | None = None
    flags: int = 0

    @property
    def key(self) -> Key:
        return (self.trace_id, self.span_id)


class Identity(msgspec.Struct, frozen=True, gc=False):
    session_id: str | None = None
    user_id: str | None = None
    tenant_id: str | None = None
    environment: str | None = None


def inherit(spans: Sequence[IdentitySpan], tree: Ancestry[IdentitySpan] | None = None) -> dict[Key, Identity]:
    """Each span's identity, field by field: its own, else that of the nearest ancestor that names one (child wins).

    Where any span of a trace names what the application calls its session, conversations and threads of its frameworks
    (flag SESSION_IS_THREAD) are no sessions: the agent's span may know only the thread, and its calls both. Such a span
    is of the session above it, else of the only one that its trace names.
    spans: distinct spans of whole traces in any order; parents may be missing.
    tree: of the same spans where the caller has built it already.
    """
    tree = tree or Ancestry({span.key: span for span in spans})
    found: dict[Key, Identity] = {}
    named = _named_sessions(tree.preorder)
    for span in tree.preorder:
        parent = tree.parent.get(span.key)
        above = found[parent] if parent is not None else _NOBODY
        sessions = named.get(span.trace_id) if span.flags & SESSION_IS_THREAD else None
        own = span.session_id if sessions is None else above.session_id or _only(sessions)
        found[span.key] = Identity(
            own or above.session_id,
            span.user_id or above.user_id,
            span.tenant_id or above.tenant_id,
            span.environment or above.environment,
        )
    return found


def _named_sessions(spans: Sequence[IdentitySpan]) -> dict[bytes, set[str]]:
    """By trace: what the application calls its sessions."""
    named: dict[bytes, set[str]] = {}
    for span in spans:
        if span.session_id and not span.flags & SESSION_IS_THREAD:
            named.setdefault(span.trace_id, set()).add(span.session_id)
    return named


def _only(sessions: set[str]) -> str | None:
    return next(iter(sessions)) if len(sessions) == 1 else None


_NOBODY = Identity()
