"""How do colours and texts stand in a figure? Colours as tokens, texts inert; pure."""

import html

from dashboard.templatetags.units import visible_text


def token(name: str, opacity: float = 1) -> str:
    """A colour by its CSS token; charts.js reads its value."""
    return f"var(--{name})" if opacity == 1 else f"var(--{name})/{opacity}"


def plain(text: str) -> str:
    """Text for Plotly, inert: no tag, no entity, no template, hidden characters by their code point."""
    return html.escape(visible_text(text), quote=False).replace("%{", "%&#123;")
