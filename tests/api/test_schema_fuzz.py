"""Whatever fits the published OpenAPI, and what does not: no 5xx, and every answer is one that the schema describes.

API_EXAMPLES: cases for each operation and mode (make test: 8).
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dashboard.wsgi import application
from tests.api.shop import FROM, TO, make_shop
from tests.builders import NOW_NS, SECOND, store, trace_id
from tests.world import World, fill, make_world
from tracestore.queries.spans import hex_id

EXAMPLES = int(os.environ.get("API_EXAMPLES", "8"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
]
SCHEMA = schemathesis.openapi.from_wsgi("/api/openapi.json", application)
SCHEMA.config.generation.with_security_parameters = False  # the key is ours to send
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
OPERATIONS.sort(key=lambda operation: operation.method == "delete")  # what they all ask about goes last
HOSTILE = [
    "",
    "\ufeff",
    "a\x00",
    "\u202e",
    "(" * 50,
    "service:shop -status:error",
    "attr.n:>3 OR duration:<9h",
    '"hi',
    "W10",
]


# What fits a schema need not make sense together; these do.
BODIES = {
    "POST /api/v1/slos": {"name": "fuzzed", "part_q": "outcome:ok", "target": 0.99},
    "PUT /api/v1/slos/{slo_id}": {"name": "fuzzed-again", "part_q": "outcome:ok", "target": 0.9},
    "POST /api/v1/release-gate/overrides": {
        "service": "shop",
        "reason": "a fix",
        "author": "erin",
        "expires_at": (datetime.now(UTC) + timedelta(hours=20)).isoformat(),
    },
}


@pytest.fixture
def world(database: Any) -> World:
    made = make_world()
    fill(made.ours)
    return made


@pytest.fixture
def known(world: World) -> dict[str, list[str]]:
    """What exists, by the names of parameters."""
    shop = make_shop()
    store(world.ours.project.pk, shop.spans, received_ns=NOW_NS + 5 * SECOND)
    return {
        "trace_id": [trace_id(1), world.ours.trace_id, world.theirs.trace_id],
        "span_id": [hex_id(shop.call.raw.span_id)],
        "session_id": ["s 1", world.ours.session_id],
        "set_id": [world.ours.set_id],
        "a": [world.ours.set_id],
        "b": [world.ours.set_id],
        "slo_id": [str(world.ours.objective.pk)],
        "alert_id": [str(world.ours.alert.pk)],
        "name": ["tokens", "gen_ai.client.token.usage"],
        "from": [FROM],
        "to": [TO],
        "q": HOSTILE,
        "cursor": HOSTILE,
    }


def cases(operation: Any, mode: GenerationMode, known: dict[str, list[str]]) -> st.SearchStrategy[Any]:
    """Generated cases; in every other one some parameters are what exists."""

    def with_known(case: Any, chosen: dict[str, str], every_other: bool) -> Any:
        if every_other and mode is GenerationMode.POSITIVE:
            case.body = BODIES.get(operation.label, case.body)
        if every_other:
            for part in (case.path_parameters, case.query):
                part.update({name: chosen[name] for name in list(part or ()) if name in chosen})
        return case

    values = st.fixed_dictionaries({name: st.sampled_from(some) for name, some in known.items()})
    return st.builds(with_known, operation.as_strategy(generation_mode=mode), values, st.booleans())


def modes(operation: Any) -> Iterator[GenerationMode]:
    yield GenerationMode.POSITIVE
    if operation.query or operation.body:  # any text is a path parameter
        yield GenerationMode.NEGATIVE


def ask(strategy: st.SearchStrategy[Any], key: str, examples: int = EXAMPLES) -> list[int]:
    """The statuses of the answers, each of which has passed the checks."""
    statuses: list[int] = []
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def once(case: Any) -> None:
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS)
        statuses.append(response.status_code)

    once()
    return statuses


@pytest.mark.timeout(180 + 8 * EXAMPLES)
def test_every_answer_is_one_that_the_schema_describes(world: World, known: dict[str, list[str]]) -> None:
    asked = {}
    for operation in OPERATIONS:
        key = world.ours.keys["read" if operation.method == "get" else "write"]
        asked[operation.label] = [
            status for mode in modes(operation) for status in ask(cases(operation, mode, known), key)
        ]
    print({label: {code: codes.count(code) for code in sorted(set(codes))} for label, codes in asked.items()})
    for label, codes in asked.items():
        assert set(codes) & {200, 201, 204}, f"{label} was never answered well: {set(codes)}"


@pytest.mark.parametrize(("kind", "status"), [("none", 401), ("garbage", 401), ("revoked", 401), ("ingest", 403)])
def test_whatever_is_asked_without_the_right_key_is_refused(world: World, known: Any, kind: str, status: int) -> None:
    key = ({"none": "", "garbage": "fl_nonsense"} | world.ours.keys)[kind]
    for operation in OPERATIONS:
        if kind == "ingest" and operation.method == "post":
            continue  # feedback and releases: an ingest key suffices
        for mode in modes(operation):
            assert set(ask(cases(operation, mode, known), key, examples=2)) == {status}, operation.label


def test_a_read_key_changes_nothing(world: World, known: Any) -> None:
    for operation in OPERATIONS:
        if operation.method != "get":
            assert set(ask(cases(operation, GenerationMode.POSITIVE, known), world.ours.keys["read"])) == {403}
