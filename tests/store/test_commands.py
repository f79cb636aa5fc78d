"""Commands that work through stored spans take a project by its slug."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.conftest import Database
from tracestore.actions.access import create_project


@pytest.mark.parametrize("command", ["rebuild", "index_texts", "reprice", "renormalise"])
def test_a_project_is_named_by_its_slug_and_no_other_is_touched(database: Database, command: str) -> None:
    project = create_project("shop", timezone.now())
    create_project("neighbour", timezone.now())
    said = StringIO()
    call_command(command, "--project", project.project, stdout=said)
    assert said.getvalue()
    assert "neighbour" not in said.getvalue()
    with pytest.raises(CommandError, match="there is no project 'nowhere'"):
        call_command(command, "--project", "nowhere")
