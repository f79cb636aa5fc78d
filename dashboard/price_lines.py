"""How is a span's cost made up: every factor with its quantity and price? Pure."""

from dataclasses import dataclass
from typing import Any

from dashboard.conversation import field
from dashboard.templatetags.units import in_money
from tracestore.queries.span_detail import SpanDetail


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """quantity times rate is cost. rate: "$2.50 / M" for tokens, "$0.01 each" for requests."""

    name: str
    quantity: int | None
    rate: str
    cost: str


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """reported: what the emitter said, "" when it said nothing. source: whose prices these are."""

    lines: list[ReceiptLine]
    total: str
    reported: str
    source: str


def receipt_view(detail: SpanDetail) -> ReceiptView | None:
    """None: the span has no computed cost."""
    receipt = detail.price_receipt
    if receipt is None:
        return None
    reported = detail.span.reported_cost_nanousd
    return ReceiptView(
        lines=[line_view(one) for one in field(receipt, "lines") or []],
        total=in_full(field(receipt, "cost_nanousd")),
        reported=in_full(reported) if reported is not None else "",
        source=str(field(receipt, "source") or ""),
    )


def line_view(line: Any) -> ReceiptLine:
    return ReceiptLine(
        name=str(field(line, "name")),
        quantity=field(line, "quantity"),
        rate=rate_text(field(line, "rate_nanousd"), str(field(line, "unit") or "")),
        cost=in_full(field(line, "cost_nanousd")),
    )


def rate_text(nanousd: int | None, unit: str) -> str:
    if nanousd is None:
        return ""
    return f"{in_money(nanousd)} {'each' if unit == 'request' else '/ M'}"


def in_full(nanousd: int | None) -> str:
    """All digits that count: a receipt must add up."""
    if nanousd is None:
        return ""
    return f"${nanousd / 1_000_000_000:.9f}".rstrip("0").rstrip(".") if nanousd else "$0"
