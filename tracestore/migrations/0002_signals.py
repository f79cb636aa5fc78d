"""Signal and derived tables: the files of tracestore/sql/schema. Their day partitions are made by tracestore.partitions."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).resolve().parent.parent / "sql" / "schema"
FILES = ("functions.sql", "span.sql", "other_signals.sql", "ledger.sql", "derived.sql")
TABLES = (
    "span span_payload message reference log_record metric_series metric_point metric_exemplar ingest_ledger"
    " ledger_minute ledger_refusal settle_mark trace llm_call tool_call version_part version_set erasure partition_clock"
)


def create(apps, schema_editor):
    for name in FILES:
        schema_editor.execute((SCHEMA / name).read_text(), params=None)


def drop(apps, schema_editor):
    schema_editor.execute(f"DROP TABLE {', '.join(TABLES.split())} CASCADE")
    schema_editor.execute("DROP FUNCTION bounded")


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0001_control")]
    operations = [migrations.RunPython(create, drop)]
