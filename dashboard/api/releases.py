"""Releases over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router
from ninja.errors import HttpError
from pydantic import Field

from dashboard.access import KeyAuth
from dashboard.api import schemas
from dashboard.api.answers import answer
from dashboard.api.bodies import ReleaseBody, read_release, release_shape, request_body
from dashboard.api.evaluations import allow_post
from dashboard.api.forms import Json, fields, in_time, names_of
from dashboard.api.queries import Limit, RangeQuery, range_of
from dashboard.params import BadParam, in_ns, parse_time
from tracestore.actions.access import Refused
from tracestore.actions.releases import ReleaseNote, note_release
from tracestore.models import Release
from tracestore.queries.releases import ReleaseRow, find_releases

router = Router(tags=["Releases"])
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


class ReleasesQuery(RangeQuery):
    service: Annotated[str | None, Field(max_length=256)] = None
    limit: Limit = 500


@router.post(
    "/releases",
    auth=KeyAuth("ingest"),
    response={200: schemas.Release, 201: schemas.Release},
    openapi_extra=request_body(shape=release_shape()),
)
def post_release(request: HttpRequest) -> HttpResponse:
    """A version of a service went out: charts mark the moment. An ingest key suffices.

    201 for a new one, 200 for one that was there already under the same `id` (what is known of it is replaced).
    """
    allow_post(request)
    note, now = _note(read_release(request)), timezone.now()
    try:
        release, is_new = note_release(request.auth.project_id, note, now)
    except Refused as refusal:
        raise HttpError(429, str(refusal)) from refusal
    return answer(in_json(_row(release)), 201 if is_new else 200)


def _note(sent: ReleaseBody) -> ReleaseNote:
    return ReleaseNote(
        **sent.model_dump(exclude={"time"}), released_at=moment_of("time", sent.time) if sent.time else None
    )


def moment_of(name: str, text: str) -> datetime:
    """name: of the field. Raises BadParam."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=parse_time(name, text) // 1000)
    if moment > LATEST:
        raise BadParam(f"{name}: must be a time such as 2026-11-21T09:30:00Z.")
    return moment


def _row(release: Release) -> ReleaseRow:
    return ReleaseRow(
        id=release.key,
        time_ns=in_ns(release.released_at),
        version_set=None,
        **{name: getattr(release, name) for name in _WORDS},
    )


_WORDS = ("service", "version", "environment", "name", "url", "commit", "description")


@router.get("/releases", auth=KeyAuth("read"), response=schemas.Items[schemas.Release])
def list_releases(request: HttpRequest, query: Query[ReleasesQuery]) -> HttpResponse:
    """The releases of the range, newest first. `version_set`: the set that ran with that service and version, if it has
    been seen."""
    chosen = range_of(query, timezone.now())
    rows = find_releases(request.auth.project_id, chosen.start_ns, chosen.end_ns, query.service or None, query.limit)
    return answer({"items": [in_json(row) for row in rows], "next_cursor": None})


_SHOWN = names_of(ReleaseRow, without="time_ns")


def in_json(row: ReleaseRow) -> Json:
    return {**fields(row, _SHOWN), "time": in_time(row.time_ns), "time_unix_nano": str(row.time_ns)}
