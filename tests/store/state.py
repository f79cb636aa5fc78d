"""What a test of the store looks at: tables as plain values, without what depends on when something arrived."""

from typing import Any

from tracestore import db

ARRIVAL = {"project", "received_ns", "settled_ns", "complete_from_ns", "id", "marked_ns"}


def rows(table: str, project: int, ignore: set[str] = ARRIVAL) -> list[tuple[Any, ...]]:
    """All rows of a project, sorted, columns in order of their names."""
    with db.JOBS.connection() as connection:
        cursor = connection.execute(f"SELECT * FROM {table} WHERE project = %s", [project])
        names = [column.name for column in cursor.description or ()]
        order = sorted((name, n) for n, name in enumerate(names) if name not in ignore)
        return sorted((tuple(row[n] for _, n in order) for row in cursor), key=repr)


def derived(project: int) -> dict[str, list[tuple[Any, ...]]]:
    return {table: rows(table, project) for table in ("trace", "llm_call", "tool_call")}


def stored(project: int) -> dict[str, list[tuple[Any, ...]]]:
    """Spans by content: where their payload lies depends on how they were batched."""
    return {"span": rows("span", project, ARRIVAL | {"block_id", "block_index"})}


def count(table: str, project: int = 1) -> int:
    with db.JOBS.connection() as connection:
        row = connection.execute(f"SELECT count(*) FROM {table} WHERE project = %s", [project]).fetchone()
    assert row is not None
    number: int = row[0]
    return number


def ledger(project: int = 1) -> tuple[int, int, int, int]:
    """Sums of sent, accepted, deduplicated, rejected over batches and minutes."""
    query = """
        SELECT sum(sent), sum(accepted), sum(deduplicated), sum(n)
        FROM (
          SELECT sent, accepted, deduplicated, rejected FROM ingest_ledger WHERE project = %(project)s
          UNION ALL
          SELECT sent, accepted, deduplicated, rejected FROM ledger_minute WHERE project = %(project)s
        ) AS both_, LATERAL (
          SELECT coalesce(sum(value::bigint), 0) AS n FROM jsonb_each_text(coalesce(rejected, '{}'))
        ) AS reasons
    """
    with db.JOBS.connection() as connection:
        row = connection.execute(query, {"project": project}).fetchone()
    assert row is not None
    sent, accepted, deduplicated, rejected = (int(value or 0) for value in row)
    return sent, accepted, deduplicated, rejected
