"""Evaluations, what they add up to, and releases."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

FILE = Path(__file__).resolve().parent.parent / "sql" / "schema" / "scores.sql"


def create(apps, schema_editor):
    schema_editor.execute(FILE.read_text(), params=None)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE evaluation, evaluation_day, score, score_rollup CASCADE", params=None)


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0011_filtered_sums")]
    operations = [
        migrations.RunPython(create, drop),
        migrations.CreateModel(
            name="Release",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64)),
                ("service", models.CharField(max_length=256)),
                ("version", models.CharField(max_length=256)),
                ("environment", models.CharField(blank=True, default="", max_length=256)),
                ("released_at", models.DateTimeField()),
                ("name", models.CharField(blank=True, default="", max_length=256)),
                ("url", models.CharField(blank=True, default="", max_length=1000)),
                ("commit", models.CharField(blank=True, default="", max_length=256)),
                ("description", models.CharField(blank=True, default="", max_length=4000)),
                ("created_at", models.DateTimeField()),
                (
                    "project",
                    models.ForeignKey(
                        db_column="project", on_delete=django.db.models.deletion.CASCADE, to="tracestore.project"
                    ),
                ),
            ],
            options={
                "db_table": "release",
                "indexes": [models.Index(fields=["project", "released_at"], name="release_time")],
                "constraints": [models.UniqueConstraint(fields=("project", "key"), name="release_one")],
            },
        ),
    ]
