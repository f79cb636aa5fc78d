"""The tree of a large trace is kept for as long as it is true."""

import pytest

from tests.builders import NOW_NS, changed, span, store, trace_id
from tests.conftest import Database
from tracestore.queries import trace_detail
from tracestore.queries.trace_detail import get_trace, trace_tree
from tracestore.queries.trace_now import find_trace
from tracestore.queries.traces import TraceRow


def find(number: int = 1) -> TraceRow:
    found = find_trace(1, trace_id(number), now_ns=NOW_NS)
    assert found is not None
    return found


def test_a_kept_tree_is_that_of_the_last_settling(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_detail._Trees, "FROM_LINES", 2)
    root = span()
    store(1, [root, span(parent=root)], received_ns=NOW_NS)
    first = trace_tree(1, find())
    assert trace_tree(1, find()) is first
    store(1, [span(parent=root)], received_ns=NOW_NS + 1, settle=False)
    assert len(trace_tree(1, find()).rows) == 3, "what is not settled yet is read anew"
    store(1, [changed(root, service="other")], received_ns=NOW_NS + 2)
    detail = get_trace(1, trace_id(1), now_ns=NOW_NS)
    assert detail is not None
    assert len(trace_tree(1, find()).rows) == len(detail.spans) == 3


def test_no_more_lines_are_kept_than_memory_was_meant_for(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_detail._Trees, "FROM_LINES", 2)
    monkeypatch.setattr(trace_detail._Trees, "LINES", 5)
    monkeypatch.setattr(trace_detail, "_TREES", trace_detail._Trees())
    for number in (1, 2, 3):
        root = span(trace_id(number))
        store(1, [root, span(trace_id(number), parent=root)])
    kept = [trace_tree(1, find(number)) for number in (1, 2, 3)]
    assert trace_tree(1, find(3)) is kept[2]
    assert trace_tree(1, find(2)) is kept[1]
    assert trace_tree(1, find(1)) is not kept[0]
