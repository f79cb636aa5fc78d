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
from tracestore.models.alerts import Alert, AlertEvent, Channel, Delivery, Silence, Unsubscription
from tracestore.models.background import JobRun
from tracestore.models.slo import Exclusion, ExclusionProposal, GateOverride, Objective
from tracestore.models.spend import ProjectPrice
from tracestore.models.versions import Release

__all__ = [
    "Alert",
    "AlertEvent",
    "ApiKey",
    "AuditEntry",
    "Channel",
    "Delivery",
    "Exclusion",
    "ExclusionProposal",
    "GateOverride",
    "Invitation",
    "JobRun",
    "Membership",
    "Objective",
    "PasswordResetRequest",
    "Project",
    "ProjectPrice",
    "RedactionRule",
    "Release",
    "Silence",
    "Throttle",
    "Unsubscription",
    "User",
]
