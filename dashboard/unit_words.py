"""How does a value of a line read, by its unit?"""

from dashboard.templatetags.units import DASH, in_money, in_percent, in_thousands, in_time, three_digits

UNITS = ("ratio", "ns", "nanousd", "nanousd_per_h", "tokens", "count", "per_min")


def in_unit(value: float | None, unit: str) -> str:
    """98.2 %, 8.1 s, $0.034, 41.2 k, 12.0 /min; a dash for None."""
    if value is None:
        return DASH
    if unit == "ratio":
        return in_percent(value)
    if unit == "ns":
        return in_time(round(value))
    if unit == "nanousd":
        return in_money(round(value))
    if unit == "nanousd_per_h":
        return f"{in_money(round(value))}/h"
    words = in_thousands(round(value)) if value == round(value) or value >= 1_000 else three_digits(value)
    return f"{words}/min" if unit == "per_min" else words


def in_difference(value: float, unit: str) -> str:
    """A signed difference: +3.1 pp, −0.8 s, +$0.012."""
    sign = "+" if value > 0 else "−" if value < 0 else "±"
    if unit == "ratio":
        return f"{sign}{abs(value) * 100:.1f} pp" if abs(value) >= 0.0005 else f"{sign}{abs(value) * 100:.2f} pp"
    return f"{sign}{in_unit(abs(value), unit)}"
