"""How is a span's cost made up: every factor with its quantity and price? Pure."""

from dataclasses import dataclass

from dashboard.templatetags.units import in_money
from tracestore.analysis.pricing import Line, Receipt
from tracestore.queries.span_detail import SpanDetail


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """quantity times rate is cost. rate: "$2.50 / M" for tokens, "$0.01 each" for requests."""

    name: str
    quantity: int
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
    receipt: Receipt | None = detail.price_receipt
    if receipt is None:
        return None
    reported = detail.span.reported_cost_nanousd
    return ReceiptView(
        lines=[line_view(one) for one in receipt.lines],
        total=in_full(receipt.total_nanousd),
        reported=in_full(reported) if reported is not None else "",
        source=f"Price of {receipt.model}: {receipt.source}",
    )


def line_view(line: Line) -> ReceiptLine:
    return ReceiptLine(
        name=line.name.replace("_", " "),
        quantity=line.units,
        rate=f"{in_money(line.rate_nanousd)} {'/ M' if line.per_million else 'each'}",
        cost=in_full(line.amount_nanousd),
    )


def in_full(nanousd: int) -> str:
    """All digits that count: a receipt must add up."""
    return f"${nanousd / 1_000_000_000:.9f}".rstrip("0").rstrip(".") if nanousd else "$0"
