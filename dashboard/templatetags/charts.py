"""Where is Plotly's script, and what keeps it from writing styles?"""

from django import template

from dashboard.plotly_script import script_address, style_ids

register = template.Library()


@register.simple_tag
def plotly_src() -> str:
    return script_address()


@register.simple_tag
def plotly_style_ids() -> tuple[str, ...]:
    return style_ids()
