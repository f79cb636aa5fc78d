"""Sums answer filters; quarters of an hour stand between minutes and hours."""

from pathlib import Path

from django.db import migrations

FILE = Path(__file__).resolve().parent.parent / "sql" / "schema" / "filtered_sums.sql"
UNDO = """
DROP TABLE request_tools_rollup;
DELETE FROM rollup_mark WHERE grain_s = 900;
DELETE FROM request_rollup WHERE grain_s = 900;
DELETE FROM call_rollup WHERE grain_s = 900;
DELETE FROM tool_rollup WHERE grain_s = 900;
DELETE FROM usage_rollup WHERE grain_s = 900;
ALTER TABLE call_rollup DROP COLUMN prompt_name, DROP COLUMN prompt_version;
ALTER TABLE request_rollup
  DROP COLUMN services,
  DROP COLUMN environments,
  DROP COLUMN versions,
  DROP COLUMN models,
  DROP COLUMN operations,
  DROP COLUMN error_requests,
  DROP COLUMN unpriced_requests;
"""


def create(apps, schema_editor):
    schema_editor.execute(FILE.read_text(), params=None)


def drop(apps, schema_editor):
    schema_editor.execute(UNDO, params=None)


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0010_signals")]
    operations = [migrations.RunPython(create, drop)]
