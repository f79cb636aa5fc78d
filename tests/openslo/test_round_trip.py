"""What is exported reads back as the same objective, strictly and without a word; what a document said besides stays in it."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracestore.analysis.openslo.exporting import document_of
from tracestore.analysis.openslo.importing import Imported, import_documents
from tracestore.analysis.openslo.reading import read_documents, write_documents
from tracestore.analysis.slo.drafts import ACTIONS, NO_DATA, ObjectiveDraft, check
from tracestore.analysis.slo.indicator import UNITS

LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True).filter(lambda name: name != "new")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
ODD = st.sampled_from(
    ["1e3", "yes", "null", "2026-01-01", "~", "0x1f", "1_000", "on", "12:30:00", "=", "<<", "- a", " x "]
)
WORDS = TEXTS | ODD
FILTERS = st.sampled_from(["outcome:ok", "duration:<2s", 'name:"a: b" -outcome:error', "cost:<=0.01", "attr.x:true"])
TARGETS = st.integers(1, 10**8 - 1).map(lambda number: Decimal(number) / 10**8)
RULES = st.fixed_dictionaries(
    {
        "name": WORDS.filter(lambda name: len(name) >= 1 and name.isprintable()),
        "severity": st.sampled_from(["page", "ticket"]),
        "short_s": st.integers(2, 60).map(lambda minutes: minutes * 60),
        "long_s": st.integers(61, 1_440).map(lambda minutes: minutes * 60),
        "factor": st.floats(1, 50) | st.integers(1, 50),
    },
    optional={"pending_s": st.integers(1, 86_400)},
)
PERIODS = st.one_of(
    st.integers(1, 366).map(lambda days: {"period_days": days}),
    st.builds(
        lambda unit, first, zone: {
            "period_days": None, "calendar_unit": unit, "calendar_first": first, "time_zone": zone
        },
        st.sampled_from(["day", "week", "month", "quarter", "year"]),
        st.dates(date(2000, 1, 1), date(2100, 1, 1)),
        st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    ),
)  # fmt: skip
DRAFTS = st.builds(
    lambda period, **fields: ObjectiveDraft(**fields, **period),
    period=PERIODS,
    name=LABELS,
    part_q=FILTERS,
    total_q=FILTERS | st.just(""),
    target=TARGETS,
    title=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=120) | ODD,
    description=WORDS,
    service=WORDS | st.just("unassigned"),
    unit=st.sampled_from(UNITS),
    part=st.sampled_from(["good", "bad"]),
    no_data=st.sampled_from(NO_DATA),
    action=st.sampled_from(ACTIONS),
    rules=st.none() | st.lists(RULES, min_size=1, max_size=4, unique_by=lambda rule: rule["name"]),
    notify=st.lists(st.sampled_from(["a@b.example", "on call", "a,b", "[x", '"q"']), unique=True).map(tuple),
    runbook_url=st.sampled_from(["", "https://wiki.example/run?a=1&b=2#c"]),
    owner=WORDS,
    enabled=st.booleans(),
)


def again(draft: ObjectiveDraft, strict: bool = True) -> Imported:
    return import_documents(read_documents(write_documents([document_of(draft)])), strict)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(DRAFTS)
def test_what_is_exported_reads_back_as_it_was(draft: ObjectiveDraft) -> None:
    found = again(draft)
    assert [str(note) for note in found.notes] == []
    assert found.drafts == [draft]


FOREIGN = """
apiVersion: openslo/v1
kind: SLO
metadata:
  name: checkout
  displayName: Checkout answers
  labels: {team: [shop, pay], tier: "1"}
  annotations: {example.org/board: "7", fourline.dev/good: "duration:<2s", fourline.dev/total: "service:checkout"}
spec:
  description: People wait.
  service: checkout
  indicator:
    metadata: {name: fast-answers, displayName: Fast answers}
    spec:
      description: from the gateway
      ratioMetric:
        counter: true
        good: {metricSource: {type: Prometheus, spec: {query: "sum(good)"}}}
        total: {metricSource: {type: Prometheus, spec: {query: "sum(all)"}}}
  timeWindow: [{duration: 1M, isRolling: false, calendar: {startTime: 2026-01-01 00:00:00, timeZone: Europe/Berlin}}]
  budgetingMethod: Occurrences
  objectives: [{displayName: Fast, targetPercent: 99.5}]
"""


def test_what_we_have_no_field_for_is_written_again() -> None:
    found = import_documents(read_documents(FOREIGN), strict=True)
    (draft,) = found.drafts
    assert (draft.unit, draft.total_q, draft.part_q, draft.part) == (
        "request",
        "service:checkout",
        "duration:<2s",
        "good",
    )
    assert (draft.calendar_unit, draft.calendar_first, draft.target) == ("month", date(2026, 1, 1), Decimal("0.995"))
    (was,), now = read_documents(FOREIGN), document_of(draft)
    assert now["spec"]["indicator"] == was.body["spec"]["indicator"]
    assert now["metadata"]["labels"] == was.body["metadata"]["labels"]
    assert now["metadata"]["annotations"] == {**was.body["metadata"]["annotations"], "fourline.dev/unit": "request"}
    assert now["spec"]["objectives"] == [{"displayName": "Fast", "target": 0.995}]
    assert again(draft).drafts == [draft]


def test_unknown_fields_and_policies_survive_a_lenient_round_trip() -> None:
    (body,) = (dict(one.body) for one in read_documents(FOREIGN))
    body["x-team"] = {"deep": [1, 2]}
    body["spec"] |= {"weight": 3, "alertPolicies": [policy("burns", description="wake us")]}
    found = import_documents(read_documents(write_documents([body])))
    assert {note.path for note in found.warnings} >= {"x-team", "spec.weight"}
    (draft,) = found.drafts
    now = document_of(draft)
    assert (now["x-team"], now["spec"]["weight"]) == ({"deep": [1, 2]}, 3)
    assert now["spec"]["alertPolicies"][0]["spec"]["description"] == "wake us"
    assert again(draft, strict=False).drafts == [draft]


def policy(name: str, description: str = "", **condition: Any) -> dict[str, Any]:
    burn = {"kind": "burnrate", "op": "gt", "threshold": 14.4, "lookbackWindow": "1h", "alertAfter": "5m", **condition}
    return {
        "kind": "AlertPolicy",
        "metadata": {"name": name},
        "spec": {
            "description": description,
            "alertWhenBreaching": True,
            "conditions": [
                {
                    "kind": "AlertCondition",
                    "metadata": {"name": name},
                    "spec": {"severity": "page", "condition": burn},
                }
            ],
            "notificationTargets": [{"targetRef": "somebody"}],
        },
    }


def test_the_drafts_of_this_test_are_mostly_such_as_can_be_saved() -> None:
    plain = ObjectiveDraft(name="a", part_q="duration:<2s", target=Decimal("0.999"), period_days=30)
    assert [problem for problem in check(plain) if problem.is_error] == []
