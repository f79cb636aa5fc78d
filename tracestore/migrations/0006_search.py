"""The index of texts. Its day partitions are made by tracestore.partitions."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).resolve().parent.parent / "sql" / "schema" / "search.sql"


def create(apps, schema_editor):
    schema_editor.execute(SCHEMA.read_text(), params=None)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE text_mark, trace_text CASCADE")


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0003_background")]
    operations = [migrations.RunPython(create, drop)]
