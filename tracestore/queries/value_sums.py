"""What makes up a range? Sums of each value of one dimension, the largest apart and the rest together."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from tracestore.analysis.cover import NS
from tracestore.analysis.filters import FilterTooWide, Node
from tracestore.analysis.histogram import merge, pack, unpack
from tracestore.facts import CALLS, DAY_S, OTHER, REQUESTS, TOOLS, Rollup
from tracestore.queries.rollups import ROWS_DAYS, Sums, find_sums
from tracestore.queries.usage import UsageRow, usage

MOST: Final = 100
# Which fact fits, and the dimensions of it whose values are the key.
BREAKDOWNS: Final[dict[str, tuple[Rollup, tuple[str, ...]]]] = {
    "model": (CALLS, ("model",)),
    "prompt": (CALLS, ("prompt_name", "prompt_version")),
    "tool": (TOOLS, ("tool",)),
    **{name: (REQUESTS, (name,)) for name in ("service", "environment", "operation", "version_set", "service_version")},
    **{name: (REQUESTS, (name,)) for name in ("user", "tenant")},
}


def find_breakdown(
    project_id: int,
    start_ns: int,
    end_ns: int,
    by: str,
    filter: Node | None = None,
    only: Collection[str] | None = None,
    most: int = MOST,
) -> list[Sums]:
    """Sums of what ended in [start_ns, end_ns) by the values of one of BREAKDOWNS, largest first, then by name.

    Of more than `most` values the rest is the last row, OTHER. prompt: name and version. user and tenant: rows of at most
    ROWS_DAYS; past that, and without a filter, what usage keeps: the measures that both know, without histograms, the
    first thousand of each day apart. Raises as find_sums does.
    """
    rollup, dimensions = BREAKDOWNS[by]
    if by in ("user", "tenant") and end_ns - start_ns > ROWS_DAYS * DAY_S * NS:
        if filter is not None:
            raise FilterTooWide(f"Under a filter sums by {by} are read row by row: choose at most {ROWS_DAYS} days")
        found = [_of_usage(row) for row in usage(project_id, start_ns, end_ns, by, limit=100_000) if row.traces]
    else:
        found = find_sums(rollup, project_id, start_ns, end_ns, by=dimensions, filter=filter, only=only)
    return largest(found, rollup.weight, most)


def _of_usage(row: UsageRow) -> Sums:
    return Sums(
        start_s=0,
        key=[row.key],
        measures={
            "requests": row.traces,
            "spans": row.spans,
            "error_spans": row.error_spans,
            "llm_calls": row.llm_calls,
            "llm_errors": row.llm_errors,
            "embedding_calls": row.embedding_calls,
            "tool_calls": row.tool_calls,
            "tool_errors": row.tool_errors,
            "input_tokens": row.input_tokens,
            "output_tokens": row.output_tokens,
            "cache_read_tokens": row.cache_read_tokens,
            "cache_creation_tokens": row.cache_creation_tokens,
            "reasoning_tokens": row.reasoning_tokens,
            "embedding_tokens": row.embedding_tokens,
            "cost_nanousd": row.cost_nanousd,
            "unpriced_calls": row.unpriced_calls,
        },
        histograms={},
    )


def largest(found: Iterable[Sums], weight: str, most: int) -> list[Sums]:
    """The `most` heaviest of one step, by weight, then by name; the others, and what was OTHER already, as one row."""
    ranked = sorted(found, key=lambda one: (-(one.measures[weight] or 0), [value or "" for value in one.key]))
    apart = [one for one in ranked if OTHER not in one.key]
    rest = apart[most:] + [one for one in ranked if OTHER in one.key]
    return apart[:most] + ([summed_up(rest, [OTHER] * len(rest[0].key))] if rest else [])


def summed_up(found: Sequence[Sums], key: list[str | None]) -> Sums:
    """Several groups as one, in the first one's step: so one statement answers for each value and for all of them."""
    histograms = {
        name: pack(merge(unpack(one.histograms[name]) for one in found)) or None for name in found[0].histograms
    }
    measures = {name: _known_sum(one.measures[name] for one in found) for name in found[0].measures}
    return Sums(found[0].start_s, key, measures, histograms)


def _known_sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
