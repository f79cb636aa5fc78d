"""What can be wrong with a release, and in which of the four lines does it show? Each fault shows in one of them."""

from dataclasses import dataclass
from typing import Literal

Line = Literal["quality", "latency", "cost", "risk"]


@dataclass(frozen=True, slots=True)
class Fault:
    """line: where it shows. story: what a colleague would write into the postmortem."""

    name: str
    line: Line
    story: str


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("broken_tools", "quality", "tools were called with a field that the booking system no longer knows"),
        Fault("cache_broken", "cost", "the time of day at the head of the prompt: no prefix is ever in the cache"),
        Fault("far_region", "latency", "models were called across an ocean, through a queue that was too small"),
        Fault("no_approval", "risk", "refunds and cancellations ran without approval, above the tier, some of them twice"),
        Fault("stale_index", "quality", "the index of this release lacks most documents; answers are not grounded"),
        Fault("retry_storm", "latency", "a limit of requests per second was removed: rate limited, tried again, late"),
        Fault("unasked_commands", "risk", "shell commands ran without the approval that they need"),
    )
}  # fmt: skip
