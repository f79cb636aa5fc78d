"""Rollups, and what a trace's row needs to be counted without its spans. Everything that is stored is settled again."""

from pathlib import Path

from django.db import migrations

SCHEMA = Path(__file__).resolve().parent.parent / "sql" / "schema" / "rollups.sql"
TRACE = """
ALTER TABLE trace
  ADD COLUMN version_set uuid, -- of the root's service
  ADD COLUMN profile_id bigint; -- span_profile of the trace's day; NULL = settled before there were any
CREATE INDEX trace_end ON trace (project, end_ns);
"""
MARK_ALL = """
INSERT INTO settle_mark (project, trace_id, min_day, max_day, spans, marked_ns)
SELECT project, trace_id, first_day, last_day, 0, settled_ns FROM trace;
INSERT INTO rollup_mark (project, grain_s, start_s)
SELECT project, 60, end_ns / 60000000000 * 60 FROM trace
UNION SELECT project, 60, end_ns / 60000000000 * 60 FROM llm_call
UNION SELECT project, 60, end_ns / 60000000000 * 60 FROM tool_call;
"""
UNDO = """
DROP TABLE span_profile, rollup_mark, rollup_state, rollup_capped, request_rollup, call_rollup, tool_rollup, usage_rollup
  CASCADE;
DROP AGGREGATE histogram_sum(bigint[]);
DROP FUNCTION histogram_pack(bigint[]);
DROP FUNCTION histogram_bucket(bigint);
DROP INDEX trace_end;
ALTER TABLE trace DROP COLUMN version_set, DROP COLUMN profile_id;
"""


def create(apps, schema_editor):
    schema_editor.execute(SCHEMA.read_text(), params=None)
    schema_editor.execute(TRACE, params=None)
    schema_editor.execute(MARK_ALL, params=None)


def drop(apps, schema_editor):
    schema_editor.execute(UNDO, params=None)


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0003_background")]
    operations = [migrations.RunPython(create, drop)]
