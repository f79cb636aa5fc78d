"""A plan for a set of keys says the same as asking for each attribute in turn."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.conventions import fields as f
from ingest.conventions import plans
from ingest.conventions.coerce import BAD
from ingest.conventions.normalise import _read
from ingest.conventions.rules import BLOB, SPAN
from tests import captures

KEYS = sorted(key for name in captures.NAMES for raw in captures.spans(name) for key in raw.attributes if key in SPAN)
values = st.sampled_from(["LLM", "chat", "gpt-4o", '{"tenant": "t1", "input": 3}', "7", 12, -1, 0.5, True, ["stop"]])
attributes = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), values, max_size=12)

Lists = tuple[list[int], list[Any], list[str | None]]


def empty() -> Lists:
    return [f.NO_RANK] * len(f.NAMES), [None] * len(f.NAMES), [None] * len(f.NAMES)


def read_in_turn(sent: dict[str, Any], found: Lists) -> bool:
    """The rules as they are written down; returns whether a number was bad."""
    ranks, seen, sources = found
    bad, blobs = False, []
    for key, value in sent.items():
        for field, rank, read, source in SPAN.get(key, ()):
            if field == BLOB:
                blobs.append((read, value, source))
            elif rank < ranks[field]:
                usable = read(value)
                bad = bad or usable is BAD
                if usable is not None and usable is not BAD:
                    ranks[field], seen[field], sources[field] = rank, usable, source
            elif field == f.TOOLS and rank == ranks[field]:
                seen[field] = [*(seen[field] if isinstance(seen[field], list) else [seen[field]]), value]
    for read, value, source in blobs:
        for field, rank, usable, part in read(value):
            if rank < ranks[field]:
                ranks[field], seen[field], sources[field] = rank, usable, f"{source}#{part}"
    return bad


def assert_the_same(sent: dict[str, Any]) -> None:
    planned, in_turn = empty(), empty()
    flags = _read(plans.plan_of(sent), sent, *planned)
    assert bool(flags) == read_in_turn(sent, in_turn)
    assert planned == in_turn


@settings(max_examples=400, deadline=None)
@given(attributes)
def test_plans_read_what_rules_say(sent: dict[str, Any]) -> None:
    assert_the_same(sent)
    assert_the_same(dict(reversed(sent.items())))


def test_plans_read_every_recorded_span_as_rules_say() -> None:
    for name in captures.NAMES:
        for raw in captures.spans(name):
            assert_the_same(raw.attributes)


def test_plans_are_few_and_of_spans_with_few_keys() -> None:
    for number in range(plans.PLANS_MAX + 10):
        plans.plan_of({f"key {number}": 1})
    wide = {f"key {number}": 1 for number in range(plans.KEYS_MAX + 1)}
    plans.plan_of(wide)
    assert len(plans._plans) <= plans.PLANS_MAX
    assert tuple(wide) not in plans._plans
