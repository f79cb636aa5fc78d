"""How accounts and projects change, one file a subject. Every change writes exactly one audit entry, with it."""

from tracestore.actions.access.accounts import (
    actor_of,
    change_account,
    change_password,
    create_user,
    request_reset,
    reset_link,
    sign_out_everywhere,
    signed_in,
    signed_out,
)
from tracestore.actions.access.audit import COMMAND_LINE, Actor, Refused, record, record_on
from tracestore.actions.access.keys import create_key, note_key_used, revoke_key
from tracestore.actions.access.members import (
    accept_invitation,
    change_role,
    invite,
    register_and_accept,
    remove_member,
    revoke_invitation,
)
from tracestore.actions.access.projects import (
    Credentials,
    NewProject,
    bootstrap,
    change_project,
    create_project,
    delete_project,
)
from tracestore.actions.access.rules import add_price, add_rule, delete_price, delete_rule, set_rule_enabled
from tracestore.actions.access.throttle import attempt, forgive

__all__ = [
    "COMMAND_LINE",
    "Actor",
    "Credentials",
    "NewProject",
    "Refused",
    "accept_invitation",
    "actor_of",
    "add_price",
    "add_rule",
    "attempt",
    "bootstrap",
    "change_account",
    "change_password",
    "change_project",
    "change_role",
    "create_key",
    "create_project",
    "create_user",
    "delete_price",
    "delete_project",
    "delete_rule",
    "forgive",
    "invite",
    "note_key_used",
    "record",
    "record_on",
    "register_and_accept",
    "remove_member",
    "request_reset",
    "reset_link",
    "revoke_invitation",
    "revoke_key",
    "set_rule_enabled",
    "sign_out_everywhere",
    "signed_in",
    "signed_out",
]
