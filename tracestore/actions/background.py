"""Background jobs leave a note of each run."""

from datetime import datetime

from tracestore.models.background import JobRun


def note_success(name: str, now: datetime, duration_ms: int) -> None:
    """The job finished at `now`."""
    values = {"finished_at": now, "duration_ms": duration_ms}
    JobRun.objects.update_or_create(name=name, defaults=values)


def note_failure(name: str, now: datetime, failure: str) -> None:
    """The job failed at `now`. failure: type and place of the error."""
    JobRun.objects.update_or_create(name=name, defaults={"failed_at": now, "failure": failure[:200]})
