"""Through which channels is this project's people and machines told, and do they work?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.access import actor, project_page
from dashboard.pages.access.settings_frame import SettingsFrame, attempt, settings_frame
from dashboard.pages.channels.forms import ChannelForm, EditForm, TimingForm, kept_of
from dashboard.pages.channels.rows import ChannelLine, channel_lines
from dashboard.params import in_ns
from dashboard.templatetags.units import counted
from dashboard.zones import zone_of
from tracestore.actions import channels as actions
from tracestore.actions.access import Actor, Refused
from tracestore.models.alerts import Channel
from tracestore.queries.channels import DEFAULT, unpaged_objectives


@dataclass(frozen=True, slots=True)
class ChannelsPage:
    """form: None for who may not change anything. secret: just made, shown this once, of the channel secret_of.

    unpaged: objectives whose pages reach nobody.
    """

    frame: SettingsFrame
    channels: Sequence[ChannelLine]
    form: ChannelForm | None
    secret: str
    secret_of: str
    unpaged: Sequence[str]
    has_mail: bool
    now_ns: int


@dataclass(frozen=True, slots=True)
class EditPage:
    """base: address of the channel, no slash behind."""

    frame: SettingsFrame
    line: ChannelLine
    form: TimingForm
    base: str


@project_page(role="viewer")
@require_safe
def channels(request: HttpRequest) -> HttpResponse:
    return _channels(request, _new_form(request))


@project_page(role="editor")
@require_POST
def create_channel(request: HttpRequest) -> HttpResponse:
    """Make a channel. The secret of a webhook is in the answer to this POST and nowhere else."""
    form = ChannelForm(request.POST)
    if not form.is_valid():
        return _channels(request, form)
    try:
        _, secret = actions.create_channel(request.project.pk, form.draft(), timezone.now(), actor(request))
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _channels(request, form)
    if not secret:
        messages.success(request, "The channel is there. Send a test to see that it arrives.")
        return redirect("channels", request.project.slug)
    return _channels(request, _new_form(request), secret, form.cleaned_data["name"])


@project_page(role="editor")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_channel(request: HttpRequest, channel_id: int) -> HttpResponse:
    channel = _channel_or_404(request, channel_id)
    form_type, kept = (
        (TimingForm, {"name": channel.name, "target": channel.target}) if channel.name == DEFAULT else (EditForm, {})
    )
    if request.method != "POST":
        return _edit(request, channel, form_type(initial=kept_of(channel)))
    form = form_type(request.POST)
    if not form.is_valid():
        return _edit(request, channel, form)
    draft = form.draft(kind=channel.kind, **kept)
    try:
        actions.update_channel(request.project.pk, channel_id, draft, timezone.now(), actor(request))
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _edit(request, channel, form)
    return redirect("channels", request.project.slug)


@project_page(role="editor")
@require_POST
def test_channel(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Send what an alert would send, and say nothing is wrong."""
    _channel_or_404(request, channel_id)
    try:
        count = actions.send_test(request.project.pk, channel_id, timezone.now(), actor(request))
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{counted(count, 'test')} on the way. Reload in a few seconds to see how it went.")
    return redirect("channels", request.project.slug)


@project_page(role="editor")
@require_POST
def switch_channel(request: HttpRequest, channel_id: int) -> HttpResponse:
    """enabled=1 switches a channel on, anything else off."""
    enabled = request.POST.get("enabled") == "1"

    def change(project_id: int, now: datetime, who: Actor) -> None:
        actions.set_channel_enabled(project_id, channel_id, enabled, now, who)

    return _change(request, channel_id, change)


@project_page(role="editor")
@require_POST
def delete_channel(request: HttpRequest, channel_id: int) -> HttpResponse:
    return _change(request, channel_id, lambda project, now, who: actions.delete_channel(project, channel_id, now, who))


@project_page(role="editor")
@require_POST
def rotate_secret(request: HttpRequest, channel_id: int) -> HttpResponse:
    """The new secret is in the answer to this POST and nowhere else."""
    channel = _channel_or_404(request, channel_id)
    try:
        secret = actions.rotate_secret(request.project.pk, channel_id, timezone.now(), actor(request))
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("channels", request.project.slug)
    return _channels(request, _new_form(request), secret, channel.name)


@project_page(role="editor")
@require_POST
def forget_secret(request: HttpRequest, channel_id: int) -> HttpResponse:
    return _change(
        request, channel_id, lambda project, now, who: actions.drop_former_secret(project, channel_id, now, who)
    )


def _change(request: HttpRequest, channel_id: int, change: Callable[[int, datetime, Actor], None]) -> HttpResponse:
    _channel_or_404(request, channel_id)
    attempt(request, lambda: change(request.project.pk, timezone.now(), actor(request)))
    return redirect("channels", request.project.slug)


def _channel_or_404(request: HttpRequest, channel_id: int) -> Channel:
    found = Channel.objects.filter(project_id=request.project.pk, id=channel_id).first() if channel_id < 2**63 else None
    if found is None:
        raise Http404
    return found


def _new_form(request: HttpRequest) -> ChannelForm:
    return ChannelForm(initial={"time_zone": zone_of(request).name})


def _channels(request: HttpRequest, form: ChannelForm, secret: str = "", secret_of: str = "") -> HttpResponse:
    now, frame, has_mail = timezone.now(), settings_frame(request, "channels"), bool(settings.EMAIL_URL)
    page = ChannelsPage(
        frame=frame,
        channels=channel_lines(request.project.pk, now, has_mail),
        form=form if frame.is_editor else None,
        secret=secret,
        secret_of=secret_of,
        unpaged=[str(one) for one in unpaged_objectives(request.project.pk, now)],
        has_mail=has_mail,
        now_ns=in_ns(now),
    )
    return render(request, "channels/page.html", {"page": page}, status=400 if form.errors else 200)


def _edit(request: HttpRequest, channel: Channel, form: TimingForm) -> HttpResponse:
    frame, lines = (
        settings_frame(request, "channels"),
        channel_lines(request.project.pk, timezone.now(), bool(settings.EMAIL_URL)),
    )
    line = next(one for one in lines if one.id == channel.pk)
    page = EditPage(frame, line, form, f"{frame.base}/channels/{channel.pk}")
    return render(request, "channels/edit.html", {"page": page}, status=400 if form.errors else 200)
