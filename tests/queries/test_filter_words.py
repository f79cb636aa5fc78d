"""The filter language: what a text means, and how it is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracestore.analysis.filters import And, FilterError, Not, Or, Term, negation_inwards, parse, terms
from tracestore.analysis.signals import POLICY_VIOLATED

A, B, C = (Term("text", "contains", name) for name in "abc")


@pytest.mark.parametrize(
    ("q", "tree"),
    [
        ("", None),
        ("  \t ", None),
        ("a", A),
        ("a b", And((A, B))),
        ("a AND b", And((A, B))),
        ("a OR b c", Or((A, And((B, C))))),
        ("(a OR b) c", And((Or((A, B)), C))),
        ("-a b", And((Not(A), B))),
        ("-(a b)", Not(And((A, B)))),
        ("--a", Not(Not(A))),
        ("a)b", None),
        ("service:shop", Term("service", "=", "shop")),
        ("model:gpt-4o*", Term("model", "prefix", "gpt-4o")),
        ("model:*", Term("model", "any", "")),
        ('session:"sess 1"', Term("session", "=", "sess 1")),
        ('session:"sess 1"*', Term("session", "prefix", "sess 1")),
        ('name:"a*b"', Term("name", "=", "a*b")),
        (r'name:"say \"hi\" \\"', Term("name", "=", 'say "hi" \\')),
        ('"service:shop"', Term("text", "contains", "service:shop")),
        ('"OR"', Term("text", "contains", "OR")),
        ("or", Term("text", "contains", "or")),
        ("search*", Term("text", "prefix", "search")),
        ("attr.my.key:value", Term("attr", "=", "value", "my.key")),
        ('attr."a:b c":v', Term("attr", "=", "v", "a:b c")),
        ("attr.a'b:%", Term("attr", "=", "%", "a'b")),
        ("status:error", Term("status", "=", 2)),
        ("outcome:ok", Term("outcome", "=", 1)),
        ("signal:policy_violated", Term("signal", "=", POLICY_VIOLATED)),
        ("duration:>2s", Term("duration", ">", 2 * 10**9)),
        ("duration:<=1.5ms", Term("duration", "<=", 1_500_000)),
        ("duration:>=2h", Term("duration", ">=", 7200 * 10**9)),
        ("cost:>0.01", Term("cost", ">", 10**7)),
        ("cost:0", Term("cost", "=", 0)),
        ("tokens:<2k", Term("tokens", "<", 2000)),
        ("tokens:*", Term("tokens", "any", "")),
        ("a-b", Term("text", "contains", "a-b")),
        ("-", Term("text", "contains", "-")),
        ("user:u-9", Term("user", "=", "u-9")),
        ("version:", None),
    ],
)
def test_a_filter_reads_as_written(q: str, tree: object) -> None:
    if tree is None and q.strip():
        with pytest.raises(FilterError):
            parse(q)
    else:
        assert parse(q) == tree


@pytest.mark.parametrize(
    ("q", "position", "word"),
    [
        ("a (b", 3, "never closed"),
        ("a)", 2, "never opened"),
        ("()", 2, "term is missing"),
        ("a OR", 5, "term is missing"),
        ("OR a", 1, "term is missing"),
        ("AND a", 1, "between two terms"),
        ("a AND AND b", 3, "between two terms"),
        ('a "b', 3, "never closed"),
        ("gpt*4", 4, "only at the end"),
        ('name:two"words"', 9, "in quotes"),
        ('"a"b', 4, "space"),
        ("x a:b:c", 3, "no field a"),
        ("http://x", 1, "in quotes"),
        (":b", 1, "no field"),
        ("service:", 1, "no value"),
        ("attr.:x", 1, "needs its key"),
        ('attr."k"', 9, "colon"),
        ("status:broken", 1, "unset, ok, error"),
        ("status:e*", 1, "unset, ok, error"),
        ("signal:bad", 1, "policy_violated"),
        ("duration:>2", 1, "duration:>2s"),
        ("duration:>2S", 1, "duration:>2s"),
        ("cost:>1e3", 1, "cost:>0.01"),
        ("cost:>$1", 1, "cost:>0.01"),
        ("cost:>0.0000000001", 1, "cost:>0.01"),
        ("cost:>99999999999", 1, "cost:>0.01"),
        ("tokens:>-1", 1, "tokens:>1000"),
        ("tokens:>٣", 1, "tokens:>1000"),
        ("model:>5", 1, "Comparisons"),
        ('""', 1, "no text"),
        ("*", 1, "no text"),
        ("a\x00b", 2, "remove it"),
        ("a\ud800", 2, "remove it"),
        ("-" * 7 + "a", 6, "nested deeper"),
        ("(" * 10_000, 2001, "longer than"),
        ("(" * 100, 6, "nested deeper"),
        ("a " * 21, 41, "more than 20 terms"),
        ("a" * 10_000, 2001, "longer than"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(q: str, position: int, word: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(q)
    assert caught.value.position == position
    assert word in str(caught.value)


def test_limits_hold_at_their_edge() -> None:
    assert len(terms(parse("a " * 20))) == 20
    assert parse("((((( a )))))") == A
    assert parse("x" * 2000) == Term("text", "contains", "x" * 2000)


def test_negation_moves_to_the_terms() -> None:
    tree = parse("-(a -(b OR c))")
    assert tree is not None
    assert negation_inwards(tree) == Or((Not(A), Or((B, C))))


@settings(max_examples=500, deadline=200)
@given(st.text(max_size=60) | st.text(alphabet='ab:*-()"\\ OR<>.1s', max_size=60))
def test_any_text_is_a_filter_or_refused_with_a_place_inside_it(q: str) -> None:
    try:
        parse(q)
    except FilterError as error:
        assert 1 <= error.position <= len(q) + 1
