"""Lists of a large store: names, agents, providers and prompts of spans come from an index."""

from pathlib import Path

from django.db import migrations

FILE = Path(__file__).resolve().parent.parent / "sql" / "schema" / "span_names.sql"
INDEXES = ("span_name", "span_agent", "span_provider", "span_prompt")


def create(apps, schema_editor):
    schema_editor.execute(FILE.read_text(), params=None)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP INDEX {', '.join(INDEXES)}")


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0008_version_sums")]
    operations = [migrations.RunPython(create, drop)]
