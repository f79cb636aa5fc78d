"""What a project says its models cost, over the bundled prices."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from tracestore.models.access import Project


class ProjectPrice(models.Model):
    """Prices of the models that match, from a day on.

    pattern: model name, `*` at the end matches the rest. provider: empty matches every provider.
    effective_from: UTC day the prices begin. rates: {name: integer nano-USD per million tokens, or per request},
    names as in tracestore.analysis.pricing.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    provider = models.CharField(max_length=64, blank=True, default="")
    pattern = models.CharField(max_length=200)
    effective_from = models.DateField()
    rates = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "project_price"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "provider", "pattern", "effective_from"], name="project_price_one"
            )
        ]
