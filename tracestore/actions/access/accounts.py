"""How accounts change. Every public function but request_reset writes exactly one audit entry."""

from datetime import datetime
from zoneinfo import available_timezones

from django.db import transaction
from django.db.models import F

from tracestore.actions.access.audit import Actor, Refused, record
from tracestore.models.access import PasswordResetRequest, User


@transaction.atomic
def signed_in(user: User, now: datetime, address: str) -> None:
    User.objects.filter(id=user.id).update(last_login=now)
    record(now, actor_of(user, address), None, "user.sign_in", user.email)


@transaction.atomic
def signed_out(user: User, now: datetime, address: str) -> None:
    record(now, actor_of(user, address), None, "user.sign_out", user.email)


@transaction.atomic
def change_account(user: User, email: str, name: str, time_zone: str, now: datetime, address: str) -> None:
    """Set name, address and time zone. The address is what one signs in with."""
    email = email.strip().lower()
    if time_zone not in available_timezones():
        raise Refused("Choose a time zone from the list.")
    if User.objects.filter(email=email).exclude(id=user.id).exists():
        raise Refused("Another account has this address.")
    actor, before = actor_of(user, address), user.email
    user.email, user.name, user.time_zone = email, name.strip(), time_zone
    user.save(update_fields=["email", "name", "time_zone"])
    record(now, actor, None, "user.change", email, before=before)


@transaction.atomic
def change_password(user: User, password: str, how: str, now: datetime, address: str) -> None:
    """Set a validated password; every other session of the user ends. how: "change" or "reset"."""
    user.set_password(password)
    user.save(update_fields=["password"])
    record(now, actor_of(user, address), None, f"user.password_{how}", user.email)


@transaction.atomic
def sign_out_everywhere(user: User, now: datetime, address: str) -> None:
    User.objects.filter(id=user.id).update(session_epoch=F("session_epoch") + 1)
    record(now, actor_of(user, address), None, "user.sign_out_everywhere", user.email)
    user.refresh_from_db(fields=["session_epoch"])


def request_reset(email: str, now: datetime) -> None:
    """Ask for a reset link. The same row is written for an unknown address; jobs.access knows the difference."""
    PasswordResetRequest.objects.create(email=email.strip().lower()[:254], requested_at=now)


def actor_of(user: User, address: str) -> Actor:
    return Actor(user.id, user.email, address)
