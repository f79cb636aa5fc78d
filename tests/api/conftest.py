"""A project with something in it, and the API as a script sees it. (Imports wait: Django is set up after conftests load.)"""

from typing import Any

import pytest

from tests.conftest import Database


@pytest.fixture
def world(database: Database) -> Any:
    from tests.world import make_world

    return make_world()


@pytest.fixture
def ours(world: Any) -> Any:
    return world.ours


@pytest.fixture
def shop(ours: Any) -> Any:
    from tests.api.shop import make_shop
    from tests.builders import NOW_NS, SECOND, store

    made = make_shop()
    store(ours.project.pk, made.spans, received_ns=NOW_NS + 5 * SECOND)
    return made


@pytest.fixture
def api(ours: Any) -> Any:
    from tests.api.shop import Api

    return Api(ours.keys["read"])
