"""DJANGO_SETTINGS_MODULE of that version."""

from dashboard.settings import *  # noqa: F403
from dashboard.settings import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "tests.faults.next_version"]
