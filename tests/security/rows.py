"""Has anything of a project changed? A fingerprint of all its rows."""

from django.db import connection
from django.db.backends.utils import CursorWrapper


def rows_of(project_id: int) -> dict[str, str]:
    """A fingerprint of every table that belongs to projects."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN pg_class k ON k.relname = c.table_name"
            " WHERE c.table_schema = 'public' AND c.column_name IN ('project', 'project_id')"
            " AND k.relkind IN ('r', 'p') AND NOT k.relispartition"
        )
        return {table: _fingerprint(cursor, table, column, project_id) for table, column in cursor.fetchall()}


def _fingerprint(cursor: CursorWrapper, table: str, column: str, project_id: int) -> str:
    rows = "count(*) || md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), ''))"
    cursor.execute(f'SELECT {rows} FROM "{table}" t WHERE "{column}" = %s', [project_id])  # noqa: S608
    return str(cursor.fetchone()[0])
