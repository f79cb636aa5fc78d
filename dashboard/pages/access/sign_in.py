"""How does a person get in? Sign in and out, confirm a password, reset it."""

from dataclasses import dataclass

from django.contrib.auth import logout as django_logout
from django.contrib.auth.tokens import default_token_generator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.access import client_address, public, safe_next, user_page
from dashboard.pages.access.forms import ConfirmForm, NewPasswordForm, ResetForm, SignInForm
from dashboard.pages.access.projects import home_of
from dashboard.security import begin_session, find_by_password, renew_proof
from tracestore.actions import access as actions
from tracestore.models.access import User
from tracestore.queries.access import active_user

WRONG = "The address or the password is not right."
TOO_MANY = "Too many attempts. Wait a quarter of an hour, or reset the password."


@dataclass(frozen=True, slots=True)
class SignInPage:
    form: SignInForm


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    form: ConfirmForm


@dataclass(frozen=True, slots=True)
class ResetPage:
    form: ResetForm
    asked: bool


@dataclass(frozen=True, slots=True)
class NewPasswordPage:
    """form: None when the link no longer works."""

    form: NewPasswordForm | None


@public
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(safe_next(request.GET.get("next", "")))
    form = SignInForm(request.POST or None, initial={"next": request.GET.get("next", "")})
    if request.method == "POST" and form.is_valid():
        user = _try_password(request, form)
        if user is not None:
            begin_session(request, user)
            actions.signed_in(user, timezone.now(), client_address(request))
            return redirect(safe_next(form.cleaned_data["next"], home_of(user.pk)))
    return render(request, "access/sign_in.html", {"page": SignInPage(form)}, status=400 if form.errors else 200)


@user_page
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    actions.signed_out(request.user, timezone.now(), client_address(request))
    django_logout(request)
    return redirect("/sign-in")


@user_page
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Ask for the password again before something that is hard to undo."""
    form = ConfirmForm(request.POST or None, initial={"next": request.GET.get("next", "")})
    if request.method == "POST" and form.is_valid() and _password_fits(request, form):
        renew_proof(request)
        return redirect(safe_next(form.cleaned_data["next"]))
    return render(request, "access/confirm.html", {"page": ConfirmPage(form)}, status=400 if form.errors else 200)


@public
@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: HttpRequest) -> HttpResponse:
    """Ask for a link. The answer is the same, and as fast, whether or not there is such an account."""
    form = ResetForm(request.POST or None)
    asked = request.method == "POST" and form.is_valid()
    if asked:
        email, now = form.cleaned_data["email"], timezone.now()
        limits = {f"reset account {email.lower()}": 3, f"reset address {client_address(request)}": 20}
        if actions.attempt(limits, now):
            actions.request_reset(email, now)
    return render(request, "access/reset.html", {"page": ResetPage(form, asked)}, status=400 if form.errors else 200)


@public
@require_http_methods(["GET", "HEAD", "POST"])
def new_password(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Behind the link of a reset mail: good for one hour and one use."""
    user = _user_of(uid, token)
    form = NewPasswordForm(request.POST or None, user=user) if user else None
    if form is not None and user is not None and request.method == "POST" and form.is_valid():
        now, address = timezone.now(), client_address(request)
        actions.change_password(user, form.cleaned_data["password"], "reset", now, address)
        actions.forgive(_attempts_of(user.email, address))
        return redirect("/sign-in")
    status = 400 if form is None or form.errors else 200
    response = render(request, "access/new_password.html", {"page": NewPasswordPage(form)}, status=status)
    response["Referrer-Policy"] = "no-referrer"  # the address is a secret
    return response


def _try_password(request: HttpRequest, form: SignInForm) -> User | None:
    """The user; None, with an error on the form, for a wrong password or too many attempts."""
    email, address = form.cleaned_data["email"].lower(), client_address(request)
    own = _attempts_of(email, address)
    limits = {own[0]: 10, own[1]: 50, f"sign-in from {address}": 100}
    if not actions.attempt(limits, timezone.now()):
        form.add_error(None, TOO_MANY)
        return None
    user = find_by_password(email, form.cleaned_data["password"])
    if user is None:
        form.add_error(None, WRONG)
        return None
    actions.forgive(own)
    return user


def _attempts_of(email: str, address: str) -> list[str]:
    """What attempts to sign in to an account are counted under: from this address, and from anywhere."""
    return [f"sign-in {email} from {address}", f"sign-in {email}"]


def _password_fits(request: HttpRequest, form: ConfirmForm) -> bool:
    assert isinstance(request.user, User)
    own = f"confirm {request.user.pk}"
    if not actions.attempt({own: 10}, timezone.now()):
        form.add_error(None, TOO_MANY)
        return False
    if not request.user.check_password(form.cleaned_data["password"]):
        form.add_error("password", "This is not your password.")
        return False
    actions.forgive([own])
    return True


def _user_of(uid: str, token: str) -> User | None:
    try:
        pk = int(force_str(urlsafe_base64_decode(uid)))
    except ValueError:
        raise Http404 from None
    user = active_user(pk)
    return user if user is not None and default_token_generator.check_token(user, token) else None
