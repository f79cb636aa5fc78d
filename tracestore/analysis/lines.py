"""The four lines and the golden signals: their members by name, and what pages and API do with them.

A member is declared in line_members.py, its forms in line_forms.py; numbers come from line_estimates.py and differences.py.
"""

from bisect import bisect_left
from typing import Final

from tracestore.analysis import line_members
from tracestore.analysis.differences import Difference as Difference
from tracestore.analysis.differences import compare as compare
from tracestore.analysis.line_estimates import UNKNOWN as UNKNOWN
from tracestore.analysis.line_estimates import Estimate as Estimate
from tracestore.analysis.line_estimates import estimate as estimate
from tracestore.analysis.line_forms import Line
from tracestore.analysis.line_forms import Member as Member

_ALL: Final = (
    *line_members.QUALITY,
    *line_members.LATENCY,
    *line_members.COSTS,
    *line_members.RISKS,
    *line_members.SIGNALS,
)
MEMBERS: Final[dict[str, Member]] = {one.name: one for one in _ALL}
LINES: Final[tuple[Line, ...]] = ("quality", "latency", "cost", "risk", "signals")
MAX_POINTS: Final = 2_000

_STEPS_S: Final = {"15m": 60, "1h": 60, "6h": 300, "24h": 900, "7d": 7_200, "30d": 21_600, "90d": 86_400}
_LADDER_S: Final = (60, 300, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)
_POINTS: Final = 120  # about what a chart shows


def members_of(line: Line) -> list[Member]:
    return [one for one in MEMBERS.values() if one.line == line]


def step_s_of(range_name: str | None, length_s: int = 0) -> int:
    """Seconds of a step of a range by its name ("24h"), or, where it has none, by its length: at most 120 steps, or days."""
    if range_name in _STEPS_S:
        return _STEPS_S[range_name]
    at = bisect_left(_LADDER_S, length_s / _POINTS)
    return _LADDER_S[min(at, len(_LADDER_S) - 1)]
