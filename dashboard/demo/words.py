"""What people and pipelines say, which is no telemetry: feedback on answers, and releases; through the JSON API."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from dashboard.demo.plan import SECOND, FeedbackPlan, TracePlan
from dashboard.demo.releases import Deployment

BATCH = 200


class Words:
    """One connection that is kept; what cannot be said is dropped, as a product would. base: http://host:port.

    Each has an id of its own, so that history told twice is the same feedback and the same releases.
    """

    def __init__(self, base: str, headers: Mapping[str, str], timeout_s: float) -> None:
        address = urlsplit(base)
        self._connection = HTTPConnection(address.hostname or "127.0.0.1", address.port or 80, timeout=timeout_s)
        self._headers = {"Content-Type": "application/json", **headers}
        self._feedback: list[dict[str, Any]] = []

    def feedback(self, plan: TracePlan, said: FeedbackPlan) -> None:
        """Kept until pass_on, or until there is a batch."""
        self._feedback.append(_feedback(plan, said))
        if len(self._feedback) >= BATCH:
            self.pass_on()

    def pass_on(self) -> None:
        if self._feedback:
            self._post("/api/v1/feedback", self._feedback)
            self._feedback = []

    def release(self, deployment: Deployment) -> None:
        self._post("/api/v1/releases", _release(deployment))

    def close(self) -> None:
        self._connection.close()

    def _post(self, path: str, body: object) -> None:
        try:
            self._connection.request("POST", path, json.dumps(body), self._headers)
            self._connection.getresponse().read()
        except (OSError, HTTPException):
            self._connection.close()  # the next one opens it again


def _feedback(plan: TracePlan, said: FeedbackPlan) -> dict[str, Any]:
    trace_id = f"{plan.trace_id:032x}"
    own = {"trace_id": trace_id, "name": said.name, "rating": said.rating, "time": _time(said.time_ns)}
    own["id"] = f"{trace_id} {said.name}"
    return own | ({"comment": said.comment} if said.comment else {})


def _release(deployment: Deployment) -> dict[str, Any]:
    release = deployment.release
    what = f"prompt {release.prompt_version}, model {release.model}, tools {release.tools_version}"
    return {
        "id": f"{release.service} {deployment.time_ns // SECOND}",
        "service": release.service,
        "version": release.version,
        "environment": "prod",
        "time": _time(deployment.time_ns),
        "commit": release.revision,
        "description": f"Rolled back to {release.version}" if deployment.back else what,
    }


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / SECOND, UTC).isoformat()
