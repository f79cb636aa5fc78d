"""How long a project keeps texts, logs and metrics; what the job that removes them remembers."""

from pathlib import Path

from django.db import migrations, models

SCHEMA = Path(__file__).resolve().parent.parent / "sql" / "schema" / "retention.sql"
SIGNALS = ("text", "log", "metric")


def create(apps, schema_editor):
    schema_editor.execute(SCHEMA.read_text(), params=None)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE retention_check, erasure_request, retention_floor")
    schema_editor.execute(
        "ALTER TABLE partition_clock DROP COLUMN permitted_at, DROP COLUMN held_reason, DROP COLUMN held_since,"
        " DROP COLUMN held_days"
    )


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0004_rollups")]
    operations = [
        *(
            migrations.AddField(
                "project", f"{signal}_retention_days", models.PositiveIntegerField(null=True, blank=True)
            )
            for signal in SIGNALS
        ),
        migrations.AddField("project", "retention_changed_at", models.DateTimeField(null=True, blank=True)),
        *(
            migrations.AddConstraint(
                "project",
                models.CheckConstraint(
                    name=f"project_{signal}_retention",
                    condition=models.Q((f"{signal}_retention_days__gte", 1), (f"{signal}_retention_days__lte", 3650)),
                ),
            )
            for signal in SIGNALS
        ),
        migrations.RunPython(create, drop),
    ]
