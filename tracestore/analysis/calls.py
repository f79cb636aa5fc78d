"""Which spans are one model call, and which one of them is billed? The binding rule of twins, pure and without order.

Candidates are spans of operation chat, completion, embedding and rerank. Two of them are twins when
(a) they carry the same response id and their time intervals overlap, in whatever traces of the project they lie, or
(b) one is an ancestor of the other, their canonical model is the same, and their token counts are equal or those of one
    side are absent (a failed call below an ancestor with usage stays a call: an attempt that was retried). A span that
    names neither model nor tokens contradicts nobody.
An ancestor without usage never joins its descendants to one another: a wrapper around two calls leaves two calls.
Of a twin group one span is billable: with usage first, then the leaf, then the smallest span id (unsigned).
Usage on agent, workflow and task spans counts, without a call, where neither a candidate nor such a span lies below it
and no candidate above it says the same (Logfire writes what a streamed call used into a log record below the call).
"""

from collections.abc import Iterable, Sequence

import msgspec

from tracestore.analysis.ancestry import Ancestry, Key, distinct
from tracestore.analysis.model_names import canonical_model

CANDIDATES = frozenset({"chat", "completion", "embedding", "rerank"})
WRAPPERS = frozenset({"agent", "workflow", "task"})
_U64 = 1 << 64
_ANY_USAGE = ("usage of any model",)

Tokens = tuple[int | None, int | None]


class CallSpan(msgspec.Struct, frozen=True, gc=False):
    """What the rule needs of a span. model: response model, else request model, as stored. status: 2 = error."""

    trace_id: bytes
    span_id: int
    parent_span_id: int | None
    operation: str
    start_ns: int
    end_ns: int
    status: int = 0
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    response_id: str | None = None

    @property
    def key(self) -> Key:
        return (self.trace_id, self.span_id)

    @property
    def tokens(self) -> Tokens:
        return (self.input_tokens, self.output_tokens)

    @property
    def has_usage(self) -> bool:
        return self.input_tokens is not None or self.output_tokens is not None


class CallDecision(msgspec.Struct, frozen=True, gc=False):
    """call: a candidate (False: only usage of an agent, workflow or task span). duplicate_of: the billable twin.

    group: the keys of all twins of this span, itself included, sorted; one element when it has none.
    """

    call: bool
    billable: bool
    duplicate_of: Key | None
    group: tuple[Key, ...]


def decide(spans: Sequence[CallSpan], tree: Ancestry[CallSpan] | None = None) -> dict[Key, CallDecision]:
    """A decision for every candidate, and for every wrapper span whose own usage counts. O(n log n), any order.

    spans: all spans of the traces to settle, and, of other traces of the project, at least the candidates that share a
    response id with one of them (with their ancestors where rule (b) is to be right for those traces too). A missing
    parent makes a root; cycles are cut. Of a span that is given twice one is used.
    tree: of the same spans, each once, where the caller has built it already.
    """
    tree = tree or Ancestry(distinct(spans, _order))
    candidates = [span for span in tree.preorder if span.operation in CANDIDATES]
    groups = _Groups(span.key for span in candidates)
    shadows = _join_ancestors(tree, groups)
    _join_responses(candidates, groups)
    decisions = _bill(candidates, groups, shadows, tree)
    decisions.update(_wrapper_usage(tree))
    return decisions


def _is_candidate(span: CallSpan) -> bool:
    return span.operation in CANDIDATES


def _counts_usage(span: CallSpan) -> bool:
    return span.operation in WRAPPERS and span.has_usage


def _order(span: CallSpan) -> tuple[object, ...]:
    """A total order; of two records of one span whatever differs last decides, so that the order given never does."""
    tokens = (span.input_tokens or -1, span.output_tokens or -1, span.status)
    names = (span.operation, span.model or "", span.response_id or "", span.parent_span_id or 0)
    return (span.start_ns, span.end_ns, span.span_id % _U64, span.trace_id, *tokens, *names)


class _Groups:
    """Union-find over keys."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._parent = {key: key for key in keys}

    def find(self, key: Key) -> Key:
        root = key
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[key] != root:
            self._parent[key], key = root, self._parent[key]
        return root

    def join(self, one: Key, other: Key) -> None:
        self._parent[self.find(one)] = self.find(other)


def _join_ancestors(tree: Ancestry[CallSpan], groups: _Groups) -> dict[Key, list[Key]]:
    """Rule (b). Joins twins; returns the ancestors without usage that have twins below, with those twins.

    Walks the tree once, keeping for the path from the root the nearest candidate of each model and of each (model,
    tokens); what a span hides of its ancestors is put back when the walk leaves its subtree.
    """
    shadows: dict[Key, list[Key]] = {}
    nearest: dict[object, CallSpan] = {}
    undo: list[tuple[int, object, CallSpan | None]] = []
    for span in _with_nested_candidates(tree):
        depth = tree.depth[span.key]
        while undo and undo[-1][0] >= depth:
            _, name, hidden = undo.pop()
            if hidden is None:
                del nearest[name]
            else:
                nearest[name] = hidden
        if span.operation not in CANDIDATES:
            continue
        model = canonical_model(span.model)
        _join_span(span, model, nearest, groups, shadows)
        names = [(model, span.tokens), ("usage", model), _ANY_USAGE] if span.has_usage else [(model, span.tokens)]
        for name in names:
            undo.append((depth, name, nearest.get(name)))
            nearest[name] = span
    return shadows


def _with_nested_candidates(tree: Ancestry[CallSpan]) -> list[CallSpan]:
    """The spans, in preorder, of those trees in which some candidate lies below another; mostly there are none."""
    below: set[Key] = set()  # of a candidate
    found: list[CallSpan] = []
    began, nested = 0, False
    preorder, parent_of, spans = tree.preorder, tree.parent.get, tree.spans
    for place, span in enumerate(preorder):
        parent = parent_of(span.key)
        if parent is None:
            if nested:
                found += preorder[began:place]
            began, nested = place, False
        elif parent in below or spans[parent].operation in CANDIDATES:
            below.add(span.key)
            nested = nested or span.operation in CANDIDATES
    return found + preorder[began:] if nested else found


def _join_span(
    span: CallSpan,
    model: str | None,
    nearest: dict[object, CallSpan],
    groups: _Groups,
    shadows: dict[Key, list[Key]],
) -> None:
    for known in {model, None}:
        silent = nearest.get((known, (None, None)))
        if silent is not None:
            shadows.setdefault(silent.key, []).append(span.key)
    if span.has_usage:
        equal = nearest.get((model, span.tokens))
        if equal is not None:
            groups.join(span.key, equal.key)
    elif span.status != 2:
        told = nearest.get(_ANY_USAGE if model is None else ("usage", model))
        if told is not None:
            groups.join(span.key, told.key)


def _join_responses(candidates: list[CallSpan], groups: _Groups) -> None:
    """Rule (a): the same response id and overlapping intervals."""
    answered = sorted(
        (span for span in candidates if span.response_id), key=lambda s: (s.response_id or "", *_order(s))
    )
    reach: CallSpan | None = None  # of the run of one response id: the span that ends last
    for span in answered:
        if reach is not None and reach.response_id == span.response_id and span.start_ns <= reach.end_ns:
            groups.join(span.key, reach.key)
        if reach is None or reach.response_id != span.response_id or span.end_ns > reach.end_ns:
            reach = span


def _bill(
    candidates: list[CallSpan], groups: _Groups, shadows: dict[Key, list[Key]], tree: Ancestry[CallSpan]
) -> dict[Key, CallDecision]:
    leaders = _leaders(candidates, groups, shadows, tree)
    members: dict[Key, list[Key]] = {}
    for span in candidates:
        members.setdefault(leaders[span.key], []).append(span.key)
    decisions: dict[Key, CallDecision] = {}
    twins = any(len(keys) > 1 for keys in members.values())
    has_call_below = tree.above(_is_candidate) if twins else set()
    for keys in members.values():
        if len(keys) == 1:
            decisions[keys[0]] = CallDecision(True, True, None, (keys[0],))
            continue
        first = min(keys, key=lambda key: _rank(tree.spans[key], key in has_call_below))
        group = tuple(sorted(keys))
        for key in keys:
            decisions[key] = CallDecision(True, key == first, None if key == first else first, group)
    return decisions


def _leaders(
    candidates: list[CallSpan], groups: _Groups, shadows: dict[Key, list[Key]], tree: Ancestry[CallSpan]
) -> dict[Key, Key]:
    """The group of each candidate; an ancestor without usage belongs to the group of its first twin below.

    Deepest first, so that a chain of such ancestors ends at the call itself.
    """
    leaders: dict[Key, Key] = {}
    for span in reversed(candidates):
        below = [key for key in shadows.get(span.key, ()) if groups.find(key) != groups.find(span.key)]
        if below:
            first = min(below, key=lambda key: _order(tree.spans[key]))
            groups.join(span.key, first)
    for span in candidates:
        leaders[span.key] = groups.find(span.key)
    return leaders


def _rank(span: CallSpan, has_call_below: bool) -> tuple[bool, bool, int, bytes]:
    return (not span.has_usage, has_call_below, span.span_id % _U64, span.trace_id)


def _wrapper_usage(tree: Ancestry[CallSpan]) -> dict[Key, CallDecision]:
    counting = [span for span in tree.preorder if _counts_usage(span)]
    if not counting:
        return {}
    covered = tree.above(_is_candidate) | tree.above(_counts_usage)
    return {
        span.key: CallDecision(False, True, None, (span.key,))
        for span in counting
        if span.key not in covered and not _restates(span, tree)
    }


def _restates(span: CallSpan, tree: Ancestry[CallSpan]) -> bool:
    """Whether a candidate above has the same tokens."""
    above = tree.parent.get(span.key)
    while above is not None:
        other = tree.spans[above]
        if other.operation in CANDIDATES and other.tokens == span.tokens:
            return True
        above = tree.parent.get(above)
    return False
