"""What is refused before an objective is saved, what is warned of, and where in a filter it went wrong."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tracestore.analysis.filters import terms
from tracestore.analysis.slo.drafts import ObjectiveDraft, check
from tracestore.analysis.slo.problems import Problem
from tracestore.analysis.slo.templates import TEMPLATES, for_service

GOOD = ObjectiveDraft(
    name="answers-in-time",
    service="shop",
    total_q="service:shop",
    part_q="duration:<=2s -outcome:error",
    target=Decimal("0.999"),
)
RULE = {"name": "page-quick", "severity": "page", "long_s": 3600, "short_s": 300, "factor": 14.4}


def problems(**fields: Any) -> list[Problem]:
    return check(replace(GOOD, **fields))


def test_a_sound_objective_has_no_problem():
    assert check(GOOD) == []


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("name", {"name": "Answers"}),
        ("name", {"name": "-a"}),
        ("name", {"name": "a" * 64}),
        ("name", {"name": "a\n"}),
        ("name", {"name": "new"}),
        ("title", {"title": "two\nlines"}),
        ("description", {"description": "x" * 1051}),
        ("unit", {"unit": "span"}),
        ("part", {"part": "ugly"}),
        ("part_q", {"part_q": "  "}),
        ("target", {"target": Decimal(1)}),
        ("target", {"target": Decimal(0)}),
        ("target", {"target": Decimal("NaN")}),
        ("target", {"target": Decimal("0.9999999999")}),
        ("period_days", {"period_days": 0}),
        ("period_days", {"period_days": 400}),
        ("period_days", {"period_days": None}),
        ("period_days", {"calendar_unit": "month", "calendar_first": date(2026, 1, 1)}),
        ("calendar_unit", {"period_days": None, "calendar_unit": "decade", "calendar_first": date(2026, 1, 1)}),
        ("calendar_first", {"period_days": None, "calendar_unit": "month"}),
        ("calendar_first", {"period_days": None, "calendar_unit": "month", "calendar_first": date(9999, 12, 31)}),
        ("calendar_first", {"period_days": None, "calendar_unit": "day", "calendar_first": date(1, 1, 1)}),
        (
            "calendar_count",
            {"period_days": None, "calendar_unit": "year", "calendar_count": 2, "calendar_first": date(2026, 1, 1)},
        ),
        ("time_zone", {"time_zone": "Mars/Olympus"}),
        ("no_data", {"no_data": "guess"}),
        ("action", {"action": "panic"}),
        ("notify", {"notify": ("someone@",)}),
        ("notify", {"notify": ("a@example.org\nBcc: b@example.org",)}),
        ("runbook_url", {"runbook_url": "javascript:alert(1)"}),
        ("runbook_url", {"runbook_url": "https://"}),
        ("runbook_url", {"runbook_url": "https://example.org/a b"}),
        ("rules", {"rules": []}),
        ("rules", {"rules": [RULE, RULE]}),
        ("rules", {"rules": [RULE | {"severity": "shout"}]}),
        ("rules", {"rules": [RULE | {"short_s": 3600}]}),
        ("rules", {"rules": [RULE | {"long_s": 90}]}),
        ("rules", {"rules": [RULE | {"factor": 0.5}]}),
        ("rules", {"rules": [RULE | {"factor": float("nan")}]}),
        ("rules", {"rules": [RULE], "target": Decimal("0.9")}),
    ],
)
def test_what_makes_no_sense_is_an_error_of_its_field(field, fields):
    errors = {one.field for one in problems(**fields) if one.is_error}
    assert errors == {field}


def test_a_broken_filter_says_where_it_broke():
    (problem,) = problems(part_q="outcome:error speed:9")
    assert (problem.field, problem.position) == ("part_q", 15)
    assert "There is no field speed" in problem.text


def test_a_target_at_which_the_textbook_rules_cannot_fire_is_saved_with_a_warning():
    found = problems(target=Decimal("0.9"))
    assert not any(one.is_error for one in found)
    assert any("page-quick" in one.text and "lowered" in one.text for one in found)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"total_q": ""}, "add service:shop"),
        ({"part_q": "-status:error"}, "a retry made good"),
        ({"unit": "evaluation", "part_q": "outcome:ok"}, "name one"),
        ({"part_q": "cost:<=0.05"}, "no known cost counts as bad"),
        ({"part_q": "timeout", "part": "bad"}, "Free text is indexed after"),
        ({"rules": [RULE | {"factor": 6}], "target": Decimal("0.9")}, "more than 60 % of all events"),
    ],
)
def test_what_one_should_know_is_a_warning_and_forbids_nothing(fields, said):
    found = problems(**fields)
    assert not any(one.is_error for one in found)
    assert any(said in one.text for one in found)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))
@pytest.mark.parametrize("service", ["", "shop", 'Ärger "mit" \\ Leerzeichen'])
def test_a_template_can_be_saved_as_it_is_for_any_service(template, service):
    draft = for_service(template, service)
    assert [one for one in check(draft) if one.is_error] == []
    assert [term.value for term in terms(draft.indicator().total) if term.field == "service"] == [service] * bool(
        service
    )


def test_there_are_the_seven_that_were_asked_for_with_their_targets():
    assert {name: str(one.draft.target.normalize()) for name, one in TEMPLATES.items()} == {
        "answered-within-2s": "0.999",
        "p95-under-5s": "0.95",
        "policy-violations": "0.999",
        "tool-success": "0.95",
        "tool-state-unknown": "0.99",
        "cost-per-request": "0.99",
        "hallucination": "0.995",
    }
