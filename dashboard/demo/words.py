"""What people and pipelines say, which is no telemetry: feedback on answers, and releases; through the JSON API."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from dashboard.demo.plan import SECOND, FeedbackPlan, TracePlan
from dashboard.demo.releases import Deployment


class Words:
    """One connection that is kept; what cannot be said is dropped, as a product would. base: http://host:port."""

    def __init__(self, base: str, headers: Mapping[str, str], timeout_s: float) -> None:
        address = urlsplit(base)
        self._connection = HTTPConnection(address.hostname or "127.0.0.1", address.port or 80, timeout=timeout_s)
        self._headers = {"Content-Type": "application/json", **headers}

    def feedback(self, plan: TracePlan, said: FeedbackPlan) -> None:
        body = {
            "trace_id": f"{plan.trace_id:032x}",
            "name": said.name,
            "score": said.score,
            "label": said.label,
            "comment": said.comment or None,
            "time": _time(said.time_ns),
        }
        self._post("/api/v1/feedback", body)

    def release(self, deployment: Deployment) -> None:
        release = deployment.release
        note = "rolled back" if deployment.back else f"prompt {release.prompt_version}, {release.model}"
        body = {
            "service": release.service,
            "version": release.version,
            "environment": "prod",
            "time": _time(deployment.time_ns),
            "note": note,
        }
        self._post("/api/v1/releases", body)

    def close(self) -> None:
        self._connection.close()

    def _post(self, path: str, body: Mapping[str, Any]) -> None:
        try:
            self._connection.request("POST", path, json.dumps(body), self._headers)
            self._connection.getresponse().read()
        except (OSError, HTTPException):
            self._connection.close()  # the next one opens it again


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / SECOND, UTC).isoformat()
