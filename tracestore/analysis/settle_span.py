"""What does settling read of a span? The record that the rules of calls, tools and identity are asked about."""

from hashlib import blake2b

import msgspec

from tracestore.analysis.ancestry import Key
from tracestore.records import CLOCK_SUSPECT, TOOL_EXECUTION

DAY_NS = 86_400_000_000_000
FUTURE_NS = 600_000_000_000


class SettleSpan(msgspec.Struct, gc=False, frozen=True):
    """What settling reads of a span, in the order of the statement. Has what the rules of calls, tools, identity ask for.

    day: the storage day, days since 1970. model: response model, else request model. cost: computed, else reported.
    """

    trace_id: bytes
    span_id: int
    parent_span_id: int | None
    day: int
    start_ns: int
    end_ns: int
    received_ns: int
    attribute_count: int
    record_hash: int
    block_id: int
    block_index: int
    version_part_id: int | None
    cost_computed: int | None
    cost_reported: int | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    reasoning_tokens: int | None
    ttft_ns: int | None
    retry_count: int | None
    flags: int
    status: int
    name: str
    operation: str
    service: str
    service_version: str | None
    environment: str | None
    provider: str | None
    model: str | None
    tool_name: str | None
    tool_call_id: str | None
    session_id: str | None
    user_id: str | None
    tenant_id: str | None
    error_type: str | None
    prompt_name: str | None
    prompt_version: str | None
    response_id: str | None
    signals: int  # bits of tracestore.analysis.signals; 0 = it says nothing
    queue_ns: int | None
    token_budget: int | None
    effect_key: int | None
    key: Key

    @property
    def tokens(self) -> tuple[int | None, int | None]:
        return (self.input_tokens, self.output_tokens)

    @property
    def has_usage(self) -> bool:
        return self.input_tokens is not None or self.output_tokens is not None

    @property
    def executes(self) -> bool:
        return bool(self.flags & TOOL_EXECUTION)

    @property
    def merge_order(self) -> tuple[int, int, int]:
        return (self.end_ns, self.attribute_count, self.record_hash)

    @property
    def cost_nanousd(self) -> int | None:
        return self.cost_reported if self.cost_computed is None else self.cost_computed

    @property
    def plausible_end_ns(self) -> int:
        """When the span counts as ended: its end, or its receipt where that cannot be."""
        if self.flags & CLOCK_SUSPECT or not self.start_ns - DAY_NS <= self.end_ns <= self.received_ns + FUTURE_NS:
            return self.received_ns
        return self.end_ns


def response_key(response_id: str) -> int:
    """A response id as a number that is small to index."""
    return int.from_bytes(blake2b(response_id.encode(), digest_size=8).digest(), "big", signed=True)
