"""The one Django app that owns every table."""

from django.apps import AppConfig


class TracestoreConfig(AppConfig):
    name = "tracestore"
    label = "tracestore"
    verbose_name = "Fourline"
    default_auto_field = "django.db.models.BigAutoField"
