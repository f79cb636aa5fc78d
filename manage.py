#!/usr/bin/env python
"""The command line of Fourline: `python manage.py help` lists what it can do."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # a setting makes no sense: its sentence says what to write
        sys.exit(f"fourline: {error}")


if __name__ == "__main__":
    main()
