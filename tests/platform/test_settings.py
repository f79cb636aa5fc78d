"""Settings: secure without any, and a wrong one stops the start with a sentence."""

import os
import subprocess
import sys

import pytest

from tests.platform.installation import ROOT

SHOW = "from dashboard import settings as s; print(repr(({})))"


def run(arguments: list[str], tmp_path, **given: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FOURLINE_", "DJANGO_"))}
    environment = inherited | {"FOURLINE_HOME": str(tmp_path)} | given
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


def value(expression: str, tmp_path, **given: str) -> str:
    done = run(["-c", SHOW.format(expression)], tmp_path, **given)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("name", "wrong", "sentence"),
    [
        ("FOURLINE_PORT", "abc", "write a whole number"),
        ("FOURLINE_PORT", "99999", "from 1 to 65535"),
        ("FOURLINE_METRICS_OPEN", "maybe", "write 1 or 0"),
        ("FOURLINE_DATABASE_URL", "mysql://u:hidden@h/x", "postgresql://"),
        ("FOURLINE_DATABASE_URL", "postgresql://u:hidden@h:5432", "must name a database"),
    ],
)
def test_a_wrong_setting_is_one_sentence(name, wrong, sentence, tmp_path):
    refused = run(["manage.py", "up"], tmp_path, **{name: wrong})
    assert refused.returncode != 0
    assert sentence in refused.stderr and "Traceback" not in refused.stderr
    assert "hidden" not in refused.stderr


def test_without_settings_it_is_loopback_without_debug(tmp_path):
    assert (
        value("s.BIND, s.DEBUG, s.KEYLESS_FROM_LOOPBACK, '*' in s.ALLOWED_HOSTS", tmp_path)
        == "('127.0.0.1', False, True, False)"
    )


def test_a_public_address_over_tls_secures_cookies_and_ends_keyless_ingest(tmp_path):
    shown = "s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0, s.KEYLESS_FROM_LOOPBACK"
    assert value(shown, tmp_path, FOURLINE_PUBLIC_URL="https://f.example") == "(True, True, True, False)"


def test_a_bind_for_everybody_ends_keyless_ingest(tmp_path):
    assert value("s.KEYLESS_FROM_LOOPBACK", tmp_path, FOURLINE_BIND="0.0.0.0") == "False"


def test_a_database_on_a_socket_may_be_named_either_way(tmp_path):
    shown = "s.DATABASES['default']['HOST'], s.DATABASES['default']['PASSWORD']"
    for address in ("postgresql://u:p%40ss@%2Frun%2Fpg/x", "postgresql://u:p%40ss@/x?host=/run/pg"):
        assert value(shown, tmp_path, FOURLINE_DATABASE_URL=address) == "('/run/pg', 'p@ss')"


def test_a_server_without_a_secret_does_not_start(tmp_path):
    refused = run(["manage.py", "serve"], tmp_path)
    assert refused.returncode != 0
    assert "FOURLINE_SECRET_KEY" in refused.stderr
