"""One database for the tests of alerts; each finds it without objectives."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import _point_django_at as point_django_at
from tests.servers import PLAIN, Servers

if TYPE_CHECKING:
    from tests.alerts.scene import Scene

NAME = "alerts"


@pytest.fixture(scope="module")
def one_database(postgres: Servers, django_db_blocker) -> Iterator[None]:  # type: ignore[no-untyped-def]
    postgres.clone(NAME)
    with django_db_blocker.unblock():
        point_django_at(NAME)
        try:
            yield
        finally:
            point_django_at(PLAIN)
            postgres.drop(NAME)


@pytest.fixture
def scene(one_database: None) -> Iterator["Scene"]:
    from tests.alerts.scene import Scene
    from tracestore import db

    yield Scene()
    with db.JOBS.connection() as connection:
        connection.execute("TRUNCATE objective, slo_state, slo_rule_state, slo_count CASCADE")
