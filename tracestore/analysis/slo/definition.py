"""What does an objective count, over which period, and by which rules? The same of one that is kept and of a draft."""

from datetime import date
from decimal import Decimal
from typing import Any

from tracestore.analysis.slo.indicator import Indicator, parse_indicator
from tracestore.analysis.slo.periods import Period, period_of
from tracestore.analysis.slo.rules import Rule, own_rules, rules_for


class Definition:
    """Of the fields that a dataclass of an objective has; see tracestore.models.slo.Objective for what they mean."""

    __slots__ = ()

    unit: str
    total_q: str
    part_q: str
    part: str
    target: Decimal
    period_days: int | None
    calendar_unit: str
    calendar_count: int
    calendar_first: date | None
    time_zone: str
    rules: list[dict[str, Any]] | None

    def indicator(self) -> Indicator:
        """Raises FilterError."""
        return parse_indicator(self.unit, self.total_q, self.part_q, self.part)

    def period(self) -> Period:
        return period_of(self.period_days, self.calendar_unit, self.calendar_count, self.calendar_first, self.time_zone)

    def rules_over(self, period_s: int) -> list[Rule]:
        """Its own rules, else the default ones for its target and a period of this length. Raises ValueError for a draft that
        has errors.
        """
        if self.rules is not None:
            return own_rules(self.rules, period_s)
        return rules_for(float(self.target), period_s)
