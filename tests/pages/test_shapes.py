"""Bars, windows of a tree, values and messages: what pages compute before they draw."""

from datetime import UTC, datetime

import pytest

from dashboard import geometry, trees
from dashboard.conversation import EARLIER_SHOWN, fresh_from, talk
from dashboard.links import in_project, quoted, with_query
from dashboard.listing import read_listing
from dashboard.pages.ingest import step_seconds, step_starts
from dashboard.pages.traces import errors_href
from dashboard.pages.versions import services
from dashboard.snippets import snippets
from dashboard.values import attributes, otlp_type, pretty, shown
from tracestore.analysis.filters import parse
from tracestore.analysis.messages import Message, Part
from tracestore.analysis.tree import Node, arrange
from tracestore.queries.versions import VersionSetUse

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = 60_000_000_000


def test_a_bar_stays_within_its_row_and_can_be_seen():
    assert geometry.waterfall(0, 1_000, 0, 1_000) == geometry.Bar(0, 1_000)
    assert geometry.waterfall(1_000, 1_000, 0, 1_000) == geometry.Bar(997, 3)
    assert geometry.waterfall(500, 400, 0, 1_000).width == geometry.SHORTEST
    assert geometry.waterfall(-50, 5_000, 0, 1_000) == geometry.Bar(0, 1_000)
    assert geometry.waterfall(5, 5, 5, 5) == geometry.Bar(0, 1_000)


def test_a_share_of_something_is_at_least_one():
    assert geometry.share(1, 1_000_000, 64) == 1
    assert geometry.share(0, 10, 64) == 0
    assert geometry.share(20, 10, 64) == 64


def test_a_histogram_without_counts_has_no_height():
    assert [column.height for column in geometry.histogram([(0, 0), (0, 0)], 20, 1)] == [0, 0]
    tall, bad = geometry.histogram([(10, 0), (5, 5)], 20, 1)
    assert (tall.height, bad.height, bad.bad_height) == (20, 10, 10)


@pytest.mark.parametrize("number", [0, 1, -1, 2**63 - 1, -(2**63)])
def test_a_span_id_survives_the_way_to_hex_and_back(number):
    assert trees.span_number(trees.span_key(number)) == number


@pytest.mark.parametrize("text", ["", "zz", "G" * 16, "0" * 17, "٣" * 16])
def test_what_is_no_span_id_is_none(text):
    assert trees.span_number(text) is None


def chain(count: int) -> list[Node]:
    return [
        Node(1, None, 0, count + 1, 0, "agent"),
        *(Node(n, 1, n, n + 1, 2 if n % 100 == 0 else 0, "tool") for n in range(2, count + 1)),
    ]


def test_a_window_holds_the_selected_span():
    tree = arrange(chain(1_234))
    selection = trees.select(tree, "", None, None, 1_000)
    assert (selection.first, selection.last, selection.total) == (801, 1_000, 1_234)
    assert [row.span_id for row in selection.context] == [1]


def test_an_offset_beyond_the_end_shows_the_last_window():
    selection = trees.select(arrange(chain(1_234)), "", None, 99_999, None)
    assert (selection.first, selection.last) == (1_201, 1_234)


def test_only_errors_and_what_is_above_them():
    selection = trees.select(arrange(chain(1_000)), "errors", None, 0, None)
    assert selection.total == 11
    assert [choice.label for choice in trees.tabs(arrange(chain(1_000)), "/x", {}, "errors")] == [
        "All 1,000",
        "Errors 10",
        "Tools 999",
    ]


def message(role: str, text: str = "x") -> Message:
    return Message(role, (Part("text", content=text),))


def test_new_is_what_came_after_the_model_spoke_last():
    history = [message("user"), message("assistant"), message("tool"), message("tool")]
    assert fresh_from(history) == 2
    assert fresh_from([message("user"), message("user")]) == 0
    assert fresh_from([message("user"), message("assistant")]) == 1
    assert fresh_from([]) == 0


def test_system_messages_stand_apart_and_are_not_history():
    said = talk(
        None,
        [message("system"), message("user"), message("assistant"), message("user")],
        [message("assistant")],
        whole=False,
    )
    assert [one.role for one in said.system] == ["system"]
    assert (len(said.fresh), len(said.answer), said.earlier_count) == (1, 1, 2)


def test_a_long_history_is_cut_and_says_how_much():
    history = [message("user" if n % 2 else "assistant", "long " * 400) for n in range(200)]
    said = talk(None, history, None, whole=False)
    assert len(said.earlier) == EARLIER_SHOWN
    assert said.earlier_hidden == said.earlier_count - EARLIER_SHOWN
    assert said.cut
    whole = talk(None, history, None, whole=True)
    assert not whole.cut
    assert len(whole.earlier) == whole.earlier_count


def test_a_picture_is_named_and_not_dumped():
    said = talk(
        None, [Message("user", (Part("image", content="A" * 90_000, mime_type="image/png"),))], None, whole=False
    )
    assert said.fresh[0].parts[0].text.text == "image/png, 90 kB"


def test_json_in_a_string_is_indented_and_broken_json_stays():
    assert pretty('{"a":1}') == '{"a": 1}'
    flights = '{"flights": [{"to": "DUB", "seats": 6}, {}, []], "note": "%s ["}' % ("x" * 60)
    assert pretty(flights).split("\n") == [
        "{", '  "flights": [{"to": "DUB", "seats": 6}, {}, []],', f'  "note": "{"x" * 60} ["', "}",
    ]  # fmt: skip
    assert pretty(list(range(100))).count("\n") == 101
    assert pretty('{"a":') == '{"a":'
    assert pretty("plain") == "plain"
    assert pretty('{"a": "one\\ntwo \\"x\\" C:\\\\new"}') == '{"a": "one\ntwo "x" C:\\\\new"}'
    assert pretty("[" * 100_000) == "[" * 100_000
    assert pretty(b"\x00\x01") == "AAE="


def test_long_text_says_how_much_is_left_out():
    assert shown("abcdef", 4).text == "abcd"
    assert shown("abcdef", 4).more == 2


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "empty"),
        (True, "bool"),
        (1, "int"),
        (1.5, "double"),
        ("x", "string"),
        (b"x", "bytes"),
        ([1], "array"),
        ({"a": 1}, "map"),
    ],
)
def test_attributes_keep_the_type_they_were_sent_with(value, word):
    assert otlp_type(value) == word
    assert attributes({"k": value}, 100)[0].type == word


def test_an_address_below_a_project_quotes_what_an_emitter_sent():
    assert in_project("p", "sessions", "a/b?c#d") == "/p/p/sessions/a%2Fb%3Fc%23d"
    assert with_query("/x", {"q": "a", "cursor": "z"}, cursor=None, from_="2026") == "/x?q=a&from=2026"


@pytest.mark.parametrize("value", ["plain", "with space", 'quo"te', "back\\slash", "a:b", "(x)", "ends*"])
def test_a_quoted_value_is_read_back_as_itself(value):
    term = parse(f"session:{quoted(value)}")
    assert term.value == value
    assert term.op == "="


def test_a_bad_range_and_a_bad_filter_are_named_and_the_page_still_has_one():
    listing = read_listing("/p/x/traces", {"range": "nonsense", "q": "duration:xx"}, NOW)
    assert len(listing.errors) == 2
    assert listing.filter is None
    assert listing.range.name == "24h"


def test_links_of_a_list_keep_the_rest_of_the_address():
    listing = read_listing("/p/x/traces", {"q": "a:1", "range": "1h", "cursor": "c"}, NOW)
    assert [choice.label for choice in listing.ranges if choice.current] == ["last hour"]
    assert listing.clear_href == "/p/x/traces?range=1h"
    assert all("cursor" not in choice.href for choice in listing.ranges)


def test_the_ledger_has_at_most_a_hundred_steps_of_whole_minutes():
    for minutes in (1, 15, 60, 1440, 43_200):
        step_s = step_seconds(0, minutes * MINUTE)
        assert step_s % 60 == 0
        assert len(step_starts(0, minutes * MINUTE, step_s)) <= 96


def test_every_snippet_names_the_address_or_says_where_it_is_set():
    for one in snippets("http://host:4318", "http://host:8000"):
        assert "host:" in one.text or "variables" in one.text, one.id
        assert not {"<otlp>", "<site>", "<key>"} & set(one.text.split())
        assert "<otlp>" not in one.text


def test_what_the_call_before_held_is_history_whatever_its_order():
    """A summary that replaced the oldest messages is new, though the model spoke after it."""
    old = [Message("user", (Part("text", "one"),), "h1"), Message("assistant", (Part("text", "two"),), "h2")]
    summary, asked = Message("user", (Part("text", "so far"),), "h3"), Message("user", (Part("text", "three"),), "h4")
    views = talk(None, [summary, *old, asked], None, whole=False, known={"h1", "h2"})
    assert [one.parts[0].text.text for one in views.fresh] == ["so far", "three"]
    assert (views.earlier_count, views.earlier_size, views.exact) == (2, 6, True)
    guessed = talk(None, [summary, *old, asked], None, whole=False)
    assert [one.parts[0].text.text for one in guessed.fresh] == ["three"]
    assert not guessed.exact


def used(number: int, version: str, first: int, traces: int = 1, **parts: str) -> VersionSetUse:
    known = {name: [value] for name, value in parts.items()} | {"service_version": [version]}
    return VersionSetUse(f"{number:032x}", "bot", version, known, first, first + 9, traces, 0, None, None)


def test_the_sets_of_a_version_stand_together_and_only_changes_are_named():
    sets = [
        used(1, "v1", 10, model="a", prompt="p"),
        used(2, "v1", 12, traces=50),
        used(3, "v2", 20),
        used(4, "v2", 21, model="b", prompt="p"),
        used(5, "v2", 22, model="c"),
    ]
    (view,) = services(sets, "shop", "")
    assert view.versions == 2
    assert [int(line.use.id, 16) for line in view.lines] == [4, 5, 3, 1, 2]
    assert [line.changed for line in view.lines] == ["model", "model", "", "", ""]
    assert [line.partial for line in view.lines] == [False, False, True, False, True]
    assert [line.unseen for line in view.lines] == ["", "prompt", "model, prompt", "", "model, prompt"]
    assert [int(line.use.id, 16) for line in view.lines if line.old or line.new] == [4, 1]


@pytest.mark.parametrize(
    ("q", "narrowed"),
    [("", "status:error"), ("a:1 OR b:2", "(a:1 OR b:2) status:error"), ("status:error x", "status:error x")],
)
def test_the_link_to_errors_narrows_the_filter(q, narrowed):
    assert errors_href("/t", {"q": q, "cursor": "x"}) == with_query("/t", {}, q=narrowed)
