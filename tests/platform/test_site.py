"""The site fixture, and with it the runner of the web workers: limits on what comes before a body."""

import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest


def raw(address: str, request: bytes, timeout_s: float = 5) -> bytes:
    """Send bytes, return what comes back until the server closes or falls silent."""
    with socket.create_connection((urlsplit(address).hostname, urlsplit(address).port), timeout=timeout_s) as client:
        client.sendall(request)
        received = b""
        try:
            while chunk := client.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionResetError):
            pass
        return received


def test_a_process_that_lives_says_so(site):
    with urllib.request.urlopen(f"{site}/healthz") as answer:
        assert answer.status == 200


def test_readiness_names_the_jobs_that_have_not_run(site):
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"{site}/readyz")
    assert refusal.value.code == 503
    assert b"settle has not finished yet" in refusal.value.read()


def test_headers_over_the_limit_are_refused(site):
    padding = b"x-padding: " + b"a" * 40_000 + b"\r\n"
    answer = raw(site, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n" + padding + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431")


def test_too_many_headers_are_refused(site):
    many = b"".join(b"x-%d: 1\r\n" % n for n in range(200))
    assert raw(site, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n" + many + b"\r\n").startswith(b"HTTP/1.1 431")


def test_an_endless_address_is_refused(site):
    assert raw(site, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n").startswith(b"HTTP/1.1 431")


def test_headers_that_never_end_close_the_connection(site, monkeypatch):
    monkeypatch.setattr("dashboard.server.HEADER_TIMEOUT_S", 0.3)
    assert raw(site, b"GET /healthz HTTP/1.1\r\nhost: loc") == b""


def test_another_host_is_refused(site):
    answer = raw(site, b"GET /sign-in HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")


def test_a_chunked_form_of_any_size_is_cut_off(site):
    head = b"POST /sign-in HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    assert raw(site, head + chunk * 5 + b"0\r\n\r\n").startswith(b"HTTP/1.1 413")


def test_metrics_need_a_key(site):
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"{site}/metrics")
    assert refusal.value.code == 401


def test_metrics_may_be_opened(site, settings):
    settings.METRICS_OPEN = True
    with urllib.request.urlopen(f"{site}/metrics") as answer:
        text = answer.read().decode()
    assert "# TYPE fourline_settle_waiting gauge\nfourline_settle_waiting 0\n" in text
    assert "fourline_database_bytes" in text


def test_a_browser_opens_the_sign_in_page(site, chromium):
    page = chromium.new_page()
    page.goto(f"{site}/sign-in")
    assert page.locator("input[type=password]").count() == 1
    page.close()
