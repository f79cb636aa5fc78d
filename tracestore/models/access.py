"""Who may see what: users, projects, memberships, keys, invitations, redaction rules and the audit log.

Secrets (keys, invitation tokens) are kept as SHA-256 only: they are 256 random bits, so a fast hash is enough.
Passwords are Argon2.
"""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from tracestore.analysis.retention import DEFAULT_DAYS

MAX_RETENTION_DAYS = 3650


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    EDITOR = "editor", "Editor"
    VIEWER = "viewer", "Viewer"


class Scope(models.TextChoices):
    INGEST = "ingest", "Ingest: send telemetry, feedback and releases"
    READ = "read", "Read: query the API"
    WRITE = "write", "Write: read and change through the API"


class RuleKind(models.TextChoices):
    """What a redaction rule's pattern is. There are no user regexes: one bad one would stall ingest."""

    DETECTOR = "detector", "Detector"  # the name of a built-in one, see tracestore.analysis.redaction.DETECTORS
    TEXT = "text", "Exact text"
    KEY = "key", "Attribute key"  # the whole value of the attribute; `*` at either end matches the rest


class RuleAction(models.TextChoices):
    MASK = "mask", "Replace"
    DROP = "drop", "Drop the attribute"  # this and the next for RuleKind.KEY only
    HASH = "hash", "Replace by a hash"  # equal values stay equal: users are told apart, and not known


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user: User = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=(username or "").strip())


class User(AbstractBaseUser):
    """A person. `is_admin` lets them create projects; it opens no project they are not a member of."""

    email = models.EmailField(max_length=254, unique=True)  # always in lower case
    name = models.CharField(max_length=120, blank=True, default="")
    is_active = models.BooleanField(default=True)
    is_admin = models.BooleanField(default=False)
    time_zone = models.CharField(max_length=64, default="UTC")
    session_epoch = models.PositiveIntegerField(default=0)  # raised to sign out everywhere
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "access_user"
        constraints: ClassVar = [
            models.CheckConstraint(name="access_user_email", condition=models.Q(email=Lower("email")))
        ]

    def __str__(self) -> str:
        return self.email

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """Sessions die when the password or the epoch changes."""
        mark = f"{self.password}:{self.session_epoch}"
        return salted_hmac("tracestore.User.session", mark, secret=secret, algorithm="sha256").hexdigest()


class Project(models.Model):
    """The tenant. `id` is `project` in every signal table."""

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=60, db_index=False)
    retention_days = models.PositiveIntegerField(default=DEFAULT_DAYS)  # traces
    # Texts go with the traces or earlier, logs and metrics have a time of their own. None: as long as traces.
    text_retention_days = models.PositiveIntegerField(null=True, blank=True)
    log_retention_days = models.PositiveIntegerField(null=True, blank=True)
    metric_retention_days = models.PositiveIntegerField(null=True, blank=True)
    retention_changed_at = models.DateTimeField(null=True, blank=True)  # when a person last shortened any of them
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True)  # when jobs.access had removed its data

    class Meta:
        db_table = "project"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["slug"], name="project_slug", condition=models.Q(deleted_at=None)),
            models.CheckConstraint(
                name="project_retention",
                condition=models.Q(retention_days__gte=1, retention_days__lte=MAX_RETENTION_DAYS),
            ),
            models.CheckConstraint(
                name="project_text_retention",
                condition=models.Q(text_retention_days__gte=1, text_retention_days__lte=MAX_RETENTION_DAYS),
            ),
            models.CheckConstraint(
                name="project_log_retention",
                condition=models.Q(log_retention_days__gte=1, log_retention_days__lte=MAX_RETENTION_DAYS),
            ),
            models.CheckConstraint(
                name="project_metric_retention",
                condition=models.Q(metric_retention_days__gte=1, metric_retention_days__lte=MAX_RETENTION_DAYS),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    role = models.CharField(max_length=8, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "membership"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_one"),
            models.CheckConstraint(name="membership_role", condition=models.Q(role__in=Role.values)),
        ]


class ApiKey(models.Model):
    """`fl_<prefix>_<43 random>`. prefix: 8 letters and digits, public. sha256: of the whole key, 32 bytes."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    prefix = models.CharField(max_length=8, unique=True)
    sha256 = models.BinaryField(max_length=32)
    scope = models.CharField(max_length=6, choices=Scope.choices)
    name = models.CharField(max_length=80)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)  # to the minute; never written while ingesting

    class Meta:
        db_table = "api_key"
        constraints: ClassVar = [
            models.CheckConstraint(name="api_key_scope", condition=models.Q(scope__in=Scope.values))
        ]


class Invitation(models.Model):
    """A link that makes its bearer a member, once. token_sha256: 32 bytes of the token in the link."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    email = models.EmailField(max_length=254, blank=True, default="")  # empty: whoever holds the link
    role = models.CharField(max_length=8, choices=Role.choices)
    token_sha256 = models.BinaryField(max_length=32, unique=True)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="invitations_sent")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="invitations_accepted"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "invitation"


class RedactionRule(models.Model):
    """What is taken out of every text of a project before anything is stored."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE)
    kind = models.CharField(max_length=8, choices=RuleKind.choices)
    pattern = models.CharField(max_length=200)
    action = models.CharField(max_length=4, choices=RuleAction.choices, default=RuleAction.MASK)
    replacement = models.CharField(max_length=80, default="[redacted]")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "redaction_rule"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "kind", "pattern"], name="redaction_rule_one")
        ]


class AuditEntry(models.Model):
    """Who did what, when. A trigger refuses UPDATE and DELETE, so names are copied, not joined.

    project None: something of the whole instance. actor: an e-mail address, `key fl_<prefix>` or `command line`.
    """

    at = models.DateTimeField(default=timezone.now)
    project = models.ForeignKey(Project, null=True, on_delete=models.DO_NOTHING, db_constraint=False)
    user = models.ForeignKey(User, null=True, on_delete=models.DO_NOTHING, db_constraint=False)
    actor = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=254, blank=True, default="")
    detail = models.JSONField(default=dict)
    address = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        db_table = "audit_entry"
        indexes: ClassVar = [models.Index(fields=["project", "-id"], name="audit_entry_project")]


class Throttle(models.Model):
    """Failures counted by a keyed hash of what failed (an account, an address), so that guessing gets slow."""

    key = models.CharField(max_length=80, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()

    class Meta:
        db_table = "throttle"
        indexes: ClassVar = [models.Index(fields=["since"], name="throttle_since")]


class PasswordResetRequest(models.Model):
    """Somebody asked for a link. jobs.access sends it and deletes the row; the token is made then and never kept."""

    email = models.CharField(max_length=254)
    requested_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)  # after a failed attempt

    class Meta:
        db_table = "password_reset_request"
