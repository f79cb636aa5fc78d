"""Migrations may run while the version before is at work (F23): none makes anybody wait on a large table."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations import Migration, RunPython
from django.db.migrations.loader import MigrationLoader

from tests.faults.statements import blocking

# 0.1.0 is not released: until then nobody has a large table, and what it is made of may be put together in any way.
FIRST_AFTER_RELEASE = 20


def later_migrations() -> list[Migration]:
    found = MigrationLoader(None, ignore_no_migrations=True).disk_migrations or {}
    return [one for (app, name), one in found.items() if app == "tracestore" and int(name[:4]) >= FIRST_AFTER_RELEASE]


def statements_of(migration: Migration) -> list[str]:
    """The SQL it would run, in order; of an operation in Python, what it gives the schema editor."""
    state = MigrationLoader(connection).project_state((migration.app_label, migration.name), at_end=False)
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        for operation in migration.operations:
            before = state.clone()
            operation.state_forwards(migration.app_label, state)
            operation.database_forwards(migration.app_label, editor, before, state)
        return [str(line) for line in editor.collected_sql]


def test_no_migration_after_the_first_release_blocks(db: None) -> None:
    assert not [problem for one in later_migrations() for problem in blocking(statements_of(one))]


BLOCKS = (
    "CREATE INDEX trace_x ON trace (project)",
    "CREATE UNIQUE INDEX ON ONLY span (day); CREATE INDEX ON span USING gin (x)",
    'ALTER TABLE "span" ALTER COLUMN name TYPE bytea',
    "ALTER TABLE trace ALTER name SET NOT NULL",
    "ALTER TABLE llm_call ADD COLUMN x integer NOT NULL",
    "ALTER TABLE span ADD CONSTRAINT c CHECK (day > '2020-01-01')",
    "ALTER TABLE span RENAME COLUMN name TO title",
    "UPDATE span SET name = ''",
    "LOCK TABLE span",
)
PASSES = (
    "ALTER TABLE span ADD COLUMN x text; ALTER TABLE trace ADD COLUMN y integer NOT NULL DEFAULT 0",
    "CREATE INDEX trace_x ON ONLY trace (project); CREATE INDEX CONCURRENTLY p_x ON trace_p20260101 (project)",
    "ALTER TABLE span ADD CONSTRAINT c CHECK (day > '2020-01-01') NOT VALID",
    "CREATE TABLE trace (x integer); CREATE INDEX trace_x ON trace (x)",
    "CREATE INDEX ON project (slug); UPDATE project SET name = ''",
    "-- UPDATE span is what we do not do\nSELECT 1",
)


@pytest.mark.parametrize(("sql", "expected"), [*((sql, True) for sql in BLOCKS), *((sql, False) for sql in PASSES)])
def test_the_lint_knows_what_blocks(sql: str, expected: bool) -> None:
    assert bool(list(blocking([sql]))) == expected


def test_the_lint_reads_the_sql_of_a_migration_written_in_python(db: None) -> None:
    """Ours run the files of tracestore/sql/schema."""

    def create(apps: Any, schema_editor: Any) -> None:
        schema_editor.execute("CREATE INDEX trace_x ON trace (project)", params=None)

    migration = Migration("0002_signals", "tracestore")
    migration.operations = [RunPython(create)]
    assert len(list(blocking(statements_of(migration)))) == 1
