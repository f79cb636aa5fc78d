"""Lists of a large store: rare models, tools and versions, and the orders by tokens and errors, come from an index."""

from pathlib import Path

from django.db import migrations

FILE = Path(__file__).resolve().parent.parent / "sql" / "schema" / "trace_indexes.sql"
INDEXES = ("trace_names", "trace_tokens", "trace_errors")


def create(apps, schema_editor):
    schema_editor.execute(FILE.read_text(), params=None)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP INDEX {', '.join(INDEXES)}")


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0006_search")]
    operations = [migrations.RunPython(create, drop)]
