"""Every change leaves exactly one line in the audit log, and the rules of members, invitations and keys hold."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from pytest_django.fixtures import Settings

from tests.security.routes import example, routes
from tests.security.rows import rows_of
from tests.world import PASSWORD, World, audit_count, fill, make_world
from tracestore.actions import access as actions
from tracestore.analysis.keys import key_prefix, matches
from tracestore.jobs import access as jobs
from tracestore.models import ApiKey, AuditEntry, Invitation, Membership, Project, ProjectPrice, RedactionRule, User
from tracestore.queries.access import find_api_key, first_project, project_context_row

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
NEW = "a quite different passphrase"

OBJECTIVE = {
    "name": "in-time", "unit": "request", "part": "good", "part_q": "duration:<=2s", "target_percent": "99",
    "period": "rolling", "period_days": "28", "time_zone": "UTC", "action": "look", "no_data": "ignore", "enabled": "on",
}  # fmt: skip

CHANNEL = {"name": "pager", "target": "oncall@example.org", "severity": "page", "time_zone": "UTC"}

# What a POST to each route must hold to change something. A new route that changes something must be added here.
CHANGES: dict[str, Callable[[World], dict[str, str]]] = {
    "sign_in": lambda _: {"email": "alice@example.org", "password": PASSWORD},
    "sign_out": lambda _: {},
    "account": lambda _: {"name": "A", "email": "alice@example.org", "time_zone": "UTC"},
    "change_password": lambda _: {"current": PASSWORD, "password": NEW, "again": NEW},
    "sign_out_everywhere": lambda _: {},
    "new_password": lambda _: {"password": NEW, "again": NEW},
    "invitation": lambda _: {"email": "new@example.org", "name": "N", "password": NEW, "again": NEW},
    "new_project": lambda _: {"name": "Third"},
    "change_project": lambda _: {"name": "Other", "retention_days": "7", "confirm": "7 days"},
    "delete_project": lambda world: {"name": world.ours.project.name},
    "erase_user": lambda _: {"user_id": "u-9", "again": "u-9"},
    "confirm_retention": lambda _: {},
    "leave": lambda _: {},
    "change_role": lambda _: {"role": "editor"},
    "remove_member": lambda _: {},
    "invite": lambda _: {"email": "", "role": "viewer"},
    "uninvite": lambda _: {},
    "create_key": lambda _: {"name": "laptop", "scope": "ingest", "expires_in_days": "30"},
    "revoke_key": lambda _: {},
    "add_rule": lambda _: {"kind": "detector", "detector": "email", "action": "mask", "replacement": "-"},
    "switch_rule": lambda _: {"enabled": "0"},
    "delete_rule": lambda _: {},
    "add_price": lambda _: {"pattern": "gpt-*", "effective_from": "2026-01-01", "input": "2.5"},
    "delete_price": lambda _: {},
    "objective-new": lambda _: OBJECTIVE,
    "create_channel": lambda _: CHANNEL | {"kind": "email"},
    "edit_channel": lambda _: CHANNEL,
    "switch_channel": lambda _: {"enabled": "0"},
    "delete_channel": lambda _: {},
}
AS = {
    "sign_in": None,
    "new_password": None,
    "invitation": None,
    "new_project": "admin",
    "confirm_retention": "admin",
    "leave": "bob",
}


@pytest.fixture
def world(db: object) -> World:
    return make_world()


def _post(world: World, name: str) -> object:
    route = next(route for route in routes() if route.name == name)
    person = AS.get(name, "alice")
    client = world.client(getattr(world, person)) if person else Client()
    values = example(world.ours, world.bob.pk)
    if name == "new_password":
        path = "/" + actions.reset_link(world.alice).split("/", 3)[3]
    elif name == "invitation":
        path = "/invitation/" + actions.invite(
            world.ours.project.pk, "", "viewer", datetime.now(UTC), actions.COMMAND_LINE
        )
    else:
        path = route.path(values)
    before = audit_count()
    response = client.post(path, CHANGES[name](world))
    assert response.status_code in (200, 302), (name, response.status_code)
    return before


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_writes_one_audit_entry(world: World, name: str) -> None:
    before = _post(world, name)
    assert audit_count() == before + 1
    entry = AuditEntry.objects.order_by("-id").first()
    assert entry is not None
    text = f"{entry.target} {json.dumps(entry.detail)}"
    assert PASSWORD not in text
    assert NEW not in text
    assert f"secret {world.ours.canary}" not in text  # an exact text of a rule may be the secret itself


def test_every_other_route_changes_nothing_when_posted_to(world: World) -> None:
    """A new route that changes something is noticed here: add it to CHANGES."""
    values, elsewhere = (
        example(world.ours, world.bob.pk),
        {"trace_delete", "trace_feedback", "test_channel"},
    )  # tests/pages, tests/alerts
    before = rows_of(world.ours.project.pk)
    for route in routes():
        if route.name in CHANGES or route.name in elsewhere:
            continue
        world.client(world.alice).post(route.path(values), {"name": "x", "role": "viewer", "enabled": "1"})
        assert rows_of(world.ours.project.pk) == before, f"{route.name} changes something"


def test_the_audit_log_cannot_be_changed_or_shortened(world: World) -> None:
    for change in (lambda: AuditEntry.objects.update(actor="x"), lambda: AuditEntry.objects.all().delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()


def test_the_audit_log_is_filtered_and_paged(world: World) -> None:
    actor = actions.Actor(world.alice.pk, "alice@example.org")
    for n in range(120):
        actions.record(NOW, actor, world.ours.project.pk, "member.role" if n % 2 else "key.create", f"n{n}")
    client, path = world.client(world.alice), f"/p/{world.ours.slug}/settings/audit"
    page = client.get(path, {"what": "member"}).content.decode()
    assert "n119" in page
    assert "n118" not in page
    assert 'href="?what=member&amp;before=' in page
    for query in ({"before": "-1"}, {"before": "x"}, {"before": "9" * 40}):
        assert client.get(path, query).status_code == 400


# ---- members


def _role(world: World, user: User, role: str) -> int:
    path = f"/p/{world.ours.slug}/settings/members/{user.pk}/role"
    return world.client(world.alice).post(path, {"role": role}).status_code


def test_the_last_owner_stays(world: World) -> None:
    Membership.objects.filter(user=world.dora).delete()
    _role(world, world.alice, "viewer")
    world.client(world.alice).post(f"/p/{world.ours.slug}/settings/leave")
    world.client(world.alice).post(f"/p/{world.ours.slug}/settings/members/{world.alice.pk}/remove")
    assert Membership.objects.get(user=world.alice, project=world.ours.project).role == "owner"
    _role(world, world.bob, "owner")
    _role(world, world.alice, "viewer")
    assert Membership.objects.get(user=world.alice, project=world.ours.project).role == "viewer"


def test_an_owner_who_was_deactivated_does_not_count(world: World) -> None:
    _role(world, world.alice, "viewer")
    assert Membership.objects.get(user=world.alice, project=world.ours.project).role == "owner"


def test_two_owners_cannot_remove_each_other_at_once(database: object) -> None:
    world = make_world()
    Membership.objects.filter(user__in=[world.bob, world.erin], project=world.ours.project).update(role="owner")
    Membership.objects.filter(user=world.alice).delete()

    def leave(user: User) -> None:
        try:
            actions.remove_member(world.ours.project.pk, user.pk, NOW, actions.COMMAND_LINE)
        except actions.Refused:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=(user,)) for user in (world.bob, world.erin)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Membership.objects.filter(project=world.ours.project, role="owner", user__is_active=True).count() == 1


def test_an_unknown_role_is_not_given(world: World) -> None:
    assert _role(world, world.bob, "admin") == 302
    assert Membership.objects.get(user=world.bob).role == "viewer"


# ---- invitations


def _invite(world: World, email: str = "", role: str = "editor") -> str:
    return actions.invite(world.ours.project.pk, email, role, datetime.now(UTC), actions.COMMAND_LINE)


def _register(token: str, email: str = "new@example.org") -> int:
    fields = {"email": email, "name": "New", "password": NEW, "again": NEW}
    return Client().post(f"/invitation/{token}", fields).status_code


def test_an_invitation_makes_an_account_and_a_member_once(world: World) -> None:
    token = _invite(world)
    assert Client().get(f"/invitation/{token}").status_code == 200
    assert _register(token) == 302
    assert Membership.objects.get(user__email="new@example.org").role == "editor"
    assert _register(token, "second@example.org") == 400
    assert not User.objects.filter(email="second@example.org").exists()


def test_an_invitation_for_an_address_is_for_that_address(world: World) -> None:
    token = _invite(world, "new@example.org")
    assert _register(token, "other@example.org") == 302  # the address in the form is fixed
    assert User.objects.filter(email="new@example.org").exists()
    token = _invite(world, "else@example.org")
    assert world.client(world.charlie).post(f"/invitation/{token}").status_code == 400
    assert not Membership.objects.filter(user=world.charlie, project=world.ours.project).exists()


def test_an_invitation_never_takes_over_an_account(world: World) -> None:
    assert _register(_invite(world), "charlie@example.org") == 400
    world.charlie.refresh_from_db()
    assert world.charlie.check_password(PASSWORD)


def test_who_has_an_account_joins_with_it_and_keeps_the_higher_role(world: World) -> None:
    assert world.client(world.charlie).post(f"/invitation/{_invite(world)}").status_code == 302
    assert world.client(world.alice).post(f"/invitation/{_invite(world, role='viewer')}").status_code == 302
    assert Membership.objects.get(user=world.charlie, project=world.ours.project).role == "editor"
    assert Membership.objects.get(user=world.alice, project=world.ours.project).role == "owner"


@pytest.mark.parametrize("change", [{"expires_at": NOW - timedelta(days=9)}, {"revoked_at": NOW}, {"accepted_at": NOW}])
def test_an_invitation_that_is_over_is_like_one_that_never_was(world: World, change: dict[str, datetime]) -> None:
    token = _invite(world)
    Invitation.objects.update(**change)
    assert _register(token) == 400
    ours, never = (Client().get(f"/invitation/{t}") for t in (token, "x" * 43))
    assert ours.status_code == never.status_code == 400
    assert world.ours.canary not in ours.content.decode()


def test_an_invitation_is_mailed_when_mail_is_set_up(
    world: World, settings: Settings, mailoutbox: list[object]
) -> None:
    settings.EMAIL_URL = "smtp://mail:25"
    Project.objects.filter(pk=world.ours.project.pk).update(
        name="x\u2028Bcc: evil@example.org {{ 7 }} %(s)s" + "y" * 40
    )
    path = f"/p/{world.ours.slug}/settings/invitations"
    page = world.client(world.alice).post(path, {"email": "new@example.org", "role": "viewer"}).content.decode()
    (message,) = mailoutbox
    assert message.to == ["new@example.org"]  # type: ignore[attr-defined]
    assert message.bcc == []  # type: ignore[attr-defined]
    assert "\n" not in message.subject  # type: ignore[attr-defined]
    link = next(line for line in message.body.splitlines() if line.startswith("http"))  # type: ignore[attr-defined]
    assert link.startswith(f"{settings.SITE_URL}/invitation/")
    assert link in page
    assert link not in world.client(world.alice).get(path.replace("invitations", "members")).content.decode()


def test_a_mail_server_that_fails_leaves_the_link_on_the_page(world: World, settings: Settings) -> None:
    settings.EMAIL_URL, settings.EMAIL_BACKEND = "smtp://mail:25", "tests.access.broken_mail.Backend"
    path = f"/p/{world.ours.slug}/settings/invitations"
    page = world.client(world.alice).post(path, {"email": "new@example.org", "role": "viewer"}).content.decode()
    assert "could not be sent" in page
    assert "/invitation/" in page


# ---- keys


def test_a_key_is_shown_once_and_kept_as_a_hash(world: World) -> None:
    client, path = world.client(world.alice), f"/p/{world.ours.slug}/settings/keys"
    fields = {"name": "laptop", "scope": "ingest", "expires_in_days": "30"}
    shown = client.post(f"{path}/create", fields).content.decode()
    text = shown.split('<code id="new-key">')[1].split("<")[0]
    row = find_api_key(key_prefix(text) or "")
    assert row is not None
    assert matches(text, row.sha256)
    assert (row.scope, row.project_id) == ("ingest", world.ours.project.pk)
    assert timedelta(days=29) < row.expires_at - datetime.now(UTC) < timedelta(days=31)  # type: ignore[operator]
    assert text not in client.get(path).content.decode()


def test_a_revoked_or_expired_key_and_one_of_a_deleted_project_do_not_count(world: World) -> None:
    states = {}
    for name, text in world.ours.keys.items():
        row = find_api_key(key_prefix(text) or "")
        assert row is not None
        states[name] = row.valid_at(datetime.now(UTC))
    assert states == {"ingest": True, "read": True, "write": True, "revoked": False, "expired": False}
    world.client(world.alice).post(f"/p/{world.ours.slug}/settings/delete", {"name": world.ours.project.name})
    assert find_api_key(key_prefix(world.ours.keys["read"]) or "") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fl_",
        "fl_abcdefgh_",
        "x" * 10_000,
        "fl_ABCDEFGH_" + "a" * 43,
        "fl_abcdefgh_" + "é" * 43,
        "fl_abcdefgh_" + "a" * 43 + "\n",
        "\x00",
    ],
)
def test_what_has_not_the_shape_of_a_key_is_none(text: str) -> None:
    assert key_prefix(text) is None


def test_last_use_is_noted_once_a_minute(world: World) -> None:
    key = world.ours.api_key
    for seconds in (0, 30, 59, 61):
        actions.note_key_used(key.pk, NOW + timedelta(seconds=seconds))
    assert ApiKey.objects.get(pk=key.pk).last_used_at == NOW + timedelta(seconds=61)


# ---- projects, rules, prices


def test_the_context_of_a_project_holds_its_enabled_rules_and_its_prices(world: World) -> None:
    row = project_context_row(world.ours.project.pk)
    assert row is not None
    assert [rule.pattern for rule in row.redaction_rules] == [f"secret {world.ours.canary}"]
    assert [price.rates for price in row.prices] == [{"input": 5_000_000_000}]
    RedactionRule.objects.update(enabled=False)
    row = project_context_row(world.ours.project.pk)
    assert row is not None
    assert row.redaction_rules == []
    assert first_project() == world.ours.project.pk


def test_prices_are_kept_in_nano_usd(world: World) -> None:
    path = f"/p/{world.ours.slug}/settings/prices/add"
    fields = {
        "pattern": "m*",
        "provider": "acme",
        "effective_from": "2026-02-03",
        "input": "0.000000001",
        "output": "12.5",
    }
    assert world.client(world.erin).post(path, fields).status_code == 302
    price = ProjectPrice.objects.get(pattern="m*")
    assert price.rates == {"input": 1, "output": 12_500_000_000}
    for wrong in (
        {"input": "-1"},
        {"input": "NaN"},
        {"pattern": "a*b"},
        {"input": "", "output": ""},
        {"effective_from": "2026-13-01"},
    ):
        assert world.client(world.erin).post(path, fields | wrong).status_code == 400


def test_rules_are_tried_on_a_sample_without_keeping_it(world: World) -> None:
    path = f"/p/{world.ours.slug}/settings/redaction/try"
    sample = f"<b>a secret {world.ours.canary} b</b>"
    content = world.client(world.erin).post(path, {"sample": sample}).content.decode()
    assert "&lt;b&gt;a [redacted] b&lt;/b&gt;" in content


def test_deleting_a_project_needs_its_name_and_frees_its_address(world: World) -> None:
    path = f"/p/{world.ours.slug}/settings/delete"
    assert world.client(world.alice).post(path, {"name": "ours"}).status_code == 400
    assert world.client(world.alice).post(path, {"name": world.ours.project.name}).status_code == 302
    assert world.client(world.alice).get(f"/p/{world.ours.slug}/settings").status_code == 404
    again = actions.create_project(world.ours.project.name, NOW)
    assert again.project == world.ours.slug


def test_a_deleted_project_loses_its_data_and_no_other_does(database: object) -> None:
    world = make_world()
    for tenant in (world.ours, world.theirs):
        fill(tenant)
    before, now = rows_of(world.theirs.project.pk), datetime.now(UTC)
    actions.delete_project(world.ours.project.pk, world.ours.project.name, now, actions.COMMAND_LINE)
    assert jobs.purge_projects(now + timedelta(seconds=59)).done == 0  # ingest may still know its keys
    assert jobs.purge_projects(now + timedelta(seconds=61)).done == 1
    assert jobs.purge_projects(now + timedelta(seconds=99)).done == 0
    left = {table for table, rows in rows_of(world.ours.project.pk).items() if not rows.startswith("0")}
    assert left == {"audit_entry", "erasure"}  # what happened, and the mark that late writers heed
    assert rows_of(world.theirs.project.pk) == before


def test_names_of_projects_become_addresses_of_their_own(world: World) -> None:
    slugs = [
        actions.create_project(name, NOW).project
        for name in ("Größe 1", "grosse 1", "Größe 1", "😀", "../../etc", "a" * 80)
    ]
    assert len(set(slugs)) == 6
    assert all(slug.replace("-", "").replace("_", "").isalnum() for slug in slugs)
    for name in ("", " ", "a" * 81, "a\x00b"):
        with pytest.raises(actions.Refused):
            actions.create_project(name, NOW)


def test_bootstrap_happens_once_even_when_two_start_at_once(database: object) -> None:
    made = []

    def start() -> None:
        made.append(actions.bootstrap(NOW))
        connection.close()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (credentials,) = [one for one in made if one]
    assert User.objects.get().check_password(credentials.admin_password)
    assert Project.objects.get().slug == credentials.project == "default"
    assert {find_api_key(k[3:11]).scope for k in (credentials.ingest_key, credentials.read_key)} == {"ingest", "read"}  # type: ignore[union-attr]


def test_project_create_prints_what_the_contract_says(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("project", "create", "My agent", "--json")
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == ["project", "ingest_key", "read_key", "write_key"]
    assert printed["project"] == "my-agent"
    for scope in ("ingest", "read", "write"):
        assert find_api_key(printed[f"{scope}_key"][3:11]).scope == scope  # type: ignore[union-attr]
    assert Membership.objects.get(project__slug="my-agent").user == world.admin


def test_an_account_is_made_from_the_command_line_with_a_link(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("user", "create", "op@example.org", "--admin")
    path = "/" + capsys.readouterr().out.strip().split("/", 3)[3]
    assert Client().post(path, {"password": NEW, "again": NEW}).status_code == 302
    assert Client().post("/sign-in", {"email": "op@example.org", "password": NEW}).status_code == 302


def test_tidying_forgets_what_is_over(world: World) -> None:
    actions.attempt({"x": 1}, NOW - timedelta(days=2))
    world.client(world.alice)
    assert jobs.tidy(datetime.now(UTC) + timedelta(days=1)).done >= 2  # a session ends by the real clock
