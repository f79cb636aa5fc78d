"""Who is this key, this user, this project? One function, one question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import close_old_connections, connection
from django.utils.crypto import salted_hmac

from tracestore.analysis.keys import SCOPE_ALLOWS
from tracestore.models.access import ApiKey, Project, RedactionRule
from tracestore.models.spend import ProjectPrice


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An API key as it is kept. sha256: 32 bytes of the whole key."""

    id: int
    prefix: str
    sha256: bytes
    scope: str
    project_id: int
    expires_at: datetime | None
    revoked_at: datetime | None

    def valid_at(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def allows(self, scope: str) -> bool:
        return scope in SCOPE_ALLOWS[self.scope]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A redaction rule; see tracestore.models.access.RuleKind and RuleAction."""

    id: int
    kind: str
    pattern: str
    action: str
    replacement: str


@dataclass(frozen=True, slots=True)
class PriceRow:
    """Prices of the models that match, from a UTC day on. rates: nano-USD, names as in analysis.pricing."""

    id: int
    provider: str
    pattern: str
    effective_from: date
    rates: dict[str, int]


@dataclass(frozen=True, slots=True)
class ProjectContextRow:
    """All that ingest wants to know of a project before it reads a span."""

    project_id: int
    slug: str
    name: str
    retention_days: int  # traces
    redaction_rules: Sequence[RuleRow]
    prices: Sequence[PriceRow]
    log_retention_days: int = 30
    metric_retention_days: int = 30


KEY_FIELDS = ("id", "prefix", "sha256", "scope", "project_id", "expires_at", "revoked_at")


def find_api_key(prefix: str) -> KeyRow | None:
    """The key with this prefix, in whatever state; None when there is none or its project is deleted."""
    _fresh_connection()
    found = ApiKey.objects.filter(prefix=prefix, project__deleted_at=None).values_list(*KEY_FIELDS).first()
    if found is None:
        return None
    id, prefix, sha256, scope, project_id, expires_at, revoked_at = found
    return KeyRow(id, prefix, bytes(sha256), scope, project_id, expires_at, revoked_at)


def first_project() -> int | None:
    """The id of the oldest project that is not deleted: where keyless telemetry from loopback goes."""
    _fresh_connection()
    return Project.objects.filter(deleted_at=None).order_by("id").values_list("id", flat=True).first()


def project_context_row(project_id: int) -> ProjectContextRow | None:
    """The project with its enabled redaction rules and its prices; None when deleted. Three statements."""
    _fresh_connection()
    project = Project.objects.filter(id=project_id, deleted_at=None).first()
    if project is None:
        return None
    return ProjectContextRow(
        project_id=project.id,
        slug=project.slug,
        name=project.name,
        retention_days=project.retention_days,
        log_retention_days=project.log_retention_days or project.retention_days,
        metric_retention_days=project.metric_retention_days or project.retention_days,
        redaction_rules=redaction_rules(project_id),
        prices=project_prices(project_id),
    )


def redaction_rules(project_id: int) -> list[RuleRow]:
    """The enabled rules, oldest first."""
    rules = RedactionRule.objects.filter(project_id=project_id, enabled=True).order_by("id")
    return [RuleRow(rule.id, rule.kind, rule.pattern, rule.action, rule.replacement) for rule in rules]


def redaction_secret(project_id: int) -> bytes:
    """What the project's rules hash with: nobody without our secret key can try values, or compare two projects."""
    secret: bytes = salted_hmac("fourline.redaction.hash", str(project_id), algorithm="sha256").digest()
    return secret


def project_prices(project_id: int) -> list[PriceRow]:
    """The project's own prices, latest effective date first, then the longer pattern."""
    prices = ProjectPrice.objects.filter(project_id=project_id).order_by("-effective_from", "pattern")
    return [PriceRow(price.id, price.provider, price.pattern, price.effective_from, price.rates) for price in prices]


def _fresh_connection() -> None:
    """Callers outside Django's request cycle (ingest's threads) must survive a restart of the database."""
    if not connection.in_atomic_block:
        close_old_connections()
