"""What was sent, what was kept, what was refused, and why?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One signal. sent == accepted + deduplicated + sum(rejected.values()); requests_rejected lies outside sent."""

    signal: str
    sent: int
    accepted: int
    deduplicated: int
    rejected: dict[str, int]
    requests_rejected: dict[str, int]
    last_received_ns: int | None


@dataclass(frozen=True, slots=True)
class LedgerMinute:
    """The same per signal and step, for the chart of the ingest page. start_ns is the step's beginning."""

    signal: str
    start_ns: int
    sent: int
    accepted: int
    deduplicated: int
    rejected: int
