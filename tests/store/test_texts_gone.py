"""Texts may go before their spans: nothing that is kept is lost with them, and every reader says so."""

from datetime import UTC, datetime, timedelta

from tests.builders import NOW, SECOND, span, store, trace_id
from tests.conftest import Database
from tests.store.state import count, derived
from tests.store.test_partitions import keep
from tests.world import make_world
from tracestore.jobs import rebuild, reprice
from tracestore.jobs import traces as settle_job
from tracestore.models import Project
from tracestore.queries.earlier_calls import messages_before
from tracestore.queries.span_detail import get_span
from tracestore.queries.spans import hex_id

DAY = 86_400
TEXT = "what was said " * 100


def old_trace(project: int) -> str:
    """A trace of six days ago whose root has an attribute to filter by; its texts are dropped after three days."""
    root = span(trace_id(1), name="agent", operation="agent", at=-6 * DAY, seconds=9, attributes={"tier": "gold"})
    call = span(trace_id(1), root, model="gpt-4o", input_tokens=7, at=-6 * DAY, attributes={"gen_ai.prompt": TEXT})
    store(project, [root, call])
    Project.objects.filter(id=project).update(text_retention_days=3)
    assert keep(NOW).held == 0
    assert (count("span_payload", project), count("message", project), count("span", project)) == (0, 0, 2)
    return hex_id(call.raw.span_id)


def attrs() -> object:
    from tests.store.test_settle import one_row

    return one_row("SELECT attrs FROM trace WHERE project = %(project)s")[0]


def test_what_was_settled_from_texts_outlives_them(database: Database) -> None:
    Project.objects.create(id=1, name="P", slug="p")
    old_trace(1)
    kept = derived(1)
    assert attrs() == {"tier": "gold", "service.name": "shop"}
    late = span(trace_id(1), at=-6 * DAY, name="late")
    store(1, [late])
    assert attrs() == {"tier": "gold", "service.name": "shop"}
    rebuild.run(NOW, 1)
    reprice.run(NOW, 1)
    settle_job.run(NOW + timedelta(seconds=20))
    assert attrs() == {"tier": "gold", "service.name": "shop"}
    assert count("span_payload") == 1, "a late span brings its texts"
    keep(NOW)
    assert (count("span_payload"), count("span")) == (0, 3), "which go again"
    assert derived(1)["llm_call"] == kept["llm_call"]


def test_readers_say_that_texts_are_gone(database: Database) -> None:
    world = make_world(datetime.now(UTC) - timedelta(days=9))
    project = world.ours.project.pk
    call = old_trace(project)
    detail = get_span(project, trace_id(1), call)
    assert detail is not None
    assert (detail.payload_dropped, detail.attributes, detail.span.input_tokens) == (True, {}, 7)
    assert messages_before(project, detail.span, ["x"]) is None
    client = world.client(world.bob)
    page = client.get(f"/p/{world.ours.slug}/traces/{trace_id(1)}", {"span": call})
    assert page.status_code == 200
    assert "The texts of this trace were dropped after 3 days (retention)" in page.content.decode()
    assert "was dropped after 3 days, as the project&#x27;s retention asks" in page.content.decode()
    answer = client.get(
        f"/api/v1/traces/{trace_id(1)}/spans/{call}", headers={"Authorization": f"Bearer {world.ours.keys['read']}"}
    )
    assert (answer.status_code, answer.json()["payload_dropped"], answer.json()["attributes"]) == (200, True, {})


def test_a_trace_that_still_has_its_texts_says_nothing(database: Database) -> None:
    world = make_world(datetime.now(UTC) - timedelta(days=9))
    one = span(trace_id(1), model="m", attributes={"gen_ai.prompt": TEXT}, at=-int(SECOND / SECOND))
    store(world.ours.project.pk, [one])
    page = world.client(world.bob).get(f"/p/{world.ours.slug}/traces/{trace_id(1)}", {"span": hex_id(one.raw.span_id)})
    assert "were dropped" not in page.content.decode()
    assert "no longer stored" not in page.content.decode()
