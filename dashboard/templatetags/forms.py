"""What a form template asks of a bound field."""

from django import template
from django.forms import BoundField, CheckboxInput

register = template.Library()


@register.filter
def is_check(field: BoundField) -> bool:
    return isinstance(field.field.widget, CheckboxInput)
