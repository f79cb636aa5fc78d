"""What do objectives cost: counting a minute for many of them, history for one, evaluating all of them?

    python -m benchmarks.objectives --database postgresql://... [--spans 1000000] [--objectives 500] [--days 30]

Needs an empty database of its own, migrated and with partitions (`manage.py prepare`). Spans are those of `manage.py generate`
over 14 days. What is evaluated is not counted from them: counts of every minute, hour and day of `--days` days and two version
sets are made up in the table itself, so that it is as large as with 10 million spans and more. Times: wall, CPU of this
process, CPU of its Postgres backend.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

import psycopg

from benchmarks.settle import cpu_s

GENERATED_DAYS: Final = 14
BUSY_REQUESTS: Final = 2_000  # in the busy minute; calls and tool calls to match
# (unit, all events, the good ones): what people ask for; every one is there again for another service.
KINDS: Final = (
    ("request", "service:{service}", "-outcome:error"),
    ("request", "service:{service}", "duration:<=2s"),
    ("request", "service:{service} -outcome:error", "cost:<0.01"),
    ("request", "service:{service} tool:*", "-status:error"),
    ("request", "attr.tenant:acme", "-error:*"),
    ("llm_call", "service:{service}", "-status:error"),
    ("llm_call", "service:{service} model:gpt*", "duration:<5s"),
    ("tool_call", "service:{service}", "-status:error"),
    ("session", "service:{service}", "-status:error"),
    ("evaluation", "service:{service}", "status:ok"),
)


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--database", required=True)
    cli.add_argument("--spans", type=int, default=1_000_000, help="0: those of a run before")
    cli.add_argument("--objectives", type=int, default=500)
    cli.add_argument("--days", type=int, default=30)
    args = cli.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    os.environ["FOURLINE_DATABASE_URL"] = args.database
    import django

    django.setup()
    project_id = make_project(args.spans) if args.spans else made_project()
    for name, (wall_s, own_s, server_s, done) in results(project_id, args.objectives, args.days):
        print(f"{name:62} {1000 * wall_s:9.1f} {1000 * own_s:9.1f} {1000 * server_s:9.1f} ms  {done}", flush=True)


def measured(connection: psycopg.Connection, work: Callable[[], object]) -> tuple[float, float, float, object]:
    """(wall, CPU of this process, CPU of all backends of the database), in seconds, and what it answered."""

    def backends() -> dict[int, float]:
        pids = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()").fetchall()
        return {pid: cpu_s(pid) for (pid,) in pids}

    before, began, own = backends(), time.perf_counter(), time.process_time()
    done = work()
    wall_s, own_s = time.perf_counter() - began, time.process_time() - own
    return wall_s, own_s, sum(spent - before.get(pid, 0.0) for pid, spent in backends().items()), done


def make_project(spans: int) -> int:
    from django.core.management import call_command

    from tracestore.models import Project

    project = Project.objects.create(name="Measured", slug="measured", created_at=datetime.now(UTC))
    call_command("generate", spans=spans, project="measured", days=GENERATED_DAYS)
    return int(project.pk)


def made_project() -> int:
    """What a run before has left: its spans are measured again."""
    from tracestore.models import Project
    from tracestore.models.slo import Objective

    Objective.objects.all().delete()
    return int(Project.objects.get(slug="measured").pk)


def results(project_id: int, objectives: int, days: int) -> Iterator[tuple[str, Any]]:
    from tracestore import db

    with db.JOBS.connection(24 * 3600) as connection:
        connection.execute("SET statement_timeout = 0")
        yield (
            "marking 60 minutes, a project without objectives",
            measured(connection, lambda: mark(connection, project_id)),
        )
        for unit, q in (("request", "-outcome:error"), ("request", "-error:*"), ("session", "-status:error")):
            make_objectives(project_id, [(unit, "", q)])
            yield (
                f"history of 1 objective ({unit}s, {q})",
                measured(connection, lambda: history(connection, project_id)),
            )
        make_objectives(project_id, drawn(connection, project_id, objectives - 3))
        yield from minutes(connection, project_id)
        print(f"made up {fill_counts(connection, project_id, days):,} rows of counts", flush=True)
        for turn in range(3):
            yield (
                f"evaluating one minute of all objectives ({turn})",
                measured(connection, partial(evaluated, turn)),
            )


# --- objectives ---------------------------------------------------------------------------------------------------------


def drawn(connection: psycopg.Connection, project_id: int, count: int) -> list[tuple[str, str, str]]:
    rows = connection.execute("SELECT DISTINCT service FROM trace WHERE project = %s ORDER BY 1", [project_id])
    services = [row[0] for row in rows]
    kinds = [(KINDS[n % len(KINDS)], services[n // len(KINDS) % len(services)]) for n in range(count)]
    return [(unit, total.format(service=service), part) for (unit, total, part), service in kinds]


def make_objectives(project_id: int, kinds: list[tuple[str, str, str]]) -> None:
    from tracestore.models.slo import Objective

    first = Objective.objects.count()
    Objective.objects.bulk_create(
        Objective(
            project_id=project_id,
            name=f"objective-{first + n}",
            unit=unit,
            total_q=total,
            part_q=part,
            target=Decimal("0.99"),
            period_days=28,
        )
        for n, (unit, total, part) in enumerate(kinds)
    )


# --- counting -------------------------------------------------------------------------------------------------------------


def mark(connection: psycopg.Connection, project_id: int) -> str:
    """What settling does in addition."""
    from tracestore import rollups

    asked = {"project": project_id, "starts": list(range(0, 3600, 60))}
    for _ in range(100):
        connection.execute(rollups.MARK_FOR_OBJECTIVES, asked)
    return "100 times"


def history(connection: psycopg.Connection, project_id: int) -> str:
    """Without the rests that ingest is given, and without the budget of a run."""
    from tracestore.jobs import slo_history, slo_turn

    slo_history.rest_s = lambda *_: 0.0  # type: ignore[assignment]
    slo_history.HISTORY_S = 3600.0  # type: ignore[misc]
    turn = slo_turn.Turn(connection, project_id, datetime.now(UTC), time.monotonic() + 3600)
    slo_history.count_history(turn, slo_turn.begin(turn))
    return f"{turn.history:,} minutes"


def minutes(connection: psycopg.Connection, project_id: int) -> Iterator[tuple[str, Any]]:
    """The busiest of those that were generated, and one that is made up to be busy."""
    from tracestore.jobs import slo_turn

    turn = slo_turn.Turn(connection, project_id, datetime.now(UTC), time.monotonic() + 3600)
    objectives = slo_turn.begin(turn)
    for at_s in (busiest(connection, project_id), busy(connection, project_id)):
        for again in ("first", "again"):
            found = measured(connection, partial(count_minute, turn, objectives, at_s))
            yield f"counting a minute for {len(objectives)} objectives ({again})", found
        for lot in slo_turn.lots(objectives):
            found = measured(connection, partial(count_minute, turn, lot, at_s))
            yield f"  of these {len(lot)} of {lot[0].unit}s", found


def count_minute(turn: Any, objectives: Any, at_s: int) -> str:
    from tracestore.jobs import slo_turn

    with turn.connection.transaction():
        errors = [slo_turn.try_count(turn, lot, [at_s]) for lot in slo_turn.lots(objectives)]
    query = "SELECT count(*) FROM trace WHERE project = %s AND end_ns BETWEEN %s AND %s"
    row = turn.connection.execute(query, [turn.project_id, at_s * 10**9, (at_s + 60) * 10**9 - 1]).fetchone()
    return f"{row[0]:,} requests {[error for error in errors if error] or ''}"


BUSIEST = """
SELECT end_ns / 60000000000 * 60 FROM trace WHERE project = %s GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
"""
BUSY = """
INSERT INTO {table} ({columns})
SELECT {values} FROM (
  SELECT * FROM {table} WHERE project = %(project)s AND day = %(day)s ORDER BY trace_id LIMIT %(limit)s
) AS x
"""


def busiest(connection: psycopg.Connection, project_id: int) -> int:
    row = connection.execute(BUSIEST, [project_id]).fetchone()
    assert row is not None
    return int(row[0])


def busy(connection: psycopg.Connection, project_id: int) -> int:
    """Rows of a day once more, all of them in its last minute."""
    row = connection.execute("SELECT day FROM trace GROUP BY day ORDER BY count(*) DESC LIMIT 1").fetchone()
    assert row is not None
    at_s = int(datetime.combine(row[0], datetime.min.time(), UTC).timestamp()) + 86_400 - 60
    for table in ("trace", "llm_call", "tool_call"):
        copy_into_minute(connection, table, {"project": project_id, "day": row[0], "at": at_s * 10**9})
    connection.execute("ANALYZE")
    return at_s


def copy_into_minute(connection: psycopg.Connection, table: str, asked: dict[str, Any]) -> None:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'", [table]
    )
    names = [name for (name,) in rows]
    changed = {
        "trace_id": "gen_random_uuid()",
        "end_ns": "%(at)s + (random() * 59e9)::bigint",
        "start_ns": "%(at)s - 1000000000",
    }
    query = BUSY.format(
        table=table, columns=", ".join(names), values=", ".join(changed.get(n, f"x.{n}") for n in names)
    )
    connection.execute(query, asked | {"limit": BUSY_REQUESTS})


# --- evaluating -----------------------------------------------------------------------------------------------------------

COUNTS = """
INSERT INTO slo_count (project, objective_id, grain_s, start_s, version_set, bad, total, bad_traces)
SELECT o.project_id, o.id, %(grain)s, at_s, md5((o.id %% 7 + set)::text), (random() < 0.02)::integer, 3, '{}'
FROM objective AS o, generate_series(%(from)s::bigint, %(until)s::bigint, %(grain)s) AS at_s, generate_series(0, 1) AS set
WHERE %(grain)s > 60 OR set = 0 OR at_s > %(until)s - 259200
ORDER BY o.id, at_s
"""
STATES = "UPDATE slo_state SET counted_from_s = 0, history_done = TRUE, evaluated_s = %s"


def fill_counts(connection: psycopg.Connection, project_id: int, days: int) -> int:
    """One version set, and a second one for the last three days."""
    now_s = int(time.time()) // 86_400 * 86_400 + 86_400
    connection.execute("DELETE FROM slo_count")
    made = 0
    for grain_s in (60, 3_600, 86_400):
        asked = {"grain": grain_s, "from": now_s - days * 86_400, "until": now_s - grain_s}
        made += connection.execute(COUNTS, asked).rowcount
    connection.execute(STATES, [int(time.time()) // 60 * 60 - 600])
    connection.execute("VACUUM ANALYZE slo_count")
    return made


def evaluated(turn: int) -> str:
    """Each turn is a minute later, and has one minute to evaluate."""
    from tracestore.jobs import evaluate

    now = datetime.fromtimestamp(int(time.time()) // 60 * 60 - 600 + 60 * (turn + 1) + 90, UTC)
    return str(evaluate.run(now))


if __name__ == "__main__":
    main()
