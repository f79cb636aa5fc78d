"""The gate for CI: exit codes, what it says, and that the key goes nowhere else."""

import io
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core.management import call_command

from dashboard import gate
from tests.world import make_world


class Answering(BaseHTTPRequestHandler):
    answers: list[tuple[int, dict[str, str], bytes]] = []
    asked: list[tuple[str, str]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Authorization", "")))
        status, headers, body = self.answers[min(len(self.asked), len(self.answers)) - 1]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Answering.asked, Answering.answers = [], []
    monkeypatch.setenv("FOURLINE_KEY", "fl_key")
    monkeypatch.setattr(gate, "WAITS_S", (0, 0))
    made = HTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


def decision(word: str, *reasons: str) -> tuple[int, dict[str, str], bytes]:
    return (
        200,
        {},
        json.dumps({"decision": word, "reasons": reasons, "exceptions_allowed": ["a security fix"]}).encode(),
    )


@pytest.mark.parametrize(
    ("word", "flags", "code"),
    [("allow", [], 0), ("warn", [], 0), ("warn", ["--warn-fails"], 1), ("freeze", [], 1)],
)
def test_the_exit_code_is_the_decision(server: str, capsys: Any, word: str, flags: list[str], code: int) -> None:
    Answering.answers = [decision(word, "Answers: 20 % left.")]
    assert gate.main([server, "shop", "v2", *flags]) == code
    assert Answering.asked == [("/api/v1/release-gate?service=shop&version=v2&caller=automated", "Bearer fl_key")]
    assert capsys.readouterr().out == f"{word}\n  Answers: 20 % left.\n  allowed all the same: a security fix\n"


@pytest.mark.parametrize(
    ("answer", "says", "asked"),
    [
        ((401, {}, b'{"detail": "Send a valid API key."}'), "answered 401: Send a valid API key.", 1),
        ((503, {}, b"{}"), "answered 503", 3),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "answered 302", 1),
        ((200, {}, b"<html>"), "sent no JSON", 1),
        ((200, {}, b"[1]"), "sent no decision", 1),
    ],
)
def test_what_could_not_be_asked_is_neither_yes_nor_no(
    server: str, capsys: Any, answer: Any, says: str, asked: int
) -> None:
    Answering.answers = [answer]
    assert gate.main([server, "shop"]) == 2
    assert says in capsys.readouterr().err
    assert len(Answering.asked) == asked


def test_it_is_asked_again_when_the_answer_may_change(server: str) -> None:
    Answering.answers = [(503, {}, b"{}"), decision("allow")]
    assert gate.main([server, "shop"]) == 0


def test_without_a_key_or_an_address_nothing_is_asked(
    server: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert gate.main(["file:///etc/passwd", "shop"]) == 2
    assert gate.main(["http://127.0.0.1:1", "shop"]) == 2
    monkeypatch.delenv("FOURLINE_KEY")
    assert gate.main([server, "shop"]) == 2
    assert Answering.asked == []
    assert "FOURLINE_KEY" in capsys.readouterr().err


def test_it_can_be_asked_on_the_machine_itself(database: object) -> None:
    ours = make_world(datetime.now(UTC)).ours
    service = ours.objective.service
    for project, code, says in [(ours.slug, 1, "A page fires"), ("nobody", 2, "no project")]:
        out = io.StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("gate", service, "v2", project=project, stdout=out, stderr=out)
        assert (ended.value.code, says in out.getvalue()) == (code, True), out.getvalue()
