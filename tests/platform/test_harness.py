"""The harness itself: databases are fresh, cheap and seen by threads and processes alike."""

import os
import subprocess
import sys
import threading
import time

from django.db import connection

from tracestore.models import Project


def count() -> int:
    return Project.objects.count()


def test_a_database_is_fresh_and_commits(database):
    Project.objects.create(slug="one", name="One")
    seen = []
    thread = threading.Thread(target=lambda: (seen.append(count()), connection.close()))
    thread.start()
    thread.join()
    assert seen == [1]


def test_the_next_database_knows_nothing_of_it(database):
    assert count() == 0


def test_a_process_works_on_the_same_database(database):
    Project.objects.create(slug="one", name="One")
    code = "import django; django.setup(); from tracestore.models import Project; print(Project.objects.count())"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_a_clone_is_cheap(postgres):
    started = time.perf_counter()
    postgres.clone("cheap")
    postgres.drop("cheap")
    assert time.perf_counter() - started < 20  # 0.1 s on an idle machine


def test_db_rolls_back(db):
    Project.objects.create(slug="one", name="One")
    assert count() == 1
