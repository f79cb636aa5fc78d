"""What was promised: objectives, the times that do not count, and who may release although the budget is gone."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from tracestore.models.access import Project


class Unit(models.TextChoices):
    """What an objective counts: the rows of one fact, each at its end."""

    REQUEST = "request", "Requests"
    LLM_CALL = "llm_call", "LLM calls"
    TOOL_CALL = "tool_call", "Tool calls"
    SESSION = "session", "Sessions"
    EVALUATION = "evaluation", "Evaluations"


class Part(models.TextChoices):
    GOOD = "good", "These are good"
    BAD = "bad", "These are bad"


class CalendarUnit(models.TextChoices):
    DAY = "day", "Day"
    WEEK = "week", "Week"
    MONTH = "month", "Month"
    QUARTER = "quarter", "Quarter"
    YEAR = "year", "Year"


class NoData(models.TextChoices):
    """What a minute without events counts as, where minutes are counted; the events of others never change."""

    IGNORE = "ignore", "Not at all"
    GOOD = "good", "As good"
    BAD = "bad", "As bad"


class Action(models.TextChoices):
    """What a person, or a machine that listens, should do when the budget burns."""

    DEGRADE = "degrade", "Degrade"
    RATE_LIMIT = "rate-limit", "Rate-limit"
    ROLLBACK = "rollback", "Roll back"
    LOOK = "look", "Look"


class Objective(models.Model):
    """A promise: of the events that match total_q, `target` are good.

    name: an RFC 1123 label, one of a project. part_q: the good (or bad, see part) ones among those of total_q.
    target: in (0, 1). Rolling for period_days, or calendar_unit * calendar_count from calendar_first (local midnight) in
    time_zone. rules: None = the default rules; else [{name, severity, long_s, short_s, factor}]. notify: names of channels
    and addresses; [] = all channels. origin: what an OpenSLO document said that we have no field for.
    revision: raised when what is counted changes, so that history is counted again.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    name = models.CharField(max_length=63)
    title = models.CharField(max_length=120, blank=True, default="")
    description = models.CharField(max_length=1050, blank=True, default="")
    service = models.CharField(max_length=256, blank=True, default="")
    unit = models.CharField(max_length=10, choices=Unit.choices)
    total_q = models.CharField(max_length=2000, blank=True, default="")
    part_q = models.CharField(max_length=2000)
    part = models.CharField(max_length=4, choices=Part.choices, default=Part.GOOD)
    target = models.DecimalField(max_digits=9, decimal_places=8)
    period_days = models.PositiveIntegerField(null=True, blank=True)
    calendar_unit = models.CharField(max_length=7, choices=CalendarUnit.choices, blank=True, default="")
    calendar_count = models.PositiveIntegerField(default=1)
    calendar_first = models.DateField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    no_data = models.CharField(max_length=6, choices=NoData.choices, default=NoData.IGNORE)
    action = models.CharField(max_length=10, choices=Action.choices, default=Action.LOOK)
    rules = models.JSONField(null=True, blank=True)
    notify = models.JSONField(default=list, blank=True)
    runbook_url = models.CharField(max_length=500, blank=True, default="")
    owner = models.CharField(max_length=254, blank=True, default="")
    origin = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "objective"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "name"], name="objective_name", condition=models.Q(deleted_at=None)
            ),
            models.CheckConstraint(name="objective_target", condition=models.Q(target__gt=0) & models.Q(target__lt=1)),
            models.CheckConstraint(
                name="objective_period",
                condition=models.Q(period_days__gte=1, calendar_unit="")
                | models.Q(period_days=None, calendar_first__isnull=False, calendar_count__gte=1)
                & ~models.Q(calendar_unit=""),
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.name


class Exclusion(models.Model):
    """Minutes that count for nothing: neither good nor bad. Applied when counts are read, never to what is stored.

    objective: None = all of the project. confirmed_by: the second person, where it covers a page that was sent.
    """

    class Category(models.TextChoices):
        MAINTENANCE = "maintenance", "Scheduled maintenance"
        HOURS = "hours", "Outside business hours"
        DEPLOYMENT = "deployment", "Deployment"
        OTHER = "other", "Other"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    objective = models.ForeignKey(Objective, on_delete=models.CASCADE, null=True, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    category = models.CharField(max_length=11, choices=Category.choices, default=Category.MAINTENANCE)
    reason = models.CharField(max_length=500)
    author = models.CharField(max_length=254)
    confirmed_by = models.CharField(max_length=254, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "slo_exclusion"
        constraints: ClassVar = [
            models.CheckConstraint(name="slo_exclusion_range", condition=models.Q(ends_at__gt=models.F("starts_at")))
        ]


class ExclusionProposal(models.Model):
    """An exclusion over a page that was sent: it counts for nothing until a second person makes an Exclusion of it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    objective = models.ForeignKey(Objective, on_delete=models.CASCADE, null=True, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    category = models.CharField(max_length=11, choices=Exclusion.Category.choices)
    reason = models.CharField(max_length=500)
    author = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "slo_exclusion_proposal"


class GateOverride(models.Model):
    """Someone answers for a release that the gate would freeze, for at most a day. version: "" = any."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    service = models.CharField(max_length=256)
    version = models.CharField(max_length=256, blank=True, default="")
    reason = models.CharField(max_length=500)
    author = models.CharField(max_length=254)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "gate_override"
