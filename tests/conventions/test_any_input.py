"""Whatever stands in the attributes: `normalise` answers, and says nothing that could not be stored."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.conventions import normalise
from ingest.conventions.rules import SPAN
from tests.conventions.build import raw

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=40),
    st.binary(max_size=8),
    st.sampled_from(
        ["", "None", "{}", "[]", '{"a":', '"x"', "[" * 5000, '{"status":"error"}', '{"input":1e400}', "\x00", "NaN"]
    ),
)
values = st.recursive(
    odd,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)
keys = st.sampled_from(sorted(SPAN))


@settings(max_examples=400, deadline=None)
@given(
    attributes=st.dictionaries(keys, values, max_size=25),
    status=st.integers(0, 2),
    scope=st.sampled_from(["x", "mlflow.x", "strands.x"]),
)
def test_no_attribute_breaks_it(attributes: dict[str, Any], status: int, scope: str) -> None:
    span = normalise(
        raw(attributes, status_code=status, scope=scope, events=[("exception", 1, {"exception.type": attributes})])
    )
    texts = [
        span.provider,
        span.request_model,
        span.session_id,
        span.user_id,
        span.tool_name,
        span.error_type,
        span.service,
    ]
    assert all(text is None or (isinstance(text, str) and 0 < len(text) <= 256) for text in texts)
    numbers = [span.input_tokens, span.output_tokens, span.cache_read_tokens, span.reported_cost_nanousd, span.ttft_ns]
    assert all(number is None or (type(number) is int and 0 <= number < 2**63) for number in numbers)
    assert all(isinstance(reason, str) for reason in span.finish_reasons)


@pytest.mark.parametrize("key", sorted(SPAN))
def test_every_rule_takes_every_type(key: str) -> None:
    for value in (
        None,
        True,
        -1,
        7,
        2**63,
        0.5,
        float("nan"),
        "",
        "x",
        "7",
        '{"a":1}',
        "[1]",
        b"\xff",
        [],
        ["a"],
        {},
        {"a": 1},
    ):
        assert normalise(raw({key: value})).service
