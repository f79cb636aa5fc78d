"""Version sets: what a trace's service ran with, the same set whenever the content is the same."""

from tracestore.analysis.versions import diff, unite

A = (("agent", "planner"), ("service_version", "1.4"))
B = (("model", "gpt-4o"),)
C = (("model", "gpt-4o-mini"), ("service_version", "1.4"))


def test_parts_unite_whatever_their_order_and_number() -> None:
    one, other = unite("bot", [A, B, C]), unite("bot", [C, C, B, A])
    assert one == other
    assert one.parts == {"agent": ("planner",), "model": ("gpt-4o", "gpt-4o-mini"), "service_version": ("1.4",)}
    assert one.service_version == "1.4"


def test_another_service_or_value_is_another_set() -> None:
    assert len({unite("bot", [A]).id, unite("cat", [A]).id, unite("bot", [A, B]).id, unite("bot", []).id}) == 4


def test_no_version_is_none() -> None:
    assert unite("bot", [B]).service_version is None


def test_a_difference_says_what_went_what_came_and_what_stayed() -> None:
    before, after = unite("bot", [A, B]).parts, unite("bot", [(("service_version", "1.5"),), B, C]).parts
    changes = {change.name: change[1:] for change in diff(before, after)}
    assert changes == {
        "agent": (("planner",), (), ()),
        "model": ((), ("gpt-4o-mini",), ("gpt-4o",)),
        "service_version": ((), ("1.5",), ("1.4",)) if "1.4" in after["service_version"] else (("1.4",), ("1.5",), ()),
    }
    assert diff(before, before) == []


def test_a_part_that_one_side_knows_nothing_of_is_no_change() -> None:
    silent, spoken = unite("bot", [A]).parts, unite("bot", [A, B]).parts
    (model,) = diff(silent, spoken)
    assert model.name == "model" and not model.seen_in_both
    (model,) = diff(spoken, silent)
    assert not model.seen_in_both
    assert all(one.seen_in_both for one in diff(spoken, unite("bot", [A, C]).parts))
