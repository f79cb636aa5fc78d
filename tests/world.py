"""Two projects and everybody who matters. Alice owns, Erin edits, Bob views; Charlie owns another project and must see nothing.

Every text of a project carries its canary, so that one search of an answer shows a leak.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256

from django.contrib.auth.hashers import make_password
from django.test import Client

from tests.security.telemetry import bodies
from tracestore import db
from tracestore.actions import access as actions
from tracestore.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    Project,
    ProjectPrice,
    RedactionRule,
    User,
)
from tracestore.models.alerts import Alert, AlertEvent, Channel, Silence
from tracestore.models.slo import Exclusion, ExclusionProposal, Objective

PASSWORD = "correct horse battery staple"
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Id:
    id: str


@dataclass
class Tenant:
    """A project and one of everything in it. keys: by scope, and "revoked" and "expired" (both were read keys)."""

    project: Project
    canary: str
    keys: dict[str, str] = field(default_factory=dict)
    token: str = ""  # of the open invitation
    trace_id: str = ""
    session_id: str = ""

    @property
    def slug(self) -> str:
        return self.project.slug

    @property
    def set_id(self) -> str:
        """The newest version set of its telemetry, or one that does not exist."""
        found = db.fetch(
            "SELECT id::text AS id FROM version_set WHERE project = %(project)s", {"project": self.project.pk}, Id
        )
        return found[0].id.replace("-", "") if found else "0" * 32

    @property
    def api_key(self) -> ApiKey:
        return ApiKey.objects.get(prefix=self.keys["ingest"][3:11])

    @property
    def rule(self) -> RedactionRule:
        return RedactionRule.objects.filter(project=self.project).earliest("id")

    @property
    def price(self) -> ProjectPrice:
        return ProjectPrice.objects.filter(project=self.project).earliest("id")

    @property
    def objective(self) -> Objective:
        """Made when it is first asked for, with its alert and a silence: most tests are about projects without."""
        return Objective.objects.filter(project=self.project).order_by("id").first() or _promise(self)

    @property
    def alert(self) -> Alert:
        return Alert.objects.filter(objective=self.objective).earliest("fired_at")

    @property
    def channel(self) -> Channel:
        return Channel.objects.filter(project=self.objective.project).earliest("id")

    @property
    def silence(self) -> Silence:
        return Silence.objects.filter(project=self.objective.project).earliest("id")

    @property
    def exclusion(self) -> Exclusion:
        return Exclusion.objects.filter(objective=self.objective).earliest("id")

    @property
    def proposal(self) -> ExclusionProposal:
        return ExclusionProposal.objects.filter(objective=self.objective).earliest("id")

    @property
    def invitation(self) -> Invitation:
        return Invitation.objects.get(project=self.project, accepted_at=None)


@dataclass
class World:
    """ours: the project of Alice, Erin and Bob. theirs: Charlie's. outsiders see neither of them."""

    ours: Tenant
    theirs: Tenant
    alice: User
    erin: User
    bob: User
    charlie: User
    admin: User
    dora: User  # was a member of ours; deactivated

    def client(self, user: User, proved: bool = True, **options: object) -> Client:
        """A browser with the user's session; proved: the password was given just now."""
        client = Client(**options)
        client.force_login(user)
        if proved:
            session = client.session
            session["proved"] = datetime.now(UTC).timestamp()
            session.save()
        return client


def make_world(now: datetime | None = None) -> World:
    now = now or datetime.now(UTC)
    people = {name: _user(name, now) for name in ("alice", "erin", "bob", "charlie", "admin", "dora")}
    people["admin"].is_admin = True
    people["admin"].save()
    ours, theirs = _tenant("ours", people["alice"], now), _tenant("theirs", people["charlie"], now)
    for name, role in (("erin", "editor"), ("bob", "viewer"), ("dora", "owner")):
        Membership.objects.create(project=ours.project, user=people[name], role=role, created_at=now)
    User.objects.filter(pk=people["dora"].pk).update(is_active=False)
    return World(ours=ours, theirs=theirs, **people)


def _user(name: str, now: datetime) -> User:
    user = User(email=f"{name}@example.org", name=name.title(), password=_hash(), created_at=now)
    user.save()
    return user


@cache
def _hash() -> str:
    return make_password(PASSWORD)


def _tenant(slug: str, owner: User, now: datetime) -> Tenant:
    canary = f"CANARY-{slug}"
    actor = actions.Actor(owner.pk, owner.email, "192.0.2.7")
    created = actions.create_project(f"{slug} {canary}", now, actor)
    project = Project.objects.get(pk=created.id)
    tenant = Tenant(project, canary, trace_id=sha256(slug.encode()).hexdigest()[:32], session_id=f"session.id {canary}")
    tenant.keys = {"ingest": created.ingest_key, "read": created.read_key, "write": created.write_key}
    for state in ("revoked", "expired"):
        tenant.keys[state] = actions.create_key(project.pk, "read", f"{state} {canary}", now + DAY, now, actor)
    actions.revoke_key(project.pk, tenant.keys["revoked"][3:11], now, actor)
    ApiKey.objects.filter(prefix=tenant.keys["expired"][3:11]).update(expires_at=now - DAY)
    ApiKey.objects.filter(project=project).update(name=f"key {canary}")
    actions.add_rule(project.pk, "text", f"secret {canary}", "mask", "[redacted]", now, actor)
    actions.add_price(project.pk, "", f"model-{canary}*", date(2026, 1, 1), {"input": 5_000_000_000}, now, actor)
    tenant.token = actions.invite(project.pk, f"{canary.lower()}@example.org", "viewer", now, actor)
    return tenant


def _promise(tenant: Tenant) -> Objective:
    """An objective with an alert that fires, a silence and an exclusion that have ended, one proposed, and a channel."""
    project, canary, now = tenant.project, tenant.canary, tenant.project.created_at
    Channel.objects.create(project=project, name="ops", kind="email", target=f"{canary}@example.org")
    objective = Objective.objects.create(
        project=project,
        name=f"promise-{project.slug}",
        title=f"promise {canary}",
        unit="request",
        part_q="-status:error",
        target="0.99",
        period_days=28,
        created_at=now,
    )
    told = {"project": project, "objective": objective, "fired_at": now, "changed_at": now}
    alert = Alert.objects.create(**told, rule="page-quick", severity="page", title=f"alert {canary}", group=canary)
    AlertEvent.objects.create(alert=alert, at=now, kind="fired", text=f"event {canary}")
    Silence.objects.create(
        project=project, comment=f"silence {canary}", author=canary, starts_at=now - 2 * DAY, ends_at=now - DAY
    )
    over = {"project": project, "reason": f"excluded {canary}", "author": canary, "category": "other"}
    for kind in (Exclusion, ExclusionProposal):
        kind.objects.create(**over, objective=objective, starts_at=now - 3 * DAY, ends_at=now - 2 * DAY)
    return objective


def without_promises(world: World) -> World:
    """For what counts objectives and alerts of its own."""
    Alert.objects.all().delete()
    Objective.objects.all().delete()
    return world


def fill(tenant: Tenant, now: datetime | None = None) -> None:
    """A trace, a log and a metric point whose every text holds the tenant's canary."""
    now = now or datetime.now(UTC)
    texts = bodies(lambda place: f"{place} {tenant.canary}", int(now.timestamp()) * 10**9, tenant.trace_id)
    send(tenant, texts, now)


def send(tenant: Tenant, bodies: dict[str, bytes], now: datetime) -> None:
    """Telemetry through the whole of ingest, then settled. Needs the fixture `database`."""
    from ingest.auth import ProjectContext
    from ingest.receive import receive
    from ingest.redact import Redactor
    from tracestore.analysis.pricing import PriceBook
    from tracestore.jobs import traces

    context = ProjectContext(tenant.project.pk, None, Redactor.from_rules([]), PriceBook.for_project([]))
    now_ns = int(now.timestamp()) * 10**9
    for signal, body in bodies.items():
        receipt = receive(signal, context, body, "application/json", now_ns)
        assert receipt.sent > 0, signal
        assert not receipt.rejected, (signal, receipt)
    traces.run(now)


def audit_count() -> int:
    return AuditEntry.objects.count()
