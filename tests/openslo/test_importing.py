"""The traps of OpenSLO: what is refused, what is warned of, in which document and where, and what to do."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from tests.openslo.test_round_trip import policy
from tracestore.analysis.openslo.importing import Imported, as_label, import_documents
from tracestore.analysis.openslo.reading import Unreadable, read_documents, write_documents

OURS: dict[str, Any] = {"type": "fourline", "spec": {"unit": "tool_call", "q": "service:shop"}}


def slo(**spec: Any) -> dict[str, Any]:
    ratio = {
        "bad": {"metricSource": {"type": "fourline", "spec": {"q": "status:error"}}},
        "total": {"metricSource": deepcopy(OURS)},
    }
    return {
        "apiVersion": "openslo/v1",
        "kind": "SLO",
        "metadata": {"name": "tools-work"},
        "spec": {
            "service": "shop",
            "indicator": {"metadata": {"name": "i"}, "spec": {"ratioMetric": ratio}},
            "timeWindow": [{"duration": "28d", "isRolling": True}],
            "budgetingMethod": "Occurrences",
            "objectives": [{"target": 0.95}],
            **spec,
        },
    }


def read(*bodies: dict[str, Any], strict: bool = False) -> Imported:
    return import_documents(read_documents(write_documents(list(bodies))), strict)


def one_error(*bodies: dict[str, Any], strict: bool = False) -> str:
    found = read(*bodies, strict=strict)
    assert found.errors
    assert not found.drafts
    return str(found.errors[0])


def test_our_metric_source_is_taken_over_without_a_word() -> None:
    found = read(slo(), strict=True)
    assert found.notes == []
    (draft,) = found.drafts
    assert (draft.unit, draft.total_q, draft.part_q, draft.part) == ("tool_call", "service:shop", "status:error", "bad")
    assert (draft.target, draft.period_days, draft.service, draft.rules) == (Decimal("0.95"), 28, "shop", None)


def window(duration: str, **calendar: str) -> dict[str, Any]:
    return slo(timeWindow=[{"duration": duration, **({"calendar": calendar} if calendar else {"isRolling": True})}])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (window("1m"), "timeWindow[0].duration: 1m is 1 minute, too short for a budget; for 1 month write 1M."),
        (window("5x"), "5x is no duration"),
        (window("36h"), "over whole days"),
        (window("3h", startTime="2026-01-01 00:00:00", timeZone="UTC"), "a calendar window has days"),
        (window("1M", startTime="2026-01-01", timeZone="UTC"), "write it as 2026-01-01 00:00:00"),
        (window("1M", startTime="2026-01-01 00:00:00", timeZone="Mars/Base"), "is no time zone"),
        (slo(timeWindow=[{"duration": "28d"}]), "needs isRolling: true, or calendar"),
        (slo(budgetingMethod="Timeslices", objectives=[{"target": 0.9, "timeSliceTarget": 0.9, "timeSliceWindow": "1m"}]),
         "Timeslices is not counted here: Fourline counts events"),
        (slo(indicator=None, objectives=[{"target": 0.9, "indicator": slo()["spec"]["indicator"]}]), "make an SLO of each"),
        (slo(objectives=[{"target": 1}]), "spec.objectives[0].target: must lie between 0 and 1, below it."),
        (slo(objectives=[{"target": True}]), "True is no number"),
        (slo(objectives=[{"target": 0.9, "targetPercent": 90}]), "exactly one of target and targetPercent"),
        (slo(objectives=[]), "must hold an objective"),
        (slo(indicatorRef="there"), "exactly one of indicator, indicatorRef"),
        (slo(indicator=None, indicatorRef="there"), "there is no SLI there in the file"),
        (slo() | {"apiVersion": "openslo/v2alpha"}, "apiVersion: must be openslo/v1"),
        (slo() | {"kind": "Dashboard"}, "kind: must be one of SLO"),
        (slo() | {"metadata": {"name": "a", "annotations": {"fourline.dev/actoin": "rollback"}}}, "fourline.dev/actoin is none of"),
        ({"apiVersion": "openslo/v1", "kind": "Service", "metadata": {"name": "a"}}, "no document of kind: SLO"),
    ],
)  # fmt: skip
def test_what_cannot_be_expressed_is_refused_with_what_to_do(body: dict[str, Any], says: str) -> None:
    assert says in one_error(body)


def test_an_error_names_document_place_and_what_to_do() -> None:
    bad = slo(service=None)
    assert (
        one_error(slo() | {"metadata": {"name": "fine"}}, bad)
        == "document 2 (SLO tools-work): spec.service: is missing."
    )


def metric(**source: Any) -> dict[str, Any]:
    return {"metricSource": source}


def indicator(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "i"}, "spec": spec}


def test_sources_of_others_ask_for_a_mapping_onto_our_filters() -> None:
    theirs = metric(type="Prometheus", spec={"query": "x"})
    text = one_error(slo(indicator=indicator(ratioMetric={"good": theirs, "total": theirs})))
    assert "its type is Prometheus: Fourline cannot ask it" in text
    assert "fourline.dev/good" in text
    raw = {"raw": theirs, "rawType": "success"}
    assert "a ratio made elsewhere" in one_error(slo(indicator=indicator(ratioMetric=raw)))


def test_a_data_source_of_ours_may_be_referred_to() -> None:
    source = {
        "apiVersion": "openslo/v1",
        "kind": "DataSource",
        "metadata": {"name": "main"},
        "spec": {"type": "fourline"},
    }
    by_name = {
        "good": metric(metricSourceRef="main", spec={"q": "outcome:ok"}),
        "total": metric(metricSourceRef="main", spec={"unit": "request"}),
    }
    sli = {"apiVersion": "openslo/v1", "kind": "SLI", "metadata": {"name": "sli"}, "spec": {"ratioMetric": by_name}}
    found = read(source, sli, slo(indicator=None, indicatorRef="sli"))
    assert [(draft.unit, draft.total_q, draft.part_q, draft.part) for draft in found.drafts] == [
        ("request", "", "outcome:ok", "good")
    ]
    assert "there is no DataSource main" in one_error(sli, slo(indicator=None, indicatorRef="sli"))


@pytest.mark.parametrize(
    ("measure", "op", "value", "q"),
    [
        ("duration", "lte", 2.5, "duration:<=2.5s"),
        ("duration", "lt", 1e-3, "duration:<0.001s"),
        ("cost", "lte", 0.05, "cost:<=0.05"),
        ("tokens", "gte", 10, "tokens:>=10"),
    ],
)
def test_a_threshold_becomes_a_filter(measure: str, op: str, value: float, q: str) -> None:
    spec = {"unit": "request", "q": "service:shop", "measure": measure}
    body = slo(
        indicator=indicator(thresholdMetric=metric(type="fourline", spec=spec)),
        objectives=[{"target": 0.99, "op": op, "value": value}],
    )
    (draft,) = read(body, strict=True).drafts
    assert (draft.total_q, draft.part_q, draft.part) == ("service:shop", q, "good")
    draft.indicator()
    assert "needs op and value" in one_error(body | slo(indicator=body["spec"]["indicator"]))


def test_operators_on_a_ratio_are_for_strict_readers_an_error() -> None:
    """The specification's own examples have them; its SDK forbids them."""
    body = slo(objectives=[{"target": 0.95, "op": "gt"}])
    assert [note.level for note in read(body).notes] == ["warning"]
    assert "a ratio has none" in one_error(body, strict=True)


def test_names_that_are_no_labels_are_made_ones_or_refused() -> None:
    body = slo() | {"metadata": {"name": "Checkout SLO_99"}}
    assert [draft.name for draft in read(body).drafts] == ["checkout-slo-99"]
    assert "RFC 1123" in one_error(body, strict=True)
    assert as_label("-" * 80) == ""


def test_several_targets_become_several_objectives() -> None:
    found = read(slo(objectives=[{"target": 0.9, "displayName": "SLA"}, {"target": 0.95}]))
    assert [(draft.name, draft.title) for draft in found.drafts] == [("tools-work-1", "SLA"), ("tools-work-2", "2")]
    assert len(found.warnings) == 2


def test_the_same_name_twice_is_refused() -> None:
    assert "stands twice" in str(read(slo(), slo()).errors[0])


def rules(*policies: dict[str, Any]) -> tuple[Any, str]:
    found = read(slo(alertPolicies=list(policies)))
    return found.drafts[0].rules, " ".join(note.text for note in found.warnings)


def test_a_policy_becomes_a_rule_whose_short_window_is_a_twelfth() -> None:
    found, said = rules(policy("burns"))
    assert found == [
        {"name": "burns", "severity": "page", "long_s": 3600, "short_s": 300, "factor": 14.4, "pending_s": 300}
    ]
    assert "5m, a twelfth, is taken as the short one" in said
    assert "name addresses or channels in fourline.dev/notify" in said


def test_conditions_below_a_threshold_are_left_out_and_never_flipped() -> None:
    found, said = rules(policy("odd", op="lte"), policy("burns", op="gte"))
    assert [rule["name"] for rule in found] == ["burns"]
    assert "lte alerts while the budget burns slowly; the rule is left out" in said
    assert "strictly above" in said
    only, said = rules(policy("odd", op="lt"))
    assert only is None
    assert "the default rules apply" in said


def test_policies_and_conditions_may_be_referred_to() -> None:
    inline = policy("burns")
    condition = inline["spec"]["conditions"][0]
    named = {"apiVersion": "openslo/v1", "kind": "AlertCondition", "metadata": {"name": "c"}, "spec": condition["spec"]}
    body = {**inline, "apiVersion": "openslo/v1", "spec": {**inline["spec"], "conditions": [{"conditionRef": "c"}]}}
    found = read(named, body, slo(alertPolicies=[{"alertPolicyRef": "burns"}]))
    assert found.drafts[0].rules is not None
    assert found.drafts[0].rules[0]["factor"] == 14.4
    assert "no AlertCondition c" in one_error(body, slo(alertPolicies=[{"alertPolicyRef": "burns"}]))


LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1", "This is no YAML: line"),
        ("a: &x [1, *x]", "stands within what it names"),
        (LAUGHS, "aliases written out"),
        ("[" * 40 + "]" * 40, "nested deeper than"),
        ("a: 1\na: 2", "the key a stands twice"),
        ("x" * 2_000_000, "larger than"),
        ("--- 1\n" * 3_000, "documents"),
        ('a: "\\0"', "no stored text can hold"),
        ("hello", "must be an object with apiVersion"),
        ("a: !!python/object/apply:os.system [ls]", "This is no YAML"),
    ],
)  # fmt: skip
def test_what_is_no_yaml_or_too_much_of_it_is_refused_before_it_is_built(text: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read_documents(text)


def test_plain_scalars_are_those_of_yaml_1_2() -> None:
    (document,) = read_documents("{a: 2022-01-01 12:00:00, b: no, c: 12:30:00, d: 1e3, e: 010, f: ~, g: 0.999}")
    assert document.body == {
        "a": "2022-01-01 12:00:00", "b": "no", "c": "12:30:00", "d": 1000.0, "e": "010", "f": None, "g": 0.999
    }  # fmt: skip


def test_hostile_documents_are_answered_with_notes() -> None:
    """Every type in every place: never an exception."""
    odd: list[Any] = [None, 1, "x", True, [], [1], {}, {"a": 1}]
    for value in odd:
        for field in ("apiVersion", "kind", "metadata", "spec"):
            read(slo() | {field: value})
        for field in slo()["spec"]:
            read(slo(**{field: value}))
            read(slo(**{field: [value]}))
        for field in ("ratioMetric", "thresholdMetric"):
            read(slo(indicator=indicator(**{field: value})))
        for name in ("good", "bad", "total", "raw"):
            read(slo(indicator=indicator(ratioMetric={name: value, "total": metric(**OURS)})))
            read(
                slo(
                    indicator=indicator(
                        ratioMetric={name: metric(type="fourline", spec=value), "total": metric(**OURS)}
                    )
                )
            )
        read(slo(alertPolicies=[{"kind": "AlertPolicy", "metadata": value, "spec": value}]))
        for field in policy("a")["spec"]:
            read(slo(alertPolicies=[{**policy("a"), "spec": {**policy("a")["spec"], field: value}}]))
        read(
            slo()
            | {"metadata": {"name": "a", "labels": value, "annotations": {"a": value, "fourline.dev/notify": value}}}
        )
