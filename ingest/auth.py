"""Whose telemetry is this? A key decides, never an attribute; on loopback no key means the first project."""

import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from ingest import credentials, limits
from ingest.errors import Overloaded, Rejected
from ingest.quota import BYTES, REQUESTS, Quota
from ingest.redact import Redactor
from tracestore.actions.access import note_key_used
from tracestore.analysis import keys
from tracestore.analysis.pricing import PriceBook
from tracestore.analysis.retention import DEFAULT_DAYS
from tracestore.queries import access
from tracestore.queries.access import KeyRow, ProjectContextRow

SCOPE = "ingest"
KNOWN_KEYS = 4_096
MINUTE_S = 60.0
AWAY, AWAY_S = "the database cannot be asked about keys now, send it again", 1.0
_log = logging.getLogger("fourline.ingest")


@dataclass(frozen=True, slots=True)
class ProjectContext:
    """All that ingest needs to know of a project. key_id: None without a key."""

    project_id: int
    key_id: int | None
    redactor: Redactor
    price_book: PriceBook
    retention_days: int = DEFAULT_DAYS  # traces
    log_retention_days: int = DEFAULT_DAYS
    metric_retention_days: int = DEFAULT_DAYS

    def days_kept(self, signal: str) -> int:
        own = {"logs": self.log_retention_days, "metrics": self.metric_retention_days}
        return own.get(signal, self.retention_days)


@dataclass(slots=True)
class _Project:
    row: ProjectContextRow
    redactor: Redactor
    price_book: PriceBook
    fresh_until: float

    def context(self, key_id: int | None) -> ProjectContext:
        row = self.row
        days = (row.retention_days, row.log_retention_days, row.metric_retention_days)
        return ProjectContext(row.project_id, key_id, self.redactor, self.price_book, *days)


@dataclass(slots=True)
class _Known:
    """A key that was good when it was last looked up."""

    row: KeyRow
    fresh_until: float


class Gate:
    """Keys and projects as this process knows them, at most KEY_CACHE_S seconds old. Thread-safe."""

    def __init__(self) -> None:
        self._keys: dict[bytes, _Known] = {}
        self._projects: dict[int, _Project] = {}
        self._first: tuple[int, float] | None = None
        self._away_until = 0.0
        self._bad = BadKeys()
        self._requests = Quota(settings.KEY_REQUESTS_PER_S, REQUESTS)
        self._bytes = Quota(settings.KEY_MB_PER_MINUTE * 1e6 / MINUTE_S, BYTES)

    def peek(self, headers: credentials.Headers, peer: str) -> ProjectContext | None:
        """The answer of `admit` when no database is needed for it, else None."""
        given = credentials.find(headers)
        now_s = time.monotonic()
        if given is None:
            is_served = self._is_keyless(headers, peer) and credentials.is_local_host(headers)
            known = self._first if is_served else None
            return self._cached(known[0], None, now_s) if known and now_s < known[1] else None
        found = self._keys.get(keys.digest(given))
        if found is None or now_s >= found.fresh_until or not found.row.valid_at(datetime.now(UTC)):
            return None
        return self._cached(found.row.project_id, found.row.id, now_s)

    def admit(self, headers: credentials.Headers, peer: str) -> ProjectContext:
        """The project that the request may write to.

        Raises Rejected (unauthenticated, wrong_scope, bad_host) or Overloaded (bad_keys, store). Asks the database at
        most once in KEY_CACHE_S seconds for each good key and project, and for every bad key.
        """
        found = self.peek(headers, peer)
        if found is not None:
            return found
        if time.monotonic() < self._away_until:
            raise Overloaded("store", AWAY)
        try:
            return self._ask(headers, peer)
        except (DatabaseError, InterfaceError) as error:
            self._away_until = time.monotonic() + AWAY_S  # others need not wait for the same timeout
            raise Overloaded("store", AWAY) from error

    def _ask(self, headers: credentials.Headers, peer: str) -> ProjectContext:
        given = credentials.find(headers)
        if given is not None:
            row = self._look_up(given, peer)
            return self._project(row.project_id, row.id)
        if not self._is_keyless(headers, peer):
            raise Rejected("unauthenticated", "no key: send Authorization: Bearer KEY or x-api-key: KEY")
        if not credentials.is_local_host(headers):
            raise Rejected("bad_host", "without a key only localhost is served: send a key")
        return self._project(self._first_project(), None)

    def charge_request(self, context: ProjectContext) -> None:
        """Before the body is read. Raises Overloaded("quota") when the key is over one of its limits."""
        now_s = time.monotonic()
        self._requests.check(context.key_id, now_s)
        self._bytes.check(context.key_id, now_s)
        self._requests.spend(context.key_id, 1, now_s)

    def charge_bytes(self, context: ProjectContext, count: int) -> None:
        """count: of the body, as it was sent."""
        self._bytes.spend(context.key_id, count, time.monotonic())

    def forget(self) -> None:
        self._keys.clear()
        self._projects.clear()
        self._first = None

    def _is_keyless(self, headers: credentials.Headers, peer: str) -> bool:
        return (
            bool(settings.KEYLESS_FROM_LOOPBACK)
            and credentials.is_loopback(peer)
            and not credentials.is_forwarded(headers)
        )

    def _look_up(self, given: str, peer: str) -> KeyRow:
        digest, now_s = keys.digest(given), time.monotonic()
        if digest not in self._keys:
            self._bad.refuse_flood(peer, now_s)
        prefix = keys.key_prefix(given)
        row = access.find_api_key(prefix) if prefix else None
        if row is None or not keys.matches(given, row.sha256) or not row.valid_at(datetime.now(UTC)):
            self._keys.pop(digest, None)
            self._bad.note(peer, now_s)
            raise Rejected("unauthenticated", "this key is not valid: it is unknown, expired or revoked")
        if not row.allows(SCOPE):
            raise Rejected("wrong_scope", f"this key may {row.scope}; sending telemetry takes an ingest key")
        if len(self._keys) >= KNOWN_KEYS:
            self._keys.clear()
        self._keys[digest] = _Known(row, now_s + limits.KEY_CACHE_S)
        _note_used(row.id)
        return row

    def _first_project(self) -> int:
        id = access.first_project()
        if id is None:
            raise Overloaded("store", "there is no project yet")
        self._first = (id, time.monotonic() + limits.KEY_CACHE_S)
        return id

    def _cached(self, project_id: int, key_id: int | None, now_s: float) -> ProjectContext | None:
        project = self._projects.get(project_id)
        if project is None or now_s >= project.fresh_until:
            return None
        return project.context(key_id)

    def _project(self, project_id: int, key_id: int | None) -> ProjectContext:
        now_s = time.monotonic()
        cached = self._cached(project_id, key_id, now_s)
        if cached is not None:
            return cached
        row = access.project_context_row(project_id)
        if row is None:
            raise Rejected("unauthenticated", "the project of this key is deleted")
        known = self._projects.get(project_id)
        if known is None or known.row != row:
            redactor = Redactor.from_rules(row.redaction_rules, access.redaction_secret(project_id))
            known = _Project(row, redactor, PriceBook.for_project(row.prices), 0.0)
            self._projects[project_id] = known
        known.fresh_until = now_s + limits.KEY_CACHE_S
        return known.context(key_id)


class BadKeys:
    """How many bad keys came from an address this minute? Past the limit only keys not yet known are kept waiting."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._until = 0.0
        self._allowed = 0.0
        self._lock = threading.Lock()

    def note(self, peer: str, now_s: float) -> None:
        with self._lock:
            self._turn(now_s)
            self._counts[peer] = self._counts.get(peer, 0) + 1

    def refuse_flood(self, peer: str, now_s: float) -> None:
        """An address over its limit may still have unknown keys looked up, ten a second: a good one gets in."""
        with self._lock:
            self._turn(now_s)
            if self._counts.get(peer, 0) < limits.BAD_KEYS_PER_MINUTE:
                return
            if now_s >= self._allowed:
                self._allowed = now_s + 0.1
                return
        raise Overloaded("bad_keys", "too many invalid keys from this address", int(MINUTE_S))

    def _turn(self, now_s: float) -> None:
        if now_s >= self._until or len(self._counts) > KNOWN_KEYS:
            self._counts.clear()
            self._until = now_s + MINUTE_S


def _note_used(key_id: int) -> None:
    try:
        note_key_used(key_id, datetime.now(UTC))
    except Exception as error:  # a date that people look at must not cost a batch
        _log.warning("the last use of key %s was not noted: %s", key_id, type(error).__name__)
