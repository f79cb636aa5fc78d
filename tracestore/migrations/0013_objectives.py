"""Objectives, what is counted for them, alerts, and the outbox of notifications."""

import uuid
from pathlib import Path

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

SCHEMA = Path(__file__).resolve().parent.parent / "sql" / "schema" / "slo.sql"


def create(apps, schema_editor):
    schema_editor.execute(SCHEMA.read_text(), params=None)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE slo_count, slo_mark, slo_state, slo_rule_state")


class Migration(migrations.Migration):
    dependencies = [
        ("tracestore", "0012_scores"),
    ]

    operations = [
        migrations.RunPython(create, drop),
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("rule", models.CharField(max_length=63)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("page", "Page: someone must look now"),
                            ("ticket", "Ticket: someone must look this week"),
                        ],
                        max_length=6,
                    ),
                ),
                ("title", models.CharField(max_length=150)),
                ("group", models.CharField(max_length=256)),
                (
                    "state",
                    models.CharField(
                        choices=[("firing", "Firing"), ("resolved", "Resolved")], default="firing", max_length=8
                    ),
                ),
                ("fired_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("frozen_since", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_by", models.CharField(blank=True, default="", max_length=254)),
                ("evidence", models.JSONField(default=dict)),
                ("blame", models.JSONField(default=dict)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("degrade", "Degrade"),
                            ("rate-limit", "Rate-limit"),
                            ("rollback", "Roll back"),
                            ("look", "Look"),
                        ],
                        default="look",
                        max_length=10,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("proposed", "Proposed"),
                            ("taken", "Taken"),
                            ("worked", "It worked"),
                            ("failed", "It did not work"),
                            ("declined", "Declined"),
                        ],
                        default="proposed",
                        max_length=8,
                    ),
                ),
                ("outcome_by", models.CharField(blank=True, default="", max_length=254)),
                ("outcome_at", models.DateTimeField(blank=True, null=True)),
                ("notified_seq", models.PositiveIntegerField(default=0)),
                ("notified_at", models.DateTimeField(blank=True, null=True)),
                (
                    "inhibited_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="tracestore.alert",
                    ),
                ),
                (
                    "lead",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="tracestore.alert",
                    ),
                ),
                (
                    "told",
                    models.CharField(
                        blank=True,
                        choices=[("firing", "Firing"), ("resolved", "Resolved")],
                        default="",
                        max_length=8,
                    ),
                ),
                ("reopened_at", models.DateTimeField(blank=True, null=True)),
                ("peak_burn", models.FloatField(blank=True, null=True)),
                ("described_at", models.DateTimeField(blank=True, null=True)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.project")),
            ],
            options={
                "db_table": "alert",
            },
        ),
        migrations.CreateModel(
            name="Channel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=63)),
                (
                    "kind",
                    models.CharField(
                        choices=[("email", "Email"), ("webhook", "Webhook"), ("slack", "Slack")], max_length=8
                    ),
                ),
                ("target", models.CharField(max_length=2000)),
                ("secrets", models.JSONField(blank=True, default=list)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("page", "Page: someone must look now"),
                            ("ticket", "Ticket: someone must look this week"),
                        ],
                        default="ticket",
                        max_length=6,
                    ),
                ),
                ("quiet_from", models.TimeField(blank=True, null=True)),
                ("quiet_to", models.TimeField(blank=True, null=True)),
                ("quiet_pages", models.BooleanField(default=False)),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
                ("enabled", models.BooleanField(default=True)),
                ("disabled_reason", models.CharField(blank=True, default="", max_length=200)),
                ("last_success_at", models.DateTimeField(blank=True, null=True)),
                ("last_failure_at", models.DateTimeField(blank=True, null=True)),
                ("last_failure", models.CharField(blank=True, default="", max_length=200)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("rests_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.project")),
            ],
            options={
                "db_table": "alert_channel",
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("recipient", models.CharField(max_length=2000)),
                ("kind", models.CharField(max_length=8)),
                ("seq", models.PositiveIntegerField(default=0)),
                ("content", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting"),
                            ("sent", "Sent"),
                            ("failed", "Given up"),
                            ("dropped", "Not sent"),
                        ],
                        default="pending",
                        max_length=7,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("due_at", models.DateTimeField()),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("last_error", models.CharField(blank=True, default="", max_length=200)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                (
                    "alert",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to="tracestore.alert"
                    ),
                ),
                ("channel", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.channel")),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.project")),
            ],
            options={
                "db_table": "alert_delivery",
            },
        ),
        migrations.CreateModel(
            name="GateOverride",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("service", models.CharField(max_length=256)),
                ("version", models.CharField(blank=True, default="", max_length=256)),
                ("reason", models.CharField(max_length=500)),
                ("author", models.CharField(max_length=254)),
                ("expires_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.project")),
            ],
            options={
                "db_table": "gate_override",
            },
        ),
        migrations.CreateModel(
            name="Objective",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=63)),
                ("title", models.CharField(blank=True, default="", max_length=120)),
                ("description", models.CharField(blank=True, default="", max_length=1050)),
                ("service", models.CharField(blank=True, default="", max_length=256)),
                (
                    "unit",
                    models.CharField(
                        choices=[
                            ("request", "Requests"),
                            ("llm_call", "LLM calls"),
                            ("tool_call", "Tool calls"),
                            ("session", "Sessions"),
                            ("evaluation", "Evaluations"),
                        ],
                        max_length=10,
                    ),
                ),
                ("total_q", models.CharField(blank=True, default="", max_length=2000)),
                ("part_q", models.CharField(max_length=2000)),
                (
                    "part",
                    models.CharField(
                        choices=[("good", "These are good"), ("bad", "These are bad")], default="good", max_length=4
                    ),
                ),
                ("target", models.DecimalField(decimal_places=8, max_digits=9)),
                ("period_days", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "calendar_unit",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("day", "Day"),
                            ("week", "Week"),
                            ("month", "Month"),
                            ("quarter", "Quarter"),
                            ("year", "Year"),
                        ],
                        default="",
                        max_length=7,
                    ),
                ),
                ("calendar_count", models.PositiveIntegerField(default=1)),
                ("calendar_first", models.DateField(blank=True, null=True)),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
                (
                    "no_data",
                    models.CharField(
                        choices=[("ignore", "Not at all"), ("good", "As good"), ("bad", "As bad")],
                        default="ignore",
                        max_length=6,
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("degrade", "Degrade"),
                            ("rate-limit", "Rate-limit"),
                            ("rollback", "Roll back"),
                            ("look", "Look"),
                        ],
                        default="look",
                        max_length=10,
                    ),
                ),
                ("rules", models.JSONField(blank=True, null=True)),
                ("notify", models.JSONField(blank=True, default=list)),
                ("runbook_url", models.CharField(blank=True, default="", max_length=500)),
                ("owner", models.CharField(blank=True, default="", max_length=254)),
                ("origin", models.JSONField(blank=True, default=dict)),
                ("enabled", models.BooleanField(default=True)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("deleted_at", models.DateTimeField(blank=True, null=True)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.project")),
            ],
            options={
                "db_table": "objective",
            },
        ),
        migrations.CreateModel(
            name="Exclusion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "category",
                    models.CharField(
                        choices=[
                            ("maintenance", "Scheduled maintenance"),
                            ("hours", "Outside business hours"),
                            ("deployment", "Deployment"),
                            ("other", "Other"),
                        ],
                        default="maintenance",
                        max_length=11,
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("author", models.CharField(max_length=254)),
                ("confirmed_by", models.CharField(blank=True, default="", max_length=254)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.project")),
                (
                    "objective",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to="tracestore.objective"
                    ),
                ),
            ],
            options={
                "db_table": "slo_exclusion",
            },
        ),
        migrations.CreateModel(
            name="ExclusionProposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "category",
                    models.CharField(
                        choices=[
                            ("maintenance", "Scheduled maintenance"),
                            ("hours", "Outside business hours"),
                            ("deployment", "Deployment"),
                            ("other", "Other"),
                        ],
                        max_length=11,
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("author", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.project")),
                (
                    "objective",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to="tracestore.objective"
                    ),
                ),
            ],
            options={
                "db_table": "slo_exclusion_proposal",
            },
        ),
        migrations.AddField(
            model_name="alert",
            name="objective",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.objective"),
        ),
        migrations.CreateModel(
            name="Silence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("service", models.CharField(blank=True, default="", max_length=256)),
                (
                    "severity",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("page", "Page: someone must look now"),
                            ("ticket", "Ticket: someone must look this week"),
                        ],
                        default="",
                        max_length=6,
                    ),
                ),
                ("comment", models.CharField(max_length=500)),
                ("author", models.CharField(max_length=254)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "objective",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to="tracestore.objective"
                    ),
                ),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.project")),
            ],
            options={
                "db_table": "alert_silence",
            },
        ),
        migrations.CreateModel(
            name="Unsubscription",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "objective",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to="tracestore.objective"
                    ),
                ),
                ("project", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.project")),
            ],
            options={
                "db_table": "alert_unsubscription",
            },
        ),
        migrations.CreateModel(
            name="AlertEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("kind", models.CharField(max_length=16)),
                ("actor", models.CharField(blank=True, default="", max_length=254)),
                ("text", models.CharField(blank=True, default="", max_length=500)),
                ("alert", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tracestore.alert")),
            ],
            options={
                "db_table": "alert_event",
                "indexes": [models.Index(fields=["alert", "at"], name="alert_event_alert")],
            },
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="alert_channel_name"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(condition=models.Q(("state", "pending")), fields=["due_at"], name="alert_delivery_due"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=("alert", "channel", "recipient", "seq"), name="alert_delivery_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="objective",
            constraint=models.UniqueConstraint(
                condition=models.Q(("deleted_at", None)), fields=("project", "name"), name="objective_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="objective",
            constraint=models.CheckConstraint(
                condition=models.Q(("target__gt", 0), ("target__lt", 1)), name="objective_target"
            ),
        ),
        migrations.AddConstraint(
            model_name="objective",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("calendar_unit", ""), ("period_days__gte", 1)),
                    models.Q(
                        ("calendar_count__gte", 1),
                        ("calendar_first__isnull", False),
                        ("period_days", None),
                        models.Q(("calendar_unit", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="objective_period",
            ),
        ),
        migrations.AddConstraint(
            model_name="exclusion",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="slo_exclusion_range"
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["project", "-fired_at"], name="alert_project_fired"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("state", "firing"), models.Q(("told", "resolved"), _negated=True), _connector="OR"),
                fields=["project"],
                name="alert_to_tell",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "firing")), fields=("objective", "rule"), name="alert_one_firing"
            ),
        ),
        migrations.AddConstraint(
            model_name="silence",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="alert_silence_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="unsubscription",
            constraint=models.UniqueConstraint(
                fields=("project", "objective", "address"), name="alert_unsubscription_one", nulls_distinct=False
            ),
        ),
    ]
