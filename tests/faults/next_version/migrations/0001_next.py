"""A nullable column on the two busiest tables, and an index on a large one: no reader or writer waits for more than a moment.

Not atomic, for the sake of CONCURRENTLY, and therefore safe to repeat.
"""

from django.db import migrations

COLUMNS = "ALTER TABLE {} ADD COLUMN IF NOT EXISTS next_note text"
# Postgres builds no index of a partitioned table concurrently: each partition's first, then they become the parent's.
PARENT = "CREATE INDEX IF NOT EXISTS trace_next ON ONLY trace (project, settled_ns)"
PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'trace'::regclass ORDER BY 1"
OF_PARTITION = "CREATE INDEX CONCURRENTLY IF NOT EXISTS {0}_next ON {0} (project, settled_ns)"
ATTACH = "ALTER INDEX trace_next ATTACH PARTITION {}_next"


def create(apps, schema_editor):
    for table in ("span", "trace"):
        schema_editor.execute(COLUMNS.format(table))
    schema_editor.execute(PARENT)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PARTITIONS)
        names = [name for (name,) in cursor.fetchall()]
    for name in names:
        schema_editor.execute(OF_PARTITION.format(name))
        schema_editor.execute(ATTACH.format(name))


def drop(apps, schema_editor):
    schema_editor.execute("DROP INDEX trace_next")
    for table in ("span", "trace"):
        schema_editor.execute(f"ALTER TABLE {table} DROP COLUMN next_note")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("tracestore", "0003_background")]
    operations = [migrations.RunPython(create, drop)]
