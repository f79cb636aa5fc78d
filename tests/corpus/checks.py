"""What a test asserts about a stored trace, as functions that put together."""

from collections.abc import Callable

from tests.corpus.build import Check, Seen


def shows(**fields: object) -> Check:
    """Fields of the first span."""

    def check(seen: Seen) -> None:
        span = seen.span(seen_first(seen))
        assert {name: span[name] for name in fields} == fields

    return check


def seen_first(seen: Seen) -> int:
    return int(seen.detail["spans"][0]["span_id"], 16)


def keeps(**attributes: object) -> Check:
    return keeps_all(attributes)


def keeps_all(attributes: dict[str, object]) -> Check:
    def check(seen: Seen) -> None:
        assert seen.span(seen_first(seen))["attributes"] == attributes

    return check


def says(*words: str) -> Check:
    """The page of the trace holds the words."""

    def check(seen: Seen) -> None:
        page = seen.page()
        assert not [word for word in words if word not in page]

    return check


def both(*checks: Check) -> Check:
    def check(seen: Seen) -> None:
        for one in checks:
            one(seen)

    return check


def unknown(field: str, flag: str = "invalid_number") -> Check:
    """A measure that must not be believed: None on span and trace, and flagged."""

    def check(seen: Seen) -> None:
        span = seen.span(seen_first(seen))
        assert span[field] is None, span[field]
        assert flag in span["flags"]
        assert seen.trace.get(field) is None

    return check


def texts(limit: int) -> Check:
    def check(seen: Seen) -> None:
        span = seen.span(seen_first(seen))
        for name in ("name", "service", "session_id", "user_id", "tenant_id", "tool_name", "agent_name"):
            assert span[name] is None or len(span[name]) <= limit, name

    return check


def suspect(seen: Seen) -> None:
    assert "clock_suspect" in seen.span(seen_first(seen))["flags"]


def not_complete(seen: Seen) -> None:
    assert not seen.trace["complete"]


def told(check: Callable[[str], bool]) -> Check:
    """About the whole panel of the first span."""

    def look(seen: Seen) -> None:
        assert check(seen.page(span=f"{seen_first(seen):016x}", whole="1"))

    return look


def cut(attribute: str) -> Check:
    def check(seen: Seen) -> None:
        span = seen.span()
        assert "…[truncated " in span["attributes"][attribute]
        assert "truncated" in span["flags"]

    return check


def in_order(seen: Seen) -> None:
    """Equal times: every page of the API starts where the one before ended."""
    ids, cursor = [], None
    while True:
        query = {"spans_limit": 70} | ({"cursor": cursor} if cursor else {})
        page = seen.ask(f"/traces/{seen.trace_id}", **query)
        ids += [one["span_id"] for one in page["spans"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(ids) == len(set(ids)) == 500
