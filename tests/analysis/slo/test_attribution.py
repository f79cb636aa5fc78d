"""What the bad requests have in common: planted causes are found, noise is not, and what defines badness is not a cause."""

import random

import pytest

from tracestore.analysis.slo.attribution import Row, attribute
from tracestore.analysis.slo.evidence import (
    Table,
    attributable_low,
    benjamini_yekutieli,
    chance,
    fisher,
    lift,
    log_odds,
)


def test_fisher_and_g_give_the_numbers_of_the_textbooks() -> None:
    assert fisher(Table(8, 2, 1, 5)) == pytest.approx(0.03497, abs=1e-5), "the example of scipy's documentation"
    assert fisher(Table(3, 1, 1, 3)) == pytest.approx(0.48571, abs=1e-5), "the lady tasting tea"
    assert chance(Table(30, 70, 10, 90)) == pytest.approx(0.000316, rel=0.01), "G = 12.97 on one degree of freedom"
    assert chance(Table(0, 0, 0, 0)) == 1.0


def test_q_values_are_those_of_benjamini_and_yekutieli() -> None:
    q = benjamini_yekutieli([0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205])
    harmonic = sum(1 / k for k in range(1, 9))
    bh = [0.008, 0.032, 0.0672, 0.0672, 0.0672, 0.08, 0.0845714, 0.205]
    assert q == pytest.approx([min(1.0, one * harmonic) for one in bh], rel=1e-4)
    assert benjamini_yekutieli([]) == []


def test_strengths_of_a_table_by_hand() -> None:
    table = Table(40, 10, 100, 850)
    assert lift(table) == pytest.approx((40.5 / 51) / (100.5 / 951))
    value, low, high = log_odds(table)
    assert low < value < high
    assert 0.6 < attributable_low(table) < 0.8
    assert attributable_low(Table(5, 45, 100, 850)) == 0.0, "as frequent among the good"


def world(count: int, cause: dict[str, str] | None, seed: int = 1) -> list[tuple[bool, Row]]:
    """Requests of which 2 % fail, and 40 % of those that carry every attribute of `cause`."""
    dice, rows = random.Random(seed), list[tuple[bool, Row]]()
    for number in range(count):
        row: dict[str, str | float | None] = {
            "model": dice.choice(["a", "b", "c"]),
            "region": dice.choice(["eu", "us"]),
            "tenant": dice.choice(["t1", "t2", "t3", "t4", None]),
            "tokens": dice.lognormvariate(6, 1),
            "request_id": f"r{number}",
        }
        row["deploy"] = f"deploy-of-{row['model']}"
        bad = dice.random() < (0.4 if cause and all(row[k] == v for k, v in cause.items()) else 0.02)
        row["status"] = "error" if bad else "ok"
        rows.append((bad, row))
    return rows


def test_a_planted_cause_is_found_with_its_alias_and_nothing_else() -> None:
    found = attribute(world(2_000, {"model": "b"}))
    (only,) = found.findings
    assert {only.attributes[0], *only.aliases} == {("model", "b"), ("deploy", "deploy-of-b")}
    assert only.q < 0.001
    assert only.explained > 0.5
    assert found.bad + found.good == 2_000
    assert found.tested > 10


def test_what_defines_badness_and_what_identifies_a_row_is_no_cause() -> None:
    named = {field for one in attribute(world(500, {"model": "b"})).findings for field, _ in one.attributes}
    assert not named & {"status", "request_id"}


def test_two_attributes_together_are_named_when_only_both_are_bad() -> None:
    found = attribute(world(6_000, {"model": "b", "region": "eu"}))
    assert found.findings[0].attributes in (
        (("model", "b"), ("region", "eu")),
        (("region", "eu"), ("model", "b")),
        (("deploy", "deploy-of-b"), ("region", "eu")),
        (("region", "eu"), ("deploy", "deploy-of-b")),
    )


def test_a_missing_value_can_be_the_cause() -> None:
    rows = [(bad, {**row, "tenant": None if bad else row["tenant"]}) for bad, row in world(1_000, None)]
    assert attribute(rows).findings[0].attributes == (("tenant", "(missing)"),)


def test_numbers_are_looked_at_by_tenths() -> None:
    rows = []
    for _, row in world(2_000, None):
        bad = float(str(row["tokens"])) > 1_500
        rows.append((bad, row))
    assert attribute(rows).findings[0].attributes[0][0] == "tokens"


def test_noise_is_rarely_called_a_cause() -> None:
    """q under 0.05 against any dependence: of 40 histories without a cause at most a few name something."""
    assert sum(bool(attribute(world(400, None, seed)).findings) for seed in range(40)) <= 4


def test_nothing_bad_or_nothing_good_explains_nothing() -> None:
    assert attribute([]).findings == ()
    assert attribute([(True, {"model": "a"})] * 50).findings == ()
    assert attribute([(False, {"model": "a"})] * 50).findings == ()
