"""Objectives and exclusions come and go: what is counted again, who must agree, and what the audit log says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tracestore.actions import exclusions
from tracestore.actions import objectives as actions
from tracestore.actions.access import Actor, Refused
from tracestore.models import Alert, AuditEntry, Channel, Exclusion, ExclusionProposal, Objective, Project

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN, BEN, KEY = Actor(1, "ann@example.org"), Actor(2, "ben@example.org"), Actor(None, "key fl_abcdefgh")
DRAFT = actions.ObjectiveDraft(
    name="in-time", service="shop", total_q="service:shop", part_q="duration:<=2s", target=Decimal("0.999")
)
pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> int:
    return Project.objects.create(name="Shop", slug="shop").pk


def last_entry() -> AuditEntry:
    return AuditEntry.objects.latest("id")


def page_of(objective: Objective, fired_at: datetime, resolved_at: datetime | None) -> Alert:
    return Alert.objects.create(
        project_id=objective.project_id,
        objective=objective,
        rule="page-quick",
        severity="page",
        title="t",
        group="g",
        state="resolved" if resolved_at else "firing",
        fired_at=fired_at,
        changed_at=fired_at,
        resolved_at=resolved_at,
    )


def test_only_what_changes_the_counts_has_them_counted_again(project):
    made = actions.create_objective(project, DRAFT, ANN, NOW)
    actions.update_objective(project, "in-time", replace(DRAFT, target=Decimal("0.99"), title="In time"), ANN, NOW)
    made.refresh_from_db()
    assert (made.revision, made.target, made.title) == (1, Decimal("0.99"), "In time")
    assert last_entry().detail == {
        "was": {"target": "0.99900000"},
        "is_now": {"target": "0.99", "title": "In time"},
    }
    actions.update_objective(project, "in-time", replace(DRAFT, part_q="duration:<=3s"), ANN, NOW)
    made.refresh_from_db()
    assert made.revision == 2


def test_each_change_writes_one_entry_and_a_name_is_free_once_its_objective_is_gone(project):
    first = actions.create_objective(project, DRAFT, ANN, NOW)
    with pytest.raises(actions.InvalidObjective, match="already") as refusal:
        actions.create_objective(project, DRAFT, ANN, NOW)
    assert [one.field for one in refusal.value.problems] == ["name"]
    actions.update_objective(project, "in-time", replace(DRAFT, name="on-time"), ANN, NOW)
    actions.delete_objective(project, "on-time", ANN, NOW)
    second = actions.create_objective(project, replace(DRAFT, name="on-time"), KEY, NOW)
    assert first.pk != second.pk
    assert [row.id for row in find_objectives_of(project)] == [second.pk]
    assert list(AuditEntry.objects.order_by("id").values_list("action", "target", "actor")) == [
        ("objective.create", "in-time", "ann@example.org"),
        ("objective.change", "in-time", "ann@example.org"),
        ("objective.delete", "on-time", "ann@example.org"),
        ("objective.create", "on-time", "key fl_abcdefgh"),
    ]


def find_objectives_of(project: int) -> list[Objective]:
    return list(Objective.objects.filter(project_id=project, deleted_at=None))


def test_of_another_project_nothing_can_be_changed(project):
    other = Project.objects.create(name="Other", slug="other").pk
    actions.create_objective(project, DRAFT, ANN, NOW)
    excluded = exclusions.add_exclusion(project, excluding(NOW + HOUR, NOW + 2 * HOUR), ANN, NOW)
    Channel.objects.create(project_id=project, name="ops", kind="email", target="ops@example.org")
    for change in (
        lambda: actions.update_objective(other, "in-time", DRAFT, ANN, NOW),
        lambda: actions.delete_objective(other, "in-time", ANN, NOW),
        lambda: actions.create_objective(other, replace(DRAFT, notify=("ops",)), ANN, NOW),
        lambda: exclusions.add_exclusion(other, excluding(NOW, NOW + HOUR, objective="in-time"), ANN, NOW),
        lambda: exclusions.end_exclusion(other, excluded.pk, ANN, NOW),
    ):
        with pytest.raises(Refused, match="There is no"):
            change()
    assert actions.create_objective(project, replace(DRAFT, name="b", notify=("ops", "a@b.org")), ANN, NOW).pk


def test_own_rules_are_read_back_with_the_share_of_the_budget_they_fire_at():
    own = {"name": "mine", "severity": "page", "long_s": 3600, "short_s": 300, "factor": 14.4}
    (rule,) = replace(DRAFT, rules=[own]).rules_over(30 * 86_400)
    assert (rule.name, round(rule.share, 6), rule.pending_s) == ("mine", 0.02, 0)


def excluding(starts_at: datetime, ends_at: datetime, objective: str | None = None) -> exclusions.ExclusionDraft:
    return exclusions.ExclusionDraft(starts_at, ends_at, "database moves", "maintenance", objective)


def test_an_exclusion_of_what_is_to_come_holds_at_once_in_whole_minutes(project):
    exclusions.add_exclusion(project, excluding(NOW + HOUR, NOW + 2 * HOUR), ANN, NOW)
    kept = Exclusion.objects.get()
    assert (kept.starts_at, kept.ends_at) == (
        datetime(2026, 3, 1, 13, 0, tzinfo=UTC),
        datetime(2026, 3, 1, 14, 0, tzinfo=UTC),
    )
    entry = last_entry()
    assert (entry.action, entry.target, entry.detail["reason"]) == ("exclusion.add", "all objectives", "database moves")


def test_a_page_that_was_sent_is_taken_back_by_two_people_only(project):
    objective = actions.create_objective(project, DRAFT, ANN, NOW - 9 * HOUR)
    page_of(objective, NOW - 3 * HOUR, NOW - 2 * HOUR)
    proposal = exclusions.add_exclusion(project, excluding(NOW - 4 * HOUR, NOW - 3.5 * HOUR, "in-time"), ANN, NOW)
    assert isinstance(proposal, ExclusionProposal)
    assert not Exclusion.objects.exists()
    for alone in (ANN, KEY):
        with pytest.raises(Refused, match="somebody else"):
            exclusions.confirm_exclusion(project, proposal.pk, alone, NOW)
    exclusions.confirm_exclusion(project, proposal.pk, BEN, NOW)
    kept = Exclusion.objects.get()
    assert (kept.author, kept.confirmed_by, kept.objective_id) == ("ann@example.org", "ben@example.org", objective.pk)
    with pytest.raises(Refused, match="confirmed already"):
        exclusions.confirm_exclusion(project, proposal.pk, BEN, NOW)
    assert list(AuditEntry.objects.values_list("action", flat=True).order_by("id")) == [
        "objective.create",
        "exclusion.propose",
        "exclusion.confirm",
    ]


@pytest.mark.parametrize(
    ("fired", "resolved", "proposed"),
    [(-3, -2, True), (-9, -8, False), (-1, None, True), (5, None, True)],
)
def test_which_pages_an_exclusion_of_the_past_would_take_back(project, fired, resolved, proposed):
    """It covers the five hours from six hours ago on."""
    objective = actions.create_objective(project, DRAFT, ANN, NOW - 9 * HOUR)
    page_of(objective, NOW + fired * HOUR, None if resolved is None else NOW + resolved * HOUR)
    covered = exclusions.covers_page(project, None, NOW - 6 * HOUR, NOW - HOUR, NOW)
    assert covered is (proposed and fired <= 0)


def test_a_ticket_or_a_page_of_another_objective_needs_no_second_person(project):
    objective = actions.create_objective(project, DRAFT, ANN, NOW)
    other = actions.create_objective(project, replace(DRAFT, name="other"), ANN, NOW)
    page_of(other, NOW - 3 * HOUR, None)
    past = (NOW - 4 * HOUR, NOW - HOUR, NOW)
    assert not exclusions.covers_page(project, objective, *past)
    Alert.objects.update(objective=objective, severity="ticket")
    assert not exclusions.covers_page(project, objective, *past)


def test_a_running_exclusion_ends_now_and_one_that_is_ahead_or_over_goes(project):
    for hours in (-5, -1, 1):
        exclusions.add_exclusion(project, excluding(NOW + hours * HOUR, NOW + (hours + 2) * HOUR), ANN, NOW)
    for excluded in Exclusion.objects.all():
        exclusions.end_exclusion(project, excluded.pk, ANN, NOW)
    (left,) = Exclusion.objects.all()
    assert (left.starts_at, left.ends_at) == (
        datetime(2026, 3, 1, 11, tzinfo=UTC),
        datetime(2026, 3, 1, 12, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": " "}, "reason"),
        ({"category": "mood"}, "category"),
        ({"ends_at": NOW + timedelta(seconds=20)}, "at least a minute"),
        ({"ends_at": NOW + timedelta(days=40)}, "at most 31 days"),
    ],
)
def test_an_exclusion_that_makes_no_sense_is_refused(project, changes, said):
    with pytest.raises(Refused, match=said):
        exclusions.add_exclusion(project, replace(excluding(NOW, NOW + HOUR), **changes), ANN, NOW)
