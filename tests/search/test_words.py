"""What is a word, and what does a text hold?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracestore.analysis.filters import And, Node, Or, Term, negation_inwards, parse
from tracestore.analysis.text_terms import folded, loosened
from tracestore.analysis.texts import attribute_texts, texts
from tracestore.analysis.words import MAX_WORD, forms, holds, tokens, wanted, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Refund, please!", ["refund", "please"]),
        ("order ORD-123.", ["order", "ord-123"]),
        ("bob@example.org's", ["bob@example.org's"]),
        ("/usr/lib/foo.py", ["usr", "lib", "foo.py"]),
        ("__init__ a--b", ["init", "a", "b"]),
        ("東京都は", ["東京", "京都", "都は"]),
        ("ＡＢＣ ﬁne Straße", ["abc", "fine", "strasse"]),
        ("हिन्दी", ["हिन्दी"]),
        ("it’s", ["it's"]),
        ("see " + "QUJD" * 60 + "== end", ["see", "end"]),
        ("% _ \\ - …", []),
    ],
)
def test_words_in_their_order(text: str, expected: list[str]) -> None:
    assert list(tokens(text)) == expected


def test_a_compound_is_found_whole_by_its_ends_and_by_its_parts() -> None:
    assert forms("x-ord-123") == {"x-ord-123", "ord-123", "x", "ord", "123"}
    assert forms("東京") == {"東京", "東", "京"}
    uuid = "123e4567-e89b-12d3-a456-426614174000"
    assert forms(uuid) == {uuid, *uuid.split("-")}
    assert words("a" * (MAX_WORD + 1) + "-b") == {"b"}


@pytest.mark.parametrize(
    ("text", "q", "prefix", "expected"),
    [
        ("The blue  moon.", "blue moon", False, True),
        ("The blue, MOON", "BLUE moon", False, True),
        ("blue sky and moon", "blue moon", False, False),
        ("a dark-blue moon-lander", "blue moon", False, True),
        ("see ORD-123 now", "see ord-1", True, True),
        ("see ORD-123 now", "see ord-1", False, False),
        ("大東京都の", "東京都", False, True),
        ("東の京都", "東京都", False, False),
        ("anything", "%", False, False),
        ("a" * 70, "a" * 70, False, False),
    ],
)
def test_what_a_text_holds(text: str, q: str, prefix: bool, expected: bool) -> None:
    assert holds(text, wanted(q, prefix)) is expected


@given(st.text(alphabet="aB1-_.@:' 東京ßé’\n", max_size=40))
def test_the_words_of_a_text_are_those_it_holds(text: str) -> None:
    """The index and the look-up agree."""
    found = words(text)
    assert all(holds(text, wanted(token)) for token in tokens(text))
    assert {form for token in tokens(text) for form in forms(token)} == found


def test_texts_are_values_without_what_only_says_their_kind() -> None:
    message = '[{"role": "user", "parts": [{"type": "text", "content": "hi", "n": 12.50}]}]'
    assert list(texts(message)) == ["hi", "12.50"]
    assert list(texts({"role": "pilot", "args": '{"a": ["b", {"type": "refund"}]}'})) == ["pilot", "b", "refund"]
    assert list(texts("{not json}")) == ["{not json}"]
    assert list(attribute_texts({"tokens": 5, "on": True, "list": [5], "llm.0.role": "user"})) == ["5"]
    deep = "[" * 5_000 + "]" * 5_000
    assert list(texts(deep)) in ([deep], [])


def tree(q: str) -> Node:
    parsed = parse(q)
    assert parsed is not None
    return negation_inwards(parsed)


@pytest.mark.parametrize(
    ("q", "query"),
    [
        ("blue", "('blue')"),
        ("blue moon*", "(('blue') & ('moon':*))"),
        ("(blue OR it's)", "(('blue') | ('it''s'))"),
        ("blue -moon", "(('blue') & !('moon'))"),
        ("blue (a OR (b -c))", "(('blue') & (('a') | (('b') & !('c'))))"),
    ],
)
def test_words_become_one_question_to_the_index(q: str, query: str) -> None:
    assert folded(tree(q)) == Term("text", "tsquery", query)


@pytest.mark.parametrize("q", ["-blue", "(-blue OR -moon)", "%", "0123456789abcdef" * 2, "-(blue moon)"])
def test_what_a_trace_without_a_row_may_match_is_asked_for_itself(q: str) -> None:
    assert folded(tree(q)) == tree(q)


def test_other_terms_stay_beside_the_words() -> None:
    errors = Term("status", "=", 2)
    assert folded(tree("blue status:error -moon")) == And((Term("text", "tsquery", "('blue') & !('moon')"), errors))
    assert folded(tree("(blue OR status:error)")) == Or((Term("text", "tsquery", "('blue')"), errors))
    assert folded(tree("(blue OR -moon)")) == Or((Term("text", "tsquery", "('blue')"), tree("-moon")))


def test_that_a_phrase_is_not_there_rules_nothing_out() -> None:
    assert loosened(tree('-"blue moon"')) is None
    assert loosened(tree('(red OR -"blue moon")')) is None
    assert loosened(tree('red -"blue moon"')) == And((tree("red"),))
    assert loosened(tree("-red")) == tree("-red")
