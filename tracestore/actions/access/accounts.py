"""How accounts change. Every change writes exactly one audit entry."""

from datetime import datetime
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from tracestore.actions.access.audit import COMMAND_LINE, Actor, Refused, record
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


@transaction.atomic
def create_user(email: str, is_admin: bool, now: datetime) -> User:
    """An account without a password, made from the command line; reset_link lets its owner choose one."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise Refused(f"{email} is not an e-mail address.") from error
    if User.objects.filter(email=email).exists():
        raise Refused("There is an account with this address.")
    user = User.objects.create_user(email, is_admin=is_admin, created_at=now)
    record(now, COMMAND_LINE, None, "user.create", email, is_admin=is_admin)
    return user


def reset_link(user: User) -> str:
    """Where the user may set a new password: good for one hour and one use. Never from the host of a request."""
    uid, token = urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)
    return f"{settings.SITE_URL}/password/reset/{uid}/{token}"


def actor_of(user: User, address: str) -> Actor:
    return Actor(user.id, user.email, address)
