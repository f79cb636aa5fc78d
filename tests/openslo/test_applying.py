"""Files against a project: what is made, changed and deleted; all or nothing; an export applies as it is."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.openslo.test_importing import slo
from tests.openslo.test_round_trip import policy
from tests.world import World, make_world
from tracestore.analysis.openslo.reading import read_documents, write_documents
from tracestore.models import AuditEntry
from tracestore.models.slo import Objective


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def run(world: World, tmp_path: Path) -> Any:
    def run(*bodies: Any, verb: str = "apply", project: str = world.ours.slug, **options: Any) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        if verb == "apply":
            file = tmp_path / "objectives.yaml"
            file.write_text(bodies[0] if bodies and isinstance(bodies[0], str) else write_documents(list(bodies)))
            options["file"] = str(file)
        call_command("slo", verb, project=project, stdout=out, stderr=err, **options)
        return out.getvalue(), err.getvalue()

    return run


def named(name: str, **spec: Any) -> dict[str, Any]:
    return slo(**spec) | {"metadata": {"name": name}}


def names(world: World) -> set[str]:
    return set(Objective.objects.filter(project=world.ours.project, deleted_at=None).values_list("name", flat=True))


def test_applying_makes_changes_and_repeats(run: Any, world: World) -> None:
    assert run(named("a"), named("b"), dry_run=True)[0] == "a would be created\nb would be created\n"
    assert names(world) == set()
    assert run(named("a"), named("b"))[0] == "a created\nb created\n"
    assert run(named("a", objectives=[{"target": 0.9}]), named("b"))[0] == "a changed: target\nb unchanged\n"
    audited = AuditEntry.objects.filter(project=world.ours.project, action__startswith="objective.")
    assert [(entry.action, entry.target, entry.actor) for entry in audited.order_by("id")] == [
        ("objective.create", "a", "command line"),
        ("objective.create", "b", "command line"),
        ("objective.change", "a", "command line"),
    ]


def test_what_the_file_does_not_hold_is_deleted_only_when_asked(run: Any, world: World) -> None:
    run(named("a"), named("b"))
    assert run(named("a"))[0] == "a unchanged\n"
    assert run(named("a"), prune=True, dry_run=True)[0] == "a unchanged\nb would be deleted\n"
    assert names(world) == {"a", "b"}
    run(named("a"), prune=True)
    assert names(world) == {"a"}
    with pytest.raises(CommandError, match="Nothing was changed"):
        run("", prune=True)
    assert names(world) == {"a"}


def test_one_error_leaves_everything_as_it_is(run: Any, world: World) -> None:
    bad_filter = slo()["spec"]["indicator"]
    bad_filter["spec"]["ratioMetric"]["total"]["metricSource"]["spec"] = {"unit": "request", "q": "nofield:x"}
    with pytest.raises(CommandError, match="Nothing was changed"):
        run(named("a"), named("b", indicator=bad_filter))
    with pytest.raises(CommandError, match="There is no project"):
        run(named("a"), project="nobody")
    assert names(world) == set()


def test_an_export_applies_without_a_change(run: Any, world: World) -> None:
    annotated = {
        "name": "c",
        "annotations": {"fourline.dev/action": "rollback", "fourline.dev/notify": "on@call.example"},
    }
    run(named("a"), named("b", alertPolicies=[policy("burns")]), named("c") | {"metadata": annotated})
    text, _ = run(verb="export")
    assert [document.name for document in read_documents(text)] == ["a", "b", "c"]
    out, err = run(text, strict=True, prune=True)
    assert out == "a unchanged\nb unchanged\nc unchanged\n"
    assert [line for line in err.splitlines() if line.startswith("error")] == []
    assert Objective.objects.get(name="c").action == "rollback"
