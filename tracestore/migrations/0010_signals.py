"""What spans say of policy, refusals, limits, tools and retrieval. Everything that is stored is settled again.

Spans that are stored say it after `manage.py renormalise`; what their flags say, timeouts and cache hits, is summed at once.
"""

from pathlib import Path

from django.db import migrations

FILE = Path(__file__).resolve().parent.parent / "sql" / "schema" / "signals.sql"
MARK_ALL = """
INSERT INTO settle_mark (project, trace_id, min_day, max_day, spans, marked_ns)
SELECT project, trace_id, first_day, last_day, 0, settled_ns FROM trace;
INSERT INTO rollup_mark (project, grain_s, start_s)
SELECT project, 60, end_ns / 60000000000 * 60 FROM trace
UNION SELECT project, 60, end_ns / 60000000000 * 60 FROM llm_call
UNION SELECT project, 60, end_ns / 60000000000 * 60 FROM tool_call
ON CONFLICT DO NOTHING;
"""
COLUMNS = {
    "span": "signals queue_ns token_budget effect_key",
    "trace": "signals queue_ns retrievals retrieval_hits token_budget",
    "llm_call": "signals queue_ns",
    "tool_call": "signals queue_ns",
    "request_rollup": "policy_checked policy_violations injection_checked injection_hits sensitive_checked sensitive_hits"
    " refusal_known refusals degraded_known degraded breaker_known breaker_open adoption_known adopted edited rejected"
    " budgeted budget_overruns retrievals retrieval_hits timeouts rate_limited implicit_errors policy_errors queue tokens",
    "call_rollup": "timeouts rate_limited refusal_known refusals cache_known cache_hits queue",
    "tool_rollup": "timeouts unknown_state effects duplicate_effects tier_known above_tier approval_needed unapproved",
}


def create(apps, schema_editor):
    schema_editor.execute(FILE.read_text(), params=None)
    schema_editor.execute(MARK_ALL, params=None)


def drop(apps, schema_editor):
    for table, columns in COLUMNS.items():
        dropped = ", ".join(f"DROP COLUMN {column}" for column in columns.split())
        schema_editor.execute(f"ALTER TABLE {table} {dropped}")


class Migration(migrations.Migration):
    dependencies = [("tracestore", "0009_span_names")]
    operations = [migrations.RunPython(create, drop)]
