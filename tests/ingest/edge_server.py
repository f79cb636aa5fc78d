"""The real web worker (dashboard.server, dashboard.asgi, ingest.otlp_http) with a store that only counts. Run as a module.

    python -m tests.ingest.edge_server PORT LOG

Every stored batch is a line of LOG: signal and number of records. Keys: GOOD and OTHER are good, everything else is not.
"""

import hashlib
import os
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

GOOD = "fl_goodgood_" + "g" * 43
OTHER = "fl_otherone_" + "o" * 43
READ = "fl_readread_" + "r" * 43


def main(port: int, log: Path) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "FOURLINE_SECRET_KEY": "of a test",
        "FOURLINE_OTLP_PORT": str(port),
        "FOURLINE_INGEST_BUFFER_MB": "96",
    }
    import dashboard.asgi
    from ingest import auth, receive, refusals
    from tracestore import refusals as ledger
    from tracestore.queries.access import KeyRow, ProjectContextRow
    from tracestore.records import Receipt

    lock = threading.Lock()

    def write(batch, packed):
        packed()
        if os.path.exists(f"{log}.slow"):
            time.sleep(1)
        if os.path.exists(f"{log}.tenth"):
            time.sleep(0.1)
        if os.path.exists(f"{log}.down"):
            from tracestore.db import Unavailable

            raise Unavailable("the test says so")
        if os.path.exists(f"{log}.bug"):
            raise ZeroDivisionError("a secret of our insides")
        records = len(batch.spans) + len(batch.logs) + len(batch.points)
        with lock, log.open("a") as lines:
            lines.write(f"{batch.signal} {records}\n")
        return Receipt(batch.sent, records, 0, dict(batch.rejected))

    def count(counts):
        with lock, Path(f"{log}.refused").open("a") as lines:
            for (project, signal, _, reason), requests in counts.items():
                lines.write(f"{project} {signal} {reason} {requests}\n")

    def find_api_key(prefix):
        for id, (key, scope) in enumerate(((GOOD, "ingest"), (READ, "read"), (OTHER, "ingest")), 1):
            if key[3:11] == prefix:
                return KeyRow(id, prefix, hashlib.sha256(key.encode()).digest(), scope, 7, None, None)
        return None

    receive.writer = SimpleNamespace(write=write, Unavailable=receive.writer.Unavailable)
    ledger.add = count
    refusals.EVERY_S = 0.1
    auth.note_key_used = lambda *_: None
    auth.access = SimpleNamespace(
        find_api_key=find_api_key,
        first_project=lambda: 7,
        project_context_row=lambda id: ProjectContextRow(id, "test", "Test", 30, [], []),
        redaction_secret=auth.access.redaction_secret,
    )
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    print("listening", flush=True)
    from dashboard.server import serve

    serve(dashboard.asgi.application, [listener])


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
