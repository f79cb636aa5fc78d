"""Evaluations, what they add up to, and releases."""

from pathlib import Path

from django.db import migrations

FILE = Path(__file__).resolve().parent.parent / "sql" / "schema" / "scores.sql"


def create(apps, schema_editor):
    schema_editor.execute(FILE.read_text(), params=None)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE evaluation, score, score_rollup CASCADE", params=None)


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0011_filtered_sums")]
    operations = [migrations.RunPython(create, drop)]
