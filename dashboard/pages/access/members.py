"""Who belongs to this project, and who is invited?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.access import actor, client_address, project_page, public
from dashboard.pages.access.forms import InviteForm, RegisterForm, RoleForm
from dashboard.pages.access.settings_frame import SettingsFrame, attempt, settings_frame
from tracestore.actions import access as actions
from tracestore.channels import email as mail
from tracestore.models.access import Project, Role, User
from tracestore.queries.access import InvitationRow, MemberRow, find_invitation, members_of, open_invitations


@dataclass(frozen=True, slots=True)
class MembersPage:
    """link: of the invitation just made, shown this once."""

    frame: SettingsFrame
    members: Sequence[MemberRow]
    invitations: Sequence[InvitationRow]
    roles: Sequence[tuple[str, str]]
    form: InviteForm
    link: str
    mailed_to: str
    me: int


@dataclass(frozen=True, slots=True)
class InvitationPage:
    """form: for who has no account yet. project: None when the link no longer works."""

    project: str | None
    role: str
    invited_by: str
    expires_at: datetime | None
    form: RegisterForm | None
    signed_in_as: str
    sign_in_href: str
    refusal: str


@project_page()
@require_safe
def members(request: HttpRequest) -> HttpResponse:
    return _members(request, InviteForm())


@project_page(role="owner", recent=True)
@require_POST
def change_role(request: HttpRequest, user_id: int) -> HttpResponse:
    form = RoleForm(request.POST)
    _member_or_404(request, user_id)
    if form.is_valid():
        role, now = form.cleaned_data["role"], timezone.now()
        attempt(request, lambda: actions.change_role(request.project.pk, user_id, role, now, actor(request)))
    return redirect("members", request.project.slug)


@project_page(role="owner", recent=True)
@require_POST
def remove_member(request: HttpRequest, user_id: int) -> HttpResponse:
    _member_or_404(request, user_id)
    attempt(request, lambda: actions.remove_member(request.project.pk, user_id, timezone.now(), actor(request)))
    return redirect("members", request.project.slug)


@project_page()
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Whoever belongs may stop to."""
    left = attempt(
        request,
        lambda: actions.remove_member(request.project.pk, request.user.pk, timezone.now(), actor(request)),
    )
    return redirect("/") if left else redirect("members", request.project.slug)


@project_page(role="owner", recent=True)
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Make an invitation. Its link is in the answer to this POST, and in a mail where an address is given."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _members(request, form)
    email, role = form.cleaned_data["email"].lower(), form.cleaned_data["role"]
    token = actions.invite(request.project.pk, email, role, timezone.now(), actor(request))
    link = f"{settings.SITE_URL}/invitation/{token}"
    return _members(request, InviteForm(), link, email if _mail(request, email, link) else "")


@project_page(role="owner", recent=True)
@require_POST
def revoke_invitation(request: HttpRequest, invitation_id: int) -> HttpResponse:
    if invitation_id not in {row.id for row in open_invitations(request.project.pk, timezone.now())}:
        raise Http404
    attempt(
        request,
        lambda: actions.revoke_invitation(request.project.pk, invitation_id, timezone.now(), actor(request)),
    )
    return redirect("members", request.project.slug)


@public
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Behind an invitation link: join with the account one has, or make one."""
    found = find_invitation(token, timezone.now())
    if found is None:
        return _invitation(request, token, None)
    form = None if request.user.is_authenticated else _register_form(request, found.email)
    if request.method != "POST" or (form is not None and not form.is_valid()):
        return _invitation(request, token, form)
    try:
        project = _join(request, token, form)
    except actions.Refused as refusal:
        return _invitation(request, token, form, str(refusal))
    messages.success(request, f"You joined {project.name}.")
    return redirect("projects") if request.user.is_authenticated else redirect("sign_in")


def _join(request: HttpRequest, token: str, form: RegisterForm | None) -> Project:
    now, address = timezone.now(), client_address(request)
    if form is None:
        assert isinstance(request.user, User)
        return actions.accept_invitation(token, request.user, now, address)
    fields = form.cleaned_data
    return actions.register_and_accept(token, fields["email"], fields["name"], fields["password"], now, address)


def _register_form(request: HttpRequest, email: str) -> RegisterForm:
    form = RegisterForm(request.POST or None, user=User(email=email), initial={"email": email})
    form.fields["email"].disabled = bool(email)
    return form


def _invitation(request: HttpRequest, token: str, form: RegisterForm | None, refusal: str = "") -> HttpResponse:
    found = find_invitation(token, timezone.now())
    page = InvitationPage(
        project=found.project.name if found else None,
        role=Role(found.role).label.lower() if found else "",
        invited_by=found.created_by.email if found and found.created_by else "",
        expires_at=found.expires_at if found else None,
        form=form if found else None,
        signed_in_as=request.user.email if request.user.is_authenticated else "",
        sign_in_href=f"/sign-in?next=/invitation/{token}",
        refusal=refusal,
    )
    bad = found is None or refusal or (form is not None and form.errors)
    response = render(request, "access/invitation.html", {"page": page}, status=400 if bad else 200)
    response["Referrer-Policy"] = "no-referrer"  # the address is a secret
    return response


def _members(request: HttpRequest, form: InviteForm, link: str = "", mailed_to: str = "") -> HttpResponse:
    project_id, now = request.project.pk, timezone.now()
    frame = settings_frame(request, "members")
    page = MembersPage(
        frame=frame,
        members=members_of(project_id),
        invitations=open_invitations(project_id, now) if frame.is_owner else [],
        roles=Role.choices,
        form=form,
        link=link,
        mailed_to=mailed_to,
        me=request.user.pk,
    )
    return render(request, "access/members.html", {"page": page}, status=400 if form.errors else 200)


def _mail(request: HttpRequest, email: str, link: str) -> bool:
    """Send the link if there is an address and a mail server; the page shows it in any case."""
    if not (email and settings.EMAIL_URL):
        return False
    context = {"project": request.project.name, "invited_by": request.user.email, "link": link}
    try:
        mail.send("invitation", email, context)
    except mail.MailError as error:
        messages.warning(request, f"The mail could not be sent ({error}). Pass the link on yourself.")
        return False
    return True


def _member_or_404(request: HttpRequest, user_id: int) -> None:
    if user_id not in {row.user_id for row in members_of(request.project.pk)}:
        raise Http404
