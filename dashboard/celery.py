"""The Celery application. The broker is a doorbell: what must not be lost is a row in Postgres, so it may be wiped any time."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from celery import Celery, signals
from kombu.exceptions import OperationalError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

from dashboard import settings
from tracestore.timetable import lanes

HARD_LIMIT_S, SOFT_LIMIT_S = 90, 60
SOCKET_TIMEOUT_S = 5

SILENCE_S = 60  # settling rings every second: a worker that hears, or a beat that sends nothing for so long is deaf

# Without Celery's own Django fixup: tracestore.tasks keeps the connections in order, and beat does without Django.
app = Celery("fourline", fixups=[])
app.conf.update(
    broker_url=settings.BROKER_URL or settings.EMBEDDED_BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": 2 * HARD_LIMIT_S,
        "socket_timeout": SOCKET_TIMEOUT_S,
        "socket_connect_timeout": SOCKET_TIMEOUT_S,
        "retry_on_timeout": True,
    },
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=HARD_LIMIT_S,
    task_soft_time_limit=SOFT_LIMIT_S,
    task_store_errors_even_if_ignored=False,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=5_000,
    worker_max_memory_per_child=300_000,  # KiB
    worker_concurrency=len(lanes()),  # so that slow upkeep or mail never delays settling
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    beat_scheduler="celery.beat:Scheduler",  # in memory: nothing of the schedule is worth a file
    beat_max_loop_interval=1,
    timezone="UTC",
)


class Watchdog:
    """Ends the process when nothing has happened for SILENCE_S: whoever runs it starts it again, connected anew."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def touch(self, **_: Any) -> None:
        self.last = time.monotonic()

    def watch(self) -> None:
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def _run(self) -> None:
        while time.monotonic() - self.last < SILENCE_S:
            time.sleep(1)
        print(f"error nothing was heard for {SILENCE_S} s: starting again", flush=True)
        os._exit(1)


def broker_answers(timeout_s: float) -> bool:
    try:
        with app.connection_for_write(connect_timeout=timeout_s) as connection:
            connection.ensure_connection(max_retries=1, timeout=timeout_s)
    except (OperationalError, OSError):
        return False
    return True


def run_worker() -> None:
    """Work until SIGTERM. Needs Django's applications to be set up."""
    from celery.platforms import SecurityWarning

    from tracestore import tasks

    warnings.simplefilter("ignore", SecurityWarning)  # about root and pickle: we accept json only
    tasks.register(app)
    watchdog = Watchdog()
    signals.task_received.connect(watchdog.touch, weak=False)
    signals.worker_ready.connect(lambda **_: watchdog.watch(), weak=False)
    signals.worker_process_init.connect(_ends_with(os.getpid()), weak=False)
    app.Worker(hostname="fourline@%h", loglevel="WARNING", quiet=True, without_mingle=True, without_gossip=True).start()


def run_beat() -> None:
    """Ring until SIGTERM, for every job once at the start."""
    from tracestore.timetable import beat_schedule

    app.conf.beat_schedule = beat_schedule()
    watchdog = Watchdog()
    signals.after_task_publish.connect(watchdog.touch, weak=False)
    signals.beat_init.connect(lambda **_: watchdog.watch(), weak=False)
    app.Beat(loglevel="WARNING", quiet=True).run()


@signals.setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Celery would add handlers of its own."""


def _ends_with(worker: int) -> Callable[..., None]:
    """A child of the worker ends when the worker is killed, also one that was just forked and has not asked for it yet."""
    from dashboard.embedded.parent import die_with_parent

    ends_with_it = die_with_parent(signal.SIGKILL, parent=worker)
    return lambda **_: ends_with_it()
