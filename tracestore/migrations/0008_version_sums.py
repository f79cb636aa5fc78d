"""Sums of requests know all version sets of a trace."""

from pathlib import Path

from django.db import migrations

FILE = Path(__file__).resolve().parent.parent / "sql" / "schema" / "version_sums.sql"


def create(apps, schema_editor):
    schema_editor.execute(FILE.read_text(), params=None)


def drop(apps, schema_editor):
    schema_editor.execute("ALTER TABLE request_rollup DROP COLUMN version_sets")


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0007_trace_indexes")]
    operations = [migrations.RunPython(create, drop)]
