"""Who am I here? Name, address, time zone, password, sessions."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.access import client_address, recently_proved, to_confirmation, user_page
from dashboard.pages.access.forms import AccountForm, ChangePasswordForm
from dashboard.security import renew_proof
from tracestore.actions import access as actions
from tracestore.models.access import User


@dataclass(frozen=True, slots=True)
class AccountPage:
    form: AccountForm
    password_form: ChangePasswordForm
    last_sign_in: datetime | None


@user_page
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    now = {"name": user.name, "email": user.email, "time_zone": user.time_zone}
    form = AccountForm(request.POST or None, initial=now)
    if request.method != "POST" or not form.is_valid():
        return _render(request, form, ChangePasswordForm(user=user))
    if form.cleaned_data["email"].lower() != user.email and not recently_proved(request):
        return to_confirmation(request)
    try:
        actions.change_account(user, **form.cleaned_data, now=timezone.now(), address=client_address(request))
    except actions.Refused as refusal:
        form.add_error(None, str(refusal))
        return _render(request, form, ChangePasswordForm(user=user))
    messages.success(request, "Saved.")
    return redirect("/account")


@user_page
@require_POST
def change_password(request: HttpRequest) -> HttpResponse:
    """Set a new password. Every other session ends; this one goes on under a new id."""
    user = _user(request)
    form = ChangePasswordForm(request.POST, user=user)
    if form.is_valid() and _current_fits(user, form):
        actions.change_password(user, form.cleaned_data["password"], "change", timezone.now(), client_address(request))
        update_session_auth_hash(request, user)
        renew_proof(request)
        messages.success(request, "The password is changed. Your other sessions are signed out.")
        return redirect("/account")
    initial = {"name": user.name, "email": user.email, "time_zone": user.time_zone}
    return _render(request, AccountForm(initial=initial), form)


@user_page
@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    actions.sign_out_everywhere(user, timezone.now(), client_address(request))
    update_session_auth_hash(request, user)
    messages.success(request, "Signed out everywhere but here.")
    return redirect("/account")


def _current_fits(user: User, form: ChangePasswordForm) -> bool:
    own = f"confirm {user.pk}"
    if not actions.attempt({own: 10}, timezone.now()):
        form.add_error(None, "Too many attempts. Wait a quarter of an hour.")
        return False
    if not user.check_password(form.cleaned_data["current"]):
        form.add_error("current", "This is not your password.")
        return False
    actions.forgive([own])
    return True


def _render(request: HttpRequest, form: AccountForm, password_form: ChangePasswordForm) -> HttpResponse:
    page = AccountPage(form, password_form, _user(request).last_login)
    status = 400 if form.errors or password_form.errors else 200
    return render(request, "access/account.html", {"page": page}, status=status)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
