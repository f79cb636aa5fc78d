"""Does the disk come back, and how long does it take? A day that one of two projects keeps no longer; a backup and its restore.

python -m benchmarks.removal [--traces 4000]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import psycopg

from benchmarks.client import HttpTarget, packed, send_all
from benchmarks.load import draw
from benchmarks.stack import ROOT, Stack, running

MEBI = 1e6
AGO = timedelta(days=5)
A_REQUEST = 20  # traces
SIZES = """
SELECT parent.relname, sum(pg_total_relation_size(child.oid))::bigint
FROM pg_inherits JOIN pg_class AS parent ON parent.oid = inhparent JOIN pg_class AS child ON child.oid = inhrelid
WHERE parent.relkind = 'p' AND child.relname LIKE %s
GROUP BY 1 HAVING sum(pg_relation_size(child.oid)) > 0 ORDER BY 2 DESC
"""


def manage(home: str, *arguments: str) -> tuple[str, float]:
    """What a command printed, and how many seconds it took."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("FOURLINE_")}
    began = time.monotonic()
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    done = subprocess.run(command, env=own | {"FOURLINE_HOME": home}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), time.monotonic() - began


def fill(stack: Stack, keys: list[str], traces: int) -> None:
    old_ns = int((datetime.now(UTC) - AGO).timestamp() * 1e9)
    for seed, key in enumerate(keys):
        bodies = [packed(one, "protobuf", False) for one in draw(traces // A_REQUEST, A_REQUEST, seed, old_ns)]
        send_all(HttpTarget(stack.otlp, key), bodies, 2)


def remove(stack: Stack, connection: psycopg.Connection, number: int) -> None:
    pattern = f"%\\_{datetime.now(UTC) - AGO:%Y%m%d}"
    before = dict(connection.execute(SIZES, [pattern]).fetchall())
    connection.execute("UPDATE project SET retention_days = 2 WHERE id = %s", [number])
    connection.execute("UPDATE partition_clock SET steady_since = now() - interval '1 day'")
    said, seconds = manage(str(stack.home), "partitions", "--confirm")
    after = dict(connection.execute(SIZES, [pattern]).fetchall())
    print(f"rewriting one day: {said}; {seconds:.1f} s\n\n| table | before, MB | after, MB |\n|---|---|---|")
    for name, size in before.items():
        print(f"| {name} | {size / MEBI:.1f} | {after.get(name, 0) / MEBI:.1f} |")
    print(f"| all | {sum(before.values()) / MEBI:.1f} | {sum(after.values()) / MEBI:.1f} |\n")


def back_up(stack: Stack, connection: psycopg.Connection) -> None:
    file, home = stack.home.parent / "backup.zip", stack.home.parent / "restored"
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    said, seconds = manage(str(stack.home), "backup", str(file))
    print(f"{said}\n{row[0] / MEBI:.0f} MB of database: {seconds:.1f} s, {seconds / row[0] * 1e9:.0f} s a GB")
    said, seconds = manage(str(home), "restore", str(file))
    print(f"{said}\nrestore: {seconds:.1f} s, {seconds / row[0] * 1e9:.0f} s a GB, the start of the server included")
    shutil.rmtree(home)


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--traces", type=int, default=4_000, help="of each project")
    args = cli.parse_args()
    with running() as stack, stack.connect() as connection:
        made = json.loads(manage(str(stack.home), "project", "create", "Second", "--json")[0])
        fill(stack, [stack.credentials()["ingest_key"], made["ingest_key"]], args.traces)
        while connection.execute("SELECT EXISTS (SELECT FROM settle_mark)").fetchone() == (True,):
            time.sleep(0.5)
        row = connection.execute("SELECT id FROM project WHERE slug = %s", [made["project"]]).fetchone()
        assert row is not None
        remove(stack, connection, row[0])
        back_up(stack, connection)


if __name__ == "__main__":
    main()
