"""Whose request was it? Session, user, tenant and environment of a span, inherited where it names none itself."""

from collections.abc import Sequence

import msgspec

from tracestore.analysis.ancestry import Ancestry, Key


class IdentitySpan(msgspec.Struct, frozen=True, gc=False):
    """The identity that a span names itself; None = it does not say."""

    trace_id: bytes
    span_id: int
    parent_span_id: int | None
    session_id: str | None = None
    user_id: str | None = None
    tenant_id: str | None = None
    environment: str | None = None

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

    spans: distinct spans of whole traces in any order; parents may be missing.
    tree: of the same spans where the caller has built it already.
    """
    tree = tree or Ancestry({span.key: span for span in spans})
    found: dict[Key, Identity] = {}
    for span in tree.preorder:
        parent = tree.parent.get(span.key)
        above = found[parent] if parent is not None else _NOBODY
        found[span.key] = Identity(
            span.session_id or above.session_id,
            span.user_id or above.user_id,
            span.tenant_id or above.tenant_id,
            span.environment or above.environment,
        )
    return found


_NOBODY = Identity()
