"""Who is told what: channels, alerts with their history, silences, and the outbox of what is to be delivered."""

import uuid
from typing import ClassVar

from django.db import models
from django.utils import timezone

from tracestore.models.access import Project
from tracestore.models.slo import Action, Objective


class Severity(models.TextChoices):
    PAGE = "page", "Page: someone must look now"
    TICKET = "ticket", "Ticket: someone must look this week"


class Channel(models.Model):
    """Where notifications go. target: an address (email) or a URL (webhook, Slack).

    secrets: of a webhook, newest first ("whsec_..."), two while they are rotated. severity: this and worse.
    quiet_from, quiet_to: local times in time_zone within which tickets wait; pages never do unless quiet_pages.
    failures: in a row; from a number on the channel rests until `rests_until` (its circuit breaker).
    """

    class Kind(models.TextChoices):
        EMAIL = "email", "Email"
        WEBHOOK = "webhook", "Webhook"
        SLACK = "slack", "Slack"

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    name = models.CharField(max_length=63)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    target = models.CharField(max_length=2000)
    secrets = models.JSONField(default=list, blank=True)
    severity = models.CharField(max_length=6, choices=Severity.choices, default=Severity.TICKET)
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_to = models.TimeField(null=True, blank=True)
    quiet_pages = models.BooleanField(default=False)
    time_zone = models.CharField(max_length=64, default="UTC")
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=200, blank=True, default="")
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    last_failure = models.CharField(max_length=200, blank=True, default="")
    failures = models.PositiveIntegerField(default=0)
    rests_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "alert_channel"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "name"], name="alert_channel_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """One story of one rule of one objective: from when it fired until it resolved; reopened within half an hour.

    rule: name of the rule. title: what people read; it never changes, since mail threads hang on it. group: alerts of one
    group are told together. evidence: an AlertNotice, as of when it was last looked up.
    blame: its VersionBlame. inhibited_by: the alert that speaks for this one. action: exactly one. outcome: what became of it.
    fired_at, resolved_at: minutes that were evaluated; changed_at: when we found it out. lead: the alert whose notifications
    tell of this one too, None = not told yet. told: which state people were told last. notified_seq: how many notifications
    this alert has led. described_at: when evidence and blame were last looked up, None = not yet.
    peak_burn: the highest burn rate of the short window while it fired.
    """

    class State(models.TextChoices):
        FIRING = "firing", "Firing"
        RESOLVED = "resolved", "Resolved"

    class Outcome(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        TAKEN = "taken", "Taken"
        WORKED = "worked", "It worked"
        FAILED = "failed", "It did not work"
        DECLINED = "declined", "Declined"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    objective = models.ForeignKey(Objective, on_delete=models.CASCADE)
    rule = models.CharField(max_length=63)
    severity = models.CharField(max_length=6, choices=Severity.choices)
    title = models.CharField(max_length=150)
    group = models.CharField(max_length=256)
    state = models.CharField(max_length=8, choices=State.choices, default=State.FIRING)
    fired_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    frozen_since = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=254, blank=True, default="")
    evidence = models.JSONField(default=dict)
    blame = models.JSONField(default=dict)
    action = models.CharField(max_length=10, choices=Action.choices, default=Action.LOOK)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.PROPOSED)
    outcome_by = models.CharField(max_length=254, blank=True, default="")
    outcome_at = models.DateTimeField(null=True, blank=True)
    inhibited_by = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    lead = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    told = models.CharField(max_length=8, choices=State.choices, blank=True, default="")
    reopened_at = models.DateTimeField(null=True, blank=True)
    peak_burn = models.FloatField(null=True, blank=True)
    described_at = models.DateTimeField(null=True, blank=True)
    notified_seq = models.PositiveIntegerField(default=0)
    notified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "alert"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["objective", "rule"], name="alert_one_firing", condition=models.Q(state="firing")
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["project", "-fired_at"], name="alert_project_fired"),
            models.Index(
                fields=["project"],
                name="alert_to_tell",
                condition=models.Q(state="firing") | ~models.Q(told="resolved"),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class AlertEvent(models.Model):
    """What happened to an alert, for its page: fired, frozen, thawed, acknowledged, notified, undelivered, outcome, resolved,
    silenced and inhibited (over, and nobody was told), reopened."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE)
    at = models.DateTimeField()
    kind = models.CharField(max_length=16)
    actor = models.CharField(max_length=254, blank=True, default="")
    text = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        db_table = "alert_event"
        indexes: ClassVar = [models.Index(fields=["alert", "at"], name="alert_event_alert")]


class Silence(models.Model):
    """Nothing is sent of alerts that match, until ends_at; they fire all the same. None = any."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    objective = models.ForeignKey(Objective, on_delete=models.CASCADE, null=True, blank=True)
    service = models.CharField(max_length=256, blank=True, default="")
    severity = models.CharField(max_length=6, choices=Severity.choices, blank=True, default="")
    comment = models.CharField(max_length=500)
    author = models.CharField(max_length=254)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "alert_silence"
        constraints: ClassVar = [
            models.CheckConstraint(name="alert_silence_range", condition=models.Q(ends_at__gt=models.F("starts_at")))
        ]


class Delivery(models.Model):
    """The outbox: one notification to one recipient. Written in the transaction that decides it, sent afterwards.

    kind: firing, reminder, resolved, reopened, test, summary. seq: of the alert's notifications; the message's identity is
    (alert, seq), the same in every attempt. claimed_until: a sender is at it.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Given up"
        DROPPED = "dropped", "Not sent"  # unsubscribed, silenced or resolved meanwhile

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, null=True, blank=True)
    recipient = models.CharField(max_length=2000)
    kind = models.CharField(max_length=8)
    seq = models.PositiveIntegerField(default=0)
    content = models.JSONField(default=dict)  # what is told, as it was when it was decided
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "alert_delivery"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alert", "channel", "recipient", "seq"], name="alert_delivery_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="alert_delivery_due", condition=models.Q(state="pending")),
        ]


class Unsubscription(models.Model):
    """An address that wants no mail of an objective. objective: None = of the whole project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    objective = models.ForeignKey(Objective, on_delete=models.CASCADE, null=True, blank=True)
    address = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "alert_unsubscription"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "objective", "address"], name="alert_unsubscription_one", nulls_distinct=False
            )
        ]
