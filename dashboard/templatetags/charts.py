"""Where is Plotly's script, and what keeps it from writing styles?"""

from typing import Any

from django import template
from django.utils.html import json_script
from django.utils.safestring import SafeString

from dashboard.plotly_script import script_address, style_ids

register = template.Library()


@register.simple_tag
def plotly_src() -> str:
    return script_address()


@register.simple_tag
def plotly_style_ids() -> tuple[str, ...]:
    return style_ids()


@register.filter
def figures(drawn: dict[str, Any]) -> SafeString:
    """What charts.js draws in the data-charts="" around it, where no address is asked for it."""
    return json_script(drawn)
