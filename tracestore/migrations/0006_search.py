"""The index of texts. Its day partitions are made by tracestore.partitions."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).resolve().parent.parent / "sql" / "schema" / "search.sql"


# What was settled before is indexed by the job, the newest first.
MARK_ALL = """
INSERT INTO text_mark (project, trace_id, start_ns, first_day, last_day, marked_ns)
SELECT project, trace_id, start_ns, first_day, last_day, settled_ns FROM trace
ORDER BY start_ns DESC
"""


def create(apps, schema_editor):
    schema_editor.execute(SCHEMA.read_text(), params=None)
    schema_editor.execute(MARK_ALL, params=None)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE text_mark, trace_text CASCADE")


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0005_retention")]
    operations = [migrations.RunPython(create, drop)]
