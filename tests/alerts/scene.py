"""A service with objectives, traffic put straight into the counts, and a clock that is moved by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.rows import insert
from tests.slo.objectives import objective, project
from tracestore import db, slo_counts
from tracestore.analysis.slo.notice import Notice, unpacked
from tracestore.channels.rendering import in_words
from tracestore.jobs import alerts as alerts_job
from tracestore.jobs import evaluate
from tracestore.models import Project
from tracestore.models.alerts import Alert, AlertEvent, Channel, Delivery
from tracestore.models.slo import Objective
from tracestore.queries.slo import ObjectiveRow

START = datetime(2031, 3, 4, 12, tzinfo=UTC)  # nothing here meets the real clock
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OLD, NEW = "a" * 32, "b" * 32


def s_of(moment: datetime) -> int:
    return int(moment.timestamp())


@dataclass
class Scene:
    """now: the clock; the minute that is evaluated ends 90 s before it or earlier."""

    project: Project = field(default_factory=project)
    now: datetime = START + timedelta(seconds=100)

    def __post_init__(self) -> None:
        self.channel = Channel.objects.create(
            project=self.project, name="hook", kind="webhook", target="https://hook.example"
        )

    def objective(self, **fields: Any) -> ObjectiveRow:
        """99.9 % of requests over 28 days, counted for the last 28 days."""
        own = objective(self.project.pk, **({"target": "0.999", "service": "shop"} | fields))
        state = {"objective_id": own.id, "project": own.project_id, "revision": 1, "history_done": True}
        insert("slo_state", [state | {"counted_from_s": s_of(START - 28 * DAY)}])
        return own

    def traffic(
        self, own: ObjectiveRow, start: datetime, end: datetime, total: int = 100, bad: int = 0, version: str = OLD
    ) -> None:
        """Events of each minute of [start, end); the hours and days follow."""
        with db.JOBS.connection() as connection, connection.transaction():
            connection.execute(TRAFFIC, [own.project_id, own.id, version, bad, total, bad, s_of(start), s_of(end) - 60])
            slo_counts.fold(connection, [own.id], range(s_of(start), s_of(end), 60))

    def evaluate(self) -> evaluate.Summary:
        return evaluate.run(self.now)

    def notify(self) -> alerts_job.Summary:
        return alerts_job.run(self.now)

    def tick(self, times: int = 1, step: timedelta = MINUTE) -> None:
        """Time passes; evaluated and told each minute."""
        for _ in range(times):
            self.now += step
            evaluate.run(self.now)
            alerts_job.run(self.now)

    def tell(self, after: timedelta) -> None:
        """Time passes; nothing is evaluated."""
        self.now += after
        alerts_job.run(self.now)

    @property
    def alerts(self) -> list[Alert]:
        return list(Alert.objects.filter(project=self.project).order_by("fired_at", "severity", "rule"))

    def rules(self) -> list[tuple[str, str]]:
        return [(alert.rule, alert.state) for alert in self.alerts]

    def notices(self) -> list[Notice]:
        """What was written to the outbox; all of it can be put into words."""
        rows = Delivery.objects.filter(project=self.project).order_by("created_at")
        found = [unpacked(row.content) for row in rows]
        assert all(in_words(one, "UTC").headline for one in found)
        return found

    def kinds(self) -> list[str]:
        return [notice.kind for notice in self.notices()]


TRAFFIC = """
INSERT INTO slo_count (project, objective_id, grain_s, start_s, version_set, bad, total, bad_traces)
SELECT %s, %s, 60, start_s, %s, %s, %s, CASE WHEN %s > 0 THEN ARRAY[md5(start_s::text)::uuid] ELSE '{}' END
FROM generate_series(%s::bigint, %s::bigint, 60) AS start_s
ON CONFLICT (objective_id, grain_s, start_s, version_set) DO UPDATE SET bad = excluded.bad, total = excluded.total
"""


def version_set(project_id: int, set_id: str, version: str, first_seen: datetime, **parts: Sequence[str]) -> None:
    known = {name: list(values) for name, values in parts.items()} | {"service_version": [version]}
    insert(
        "version_set",
        [
            {
                "project": project_id, "id": set_id, "service": "shop", "service_version": version, "parts": known,
                "first_seen_ns": s_of(first_seen) * 10**9, "last_seen_ns": s_of(first_seen) * 10**9,
            }
        ],
    )  # fmt: skip


def events(alert: Alert) -> list[str]:
    return list(AlertEvent.objects.filter(alert=alert).order_by("at", "id").values_list("kind", flat=True))


def change(own: ObjectiveRow, **fields: Any) -> None:
    Objective.objects.filter(pk=own.id).update(**fields)
