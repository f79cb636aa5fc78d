"""Which projects is a command for? One that is named by its slug, or all of them."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from tracestore.models import Project


def add_project(parser: ArgumentParser) -> None:
    parser.add_argument("--project", help="slug of one project; without it, all of them")


def chosen_projects(slug: str | None) -> list[Project]:
    """Raises CommandError when there is none."""
    projects = Project.objects.order_by("id")
    found = list(projects.filter(slug=slug) if slug else projects)
    if not found:
        raise CommandError(f"there is no project {slug!r}" if slug else "there is no project")
    return found


def chosen_id(slug: str | None) -> int | None:
    """None: all of them. Raises CommandError when there is no project of that name."""
    return chosen_projects(slug)[0].pk if slug else None
