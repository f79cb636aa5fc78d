"""The filter language q: what does a filter mean?

    service:airline-agent model:gpt-4o* -status:error (tool:search OR tool:"web search") duration:>2s "free text"

Terms side by side mean AND and bind tighter than OR; `-` negates what follows; `*` stands only at the end; everything is
case-sensitive; a comparison with an unknown value is false. `parse` gives a tree; tracestore.queries.filters turns the
tree into SQL.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NoReturn

from tracestore.analysis import signals
from tracestore.analysis.filter_words import FilterError, FilterTooWide, Token, tokens

__all__ = ["And", "FilterError", "FilterTooWide", "Node", "Not", "Or", "Term", "negation_inwards", "parse", "terms"]

MAX_LENGTH = 2000
MAX_TERMS = 20
MAX_DEPTH = 5

TEXT_FIELDS = (
    *("service", "environment", "version", "operation", "model", "provider", "tool", "agent"),
    *("session", "user", "tenant", "name", "error", "prompt"),
)
NUMBER_FIELDS = ("duration", "cost", "tokens")
STATUSES = {"unset": 0, "ok": 1, "error": 2}
# Fields whose values are words of ours, and the number that each stands for.
WORD_FIELDS = {"status": STATUSES, "outcome": STATUSES, "signal": signals.WORDS}

Op = Literal["=", "prefix", "any", "contains", "tsquery", ">", ">=", "<", "<="]

_UNIT_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
_TOKEN_UNITS = {"": 1, "k": 10**3, "M": 10**6}
_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,12})?)([a-zA-Zµ]*)", re.ASCII)
_COMPARISON = re.compile(r"(>=|<=|>|<)?(.*)", re.DOTALL)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MAX_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. field: a name of TEXT_FIELDS, NUMBER_FIELDS or WORD_FIELDS, "attr" (with key) or "text".

    op: "=" and the comparisons; "prefix": begins with value; "any": is known; "contains": free text
    ("prefix" where a star ended it). "tsquery": free text as the index of words takes it (analysis.text_terms), never parsed.
    value: text; for WORD_FIELDS the word's number; for duration ns, for cost nano-USD, for tokens a count.
    """

    field: str
    op: Op
    value: str | int
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Not:
    child: "Node"


@dataclass(frozen=True, slots=True)
class And:
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    children: tuple["Node", ...]


Node = Term | Not | And | Or


def parse(q: str) -> Node | None:
    """The tree of a filter, None when it says nothing (empty or blank).

    Raises FilterError: unreadable, longer than MAX_LENGTH, more than MAX_TERMS terms, nested deeper than MAX_DEPTH.
    """
    if len(q) > MAX_LENGTH:
        raise FilterError(f"The filter is longer than {MAX_LENGTH} characters; make it shorter", MAX_LENGTH + 1)
    if found := _UNSTORABLE.search(q):
        raise FilterError("The filter holds a character that no stored text can hold; remove it", found.start() + 1)
    if not q.strip():
        return None
    parser = _Parser(tokens(q), len(q))
    node = parser.alternatives(0)
    parser.expect_end()
    return node


def terms(node: Node | None) -> list[Term]:
    """All terms of a tree, left to right."""
    if node is None:
        return []
    if isinstance(node, Term):
        return [node]
    if isinstance(node, Not):
        return terms(node.child)
    return [term for child in node.children for term in terms(child)]


def negation_inwards(node: Node, negated: bool = False) -> Node:
    """The same meaning with Not directly above terms only (De Morgan), so that a term alone decides what unknown is."""
    if isinstance(node, Term):
        return Not(node) if negated else node
    if isinstance(node, Not):
        return negation_inwards(node.child, not negated)
    children = tuple(negation_inwards(child, negated) for child in node.children)
    return Or(children) if isinstance(node, And) == negated else And(children)


def with_only(node: Node | None, term: Term) -> Node:
    """The filter with this term in place of all that it says of the term's field beside its other terms."""
    beside = node.children if isinstance(node, And) else () if node is None else (node,)
    kept = tuple(one for one in beside if {other.field for other in terms(one)} != {term.field})
    return And((*kept, term)) if kept else term


def free_text(node: Node | None) -> list[Term]:
    return [term for term in terms(node) if term.field == "text"]


class _Parser:
    """Recursive descent over the tokens: alternatives := all ("OR" all)*, all := one+, one := "-" one | "(" ... | term."""

    def __init__(self, tokens: list[Token], length: int) -> None:
        self.tokens = tokens
        self.at = 0
        self.terms = 0
        self.end = length + 1

    def alternatives(self, depth: int) -> Node:
        children = [self._all(depth)]
        while self._kind() == "OR":
            self.at += 1
            children.append(self._all(depth))
        return children[0] if len(children) == 1 else Or(tuple(children))

    def expect_end(self) -> None:
        if self._kind() is not None:
            self._fail("A parenthesis is closed that was never opened")

    def _all(self, depth: int) -> Node:
        children: list[Node] = []
        while self._kind() not in (None, "OR", ")"):
            if self._kind() == "AND":
                self._skip_and(bool(children))
                continue
            children.append(self._one(depth))
        if not children:
            self._fail("A term is missing here; write one, or remove OR or the parentheses around it")
        return children[0] if len(children) == 1 else And(tuple(children))

    def _skip_and(self, after_term: bool) -> None:
        self.at += 1
        if not after_term or self._kind() in (None, "OR", "AND", ")"):
            self._fail('AND stands between two terms; put it in quotes to search the word: "AND"', self.at - 1)

    def _one(self, depth: int) -> Node:
        kind = self._kind()
        if kind in ("-", "(") and depth >= MAX_DEPTH:
            self._fail(f"The filter is nested deeper than {MAX_DEPTH} levels; write it flatter")
        if kind == "-":
            self.at += 1
            if self._kind() not in ("-", "(", "word"):
                self._fail("`-` must stand directly before what it negates")
            return Not(self._one(depth + 1))
        if kind == "(":
            return self._group(depth)
        return self._term()

    def _group(self, depth: int) -> Node:
        opened = self.at
        self.at += 1
        node = self.alternatives(depth + 1)
        if self._kind() != ")":
            self._fail("A parenthesis is opened and never closed", opened)
        self.at += 1
        return node

    def _term(self) -> Term:
        token = self.tokens[self.at]
        self.at += 1
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise FilterError(f"The filter has more than {MAX_TERMS} terms; use fewer", token.position)
        return _term(token)

    def _kind(self) -> str | None:
        return self.tokens[self.at].kind if self.at < len(self.tokens) else None

    def _fail(self, message: str, at: int | None = None) -> NoReturn:
        place = self.at if at is None else at
        raise FilterError(message, self.tokens[place].position if place < len(self.tokens) else self.end)


def _term(token: Token) -> Term:
    if token.field is None:
        return _free_text(token)
    if token.field in NUMBER_FIELDS:
        return _number_term(token)
    if token.field in WORD_FIELDS:
        return _word_term(token)
    if token.field in TEXT_FIELDS or token.field == "attr":
        return _text_term(token)
    known = " ".join([*TEXT_FIELDS, *WORD_FIELDS, *NUMBER_FIELDS, "attr.KEY"])
    shown = token.field[:40] or "(empty)"
    raise FilterError(
        f"There is no field {shown}; the fields are {known}. Put text that holds a colon in quotes", token.position
    )


def _free_text(token: Token) -> Term:
    if not token.value:
        raise FilterError("There is no text to search for; write some, or remove the quotes or `*`", token.position)
    return Term("text", "prefix" if token.star else "contains", token.value)


def _text_term(token: Token) -> Term:
    if token.field == "attr" and not token.key:
        raise FilterError("An attribute needs its key: attr.my.key:value", token.position)
    if not token.value and not token.quoted and not token.star:
        raise FilterError(f"{token.field}: has no value; write one, or * for any", token.position)
    if not token.quoted and token.value[:1] in ("<", ">"):
        raise FilterError(
            f"Comparisons work on {', '.join(NUMBER_FIELDS)} only; put the value in quotes to mean the character",
            token.position,
        )
    if not token.star:
        return Term(str(token.field), "=", token.value, token.key)
    return Term(str(token.field), "prefix" if token.value else "any", token.value, token.key)


def _word_term(token: Token) -> Term:
    words = WORD_FIELDS[str(token.field)]
    if token.star or token.value not in words:
        raise FilterError(f"{token.field}: is one of {', '.join(words)}", token.position)
    return Term(str(token.field), "=", words[token.value])


def _number_term(token: Token) -> Term:
    field = str(token.field)
    if token.star and not token.value:
        return Term(field, "any", "")
    found = _COMPARISON.fullmatch(token.value)
    assert found is not None
    op, text = found.group(1) or "=", found.group(2)
    number = None if token.star or token.quoted else _number(field, text)
    if number is None:
        raise FilterError(f"{field}: needs a number such as {_EXAMPLES[field]}", token.position)
    return Term(field, op, number)  # type: ignore[arg-type]  # the pattern allows nothing but comparisons


_EXAMPLES = {"duration": "duration:>2s or duration:<=500ms", "cost": "cost:>0.01 (in USD)", "tokens": "tokens:>1000"}


def _number(field: str, text: str) -> int | None:
    """The whole ns, nano-USD or tokens that a text means, None when it means none."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    scale = _scale(field, found.group(2))
    if scale is None:
        return None
    scaled = Decimal(found.group(1)) * scale
    return int(scaled) if scaled == int(scaled) and scaled <= _MAX_INT64 else None


def _scale(field: str, unit: str) -> int | None:
    if field == "duration":
        return _UNIT_NS.get(unit)
    if field == "tokens":
        return _TOKEN_UNITS.get(unit)
    return 10**9 if unit == "" else None
