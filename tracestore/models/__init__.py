"""Control-plane tables (small). Signal and derived tables are created by tracestore/sql."""

from tracestore.models.access import (
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    PasswordResetRequest,
    Project,
    RedactionRule,
    Throttle,
    User,
)
from tracestore.models.background import JobRun
from tracestore.models.spend import ProjectPrice
from tracestore.models.versions import Release

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Invitation",
    "JobRun",
    "Membership",
    "PasswordResetRequest",
    "Project",
    "ProjectPrice",
    "RedactionRule",
    "Release",
    "Throttle",
    "User",
]
