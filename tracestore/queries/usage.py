"""How many calls, tokens and dollars, and whose?"""

from dataclasses import dataclass
from typing import Literal

GroupBy = Literal["none", "model", "service", "user", "session", "tenant", "version", "version_set", "operation"]


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One group. key: None where the group's value is unknown (or group_by is none). Money: nano-USD. None = unknown.

    llm_calls: billable chat and completion calls, failed ones included and counted again in llm_errors; tokens are
    theirs (and those of agent spans without a call below). tool_calls: executions, each once.
    """

    key: str | None
    traces: int
    spans: int
    error_spans: int
    llm_calls: int
    llm_errors: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    reasoning_tokens: int | None
    embedding_calls: int
    embedding_tokens: int | None
    cost_nanousd: int | None
    unpriced_calls: int
    tool_calls: int
    tool_errors: int
