"""What can the index of words answer of a filter? Pure rewriting of trees with Not above terms only."""

from tracestore.analysis.filters import And, Node, Not, Or, Term
from tracestore.analysis.words import Wanted, wanted


def sought_by(term: Term) -> Wanted:
    """The words of a free-text term."""
    return wanted(str(term.value), term.op == "prefix")


def loosened(node: Node) -> Node | None:
    """What the index can rule out: a phrase must have its words; that it is not there says nothing. None = anything matches."""
    if isinstance(node, Not):
        term = node.child
        assert isinstance(term, Term)
        return None if term.field == "text" and sought_by(term).is_phrase else node
    if isinstance(node, Term):
        return node
    children = [loosened(child) for child in node.children]
    known = tuple(child for child in children if child is not None)
    if isinstance(node, Or):
        return Or(known) if len(known) == len(children) else None
    return And(known) if known else None


def folded(node: Node) -> Node:
    """Free-text terms that stand together become one question to the index (op "tsquery"): it unites and intersects by itself.

    Only where a trace without a row in the index cannot match, so that the meaning stays.
    """
    query = _tsquery(node)
    if query is not None:
        return Term("text", "tsquery", query)
    if isinstance(node, Or):
        return Or(tuple(map(folded, node.children)))
    if not isinstance(node, And):
        return node
    needed = [query for child in node.children if (query := _tsquery(child)) is not None]
    ruled_out = [query for child in node.children if (query := _negated(child)) is not None] if needed else []
    others = [folded(c) for c in node.children if _tsquery(c) is None and not (ruled_out and _negated(c) is not None)]
    if not needed:
        return And(tuple(others))
    return And((Term("text", "tsquery", " & ".join(needed + ruled_out)), *others))


def _tsquery(node: Node) -> str | None:
    """The question of a subtree that only traces with a row can match; None where there is none."""
    if isinstance(node, Term):
        sought = sought_by(node) if node.field == "text" else Wanted(())
        return f"({sought.tsquery()})" if sought.words and not _may_be_id(node) else None
    if isinstance(node, Not):
        return None
    parts = [_tsquery(child) for child in node.children]
    if isinstance(node, Or):
        known = [part for part in parts if part is not None]
        return f"({' | '.join(known)})" if len(known) == len(parts) else None
    needed = [part for part in parts if part is not None]
    ruled_out = [part for child in node.children if (part := _negated(child)) is not None]
    if not needed or len(needed) + len(ruled_out) < len(parts):
        return None
    return f"({' & '.join(needed + ruled_out)})"


def _negated(node: Node) -> str | None:
    query = _tsquery(node.child) if isinstance(node, Not) else None
    return None if query is None else f"!{query}"


def _may_be_id(term: Term) -> bool:
    """A trace's own id matches as free text, too."""
    return len(str(term.value).replace("-", "")) == 32
