"""Nothing leaves but to public addresses and to what the operator lists, and nothing that answers can hold us."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from tests.alerts.hooks import Hooks, serve_hooks
from tracestore.outbound import Refused, Unreachable, check, post
from tracestore.outbound_targets import Allowed, is_public, judge, parse_allowed, parse_target

PUBLIC = [ip_address("93.184.215.14")]
NEVER = [
    *("http://127.0.0.1", "https://localhost", "https://[::1]", "https://0.0.0.0", "https://127.1", "https://2130706433"),
    *("https://0x7f000001", "https://0177.0.0.1", "https://0x7f.1", "https://127.0.0.1.", "https://localhost."),
    *("https://169.254.169.254/latest/meta-data", "https://[fd00:ec2::254]", "https://metadata.google.internal"),
    *("https://[::ffff:10.0.0.1]", "https://[64:ff9b::7f00:1]", "https://[2002:7f00:1::]", "https://100.64.0.1"),
    *("https://10.1.2.3", "https://172.16.0.1", "https://192.168.1.1", "https://[fc00::1]", "https://[fe80::1%25eth0]"),
    *("https://[fe80::%eth0]", "https://[::7f00:1]", "https://[64:ff9b:1::1]", "https://224.0.0.1", "https://[ff02::1]"),
    *("https://a@127.0.0.1", "https://127.0.0.1#@ok.example", "https://ok.example\\@127.0.0.1", "https://a:b@ok.example"),
    *("https://127。0。0。1", "https://exämple.org", "https://ok.example/ x", "https://ok.example/\r\nX: y", "https://", "https:///x"),
    *("file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "ftp://ok.example", "unix:/run/x.sock", "data:text/plain,x", ""),
    *(f"https://93.184.215.14:{port}" for port in (22, 25, 5432, 6379, 99999)),
    *("http://93.184.215.14/", "https://[::1", "https://" + "a" * 2000 + ".example", "https://-x.example", "https://x..example"),
]  # fmt: skip


@pytest.fixture
def hooks(settings) -> Iterator[Hooks]:  # type: ignore[no-untyped-def]
    with serve_hooks() as hooks:
        settings.OUTBOUND_PRIVATE = [parse_allowed(f"127.0.0.1:{hooks.port}")]
        yield hooks


@pytest.mark.parametrize("url", NEVER)
def test_an_address_that_is_not_public_is_refused_when_saved_and_when_sent(url: str, settings, monkeypatch) -> None:
    settings.OUTBOUND_PRIVATE = []
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    with pytest.raises(Refused):
        check(url)
    with pytest.raises((Refused, Unreachable)):
        post(url, b"{}", {})


def test_public_addresses_may_be_called() -> None:
    for text in (
        "93.184.215.14",
        "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        "::ffff:93.184.215.14",
        "64:ff9b::5db8:d70e",
    ):
        assert is_public(ip_address(text))
    judge(parse_target("https://xn--exmple-cua.org:8443/a?b=c"), PUBLIC, [], "")


def test_one_private_address_behind_a_name_spoils_it() -> None:
    target = parse_target("https://hooks.example")
    with pytest.raises(Refused, match="public internet"):
        judge(target, [*PUBLIC, ip_address("fd00::1")], [], "")
    with pytest.raises(Refused, match="public internet"):
        judge(target, [*PUBLIC, ip_address("10.0.0.1")], [parse_allowed("10.0.0.0/8")], "")


def test_our_own_address_is_refused() -> None:
    with pytest.raises(Refused, match="own"):
        judge(parse_target("https://Watch.example./x"), PUBLIC, [], "https://watch.example")


@pytest.mark.parametrize(
    ("entry", "allows", "refuses"),
    [
        ("hooks.internal", "http://hooks.internal/x", "http://hooks.internal:9000/"),
        ("hooks.internal:9000", "http://HOOKS.internal.:9000/x", "https://hooks.internal/"),
        ("10.1.0.0/16", "https://10.1.2.3/", "https://10.2.2.3/"),
        ("[::1]:9000", "http://[::1]:9000/", "http://[::1]:9001/"),
    ],
)
def test_the_operators_list_opens_what_it_names_and_no_more(entry: str, allows: str, refuses: str) -> None:
    allowed: list[Allowed] = [parse_allowed(entry)]

    def ask(url: str) -> None:
        target = parse_target(url)
        address = "10.0.0.9" if target.host.startswith("hooks") else target.host
        judge(target, [ip_address(address)], allowed, "")

    ask(allows)
    with pytest.raises(Refused):
        ask(refuses)


@pytest.mark.parametrize("entry", ["10.1.0.0/99", "a b", "https://x", "x:0", "x:99999"])
def test_an_entry_that_is_no_host_stops_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match="names a port|neither"):
        parse_allowed(entry)


def test_what_is_sent_arrives_and_the_environments_proxy_is_not_asked(hooks: Hooks, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert post(hooks.url + "?a=1", b'{"x":1}', {"Content-Type": "application/json", "webhook-id": "m"}).status == 204
    path, headers, body = hooks.taken[0]
    assert (path, headers["Host"], headers["webhook-id"], body) == (
        "/hook?a=1",
        f"127.0.0.1:{hooks.port}",
        "m",
        b'{"x":1}',
    )


def test_answers_are_told_as_they_are_and_a_redirect_is_not_followed(hooks: Hooks) -> None:
    for mode, status, wait_s in (("500", 500, None), ("busy", 429, 77), ("redirect", 307, None), ("410", 410, None)):
        hooks.mode = mode
        answer = post(hooks.url, b"{}", {})
        assert (answer.status, answer.retry_after_s) == (status, wait_s)
    assert len(hooks.taken) == 4


@pytest.mark.parametrize("mode", ["hang", "drip"])
def test_silence_and_a_dripping_answer_end_at_the_deadline(hooks: Hooks, mode: str) -> None:
    hooks.mode = mode
    with pytest.raises(Unreachable, match="in time"):
        post(hooks.url, b"{}", {}, deadline_s=0.3)


def test_an_endless_answer_is_left_after_64_kilobytes(hooks: Hooks) -> None:
    hooks.mode = "endless"
    assert post(hooks.url, b"{}", {}).status == 200


def test_header_values_cannot_start_a_new_header(hooks: Hooks) -> None:
    with pytest.raises(Unreachable):
        post(hooks.url, b"{}", {"X-Name": "a\r\nEvil: b"})
    assert not hooks.taken


def test_a_name_is_resolved_once_so_that_changing_it_gains_nothing(hooks: Hooks, settings, monkeypatch) -> None:
    asked: list[str] = []
    real = socket.getaddrinfo

    def changing(host, port, *args, **kwargs):  # type: ignore[no-untyped-def]
        if host != "rebinding.example":
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "10.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    assert post(f"http://rebinding.example:{hooks.port}/", b"{}", {}).status == 204
    assert asked == ["rebinding.example"]
    assert hooks.taken[0][1]["Host"] == f"rebinding.example:{hooks.port}"
    with pytest.raises(Refused):
        post(f"http://rebinding.example:{hooks.port}/", b"{}", {})


def test_names_that_do_not_resolve_or_take_too_long_are_trouble_that_passes(monkeypatch, settings) -> None:
    settings.OUTBOUND_PRIVATE = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror("no")))
    with pytest.raises(Unreachable, match="does not resolve"):
        post("https://gone.example", b"", {})
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(2) or [])
    with pytest.raises(Unreachable, match="in time"):
        post("https://slow.example", b"", {}, deadline_s=0.1)


def test_nobody_listening_and_no_tls_are_trouble_that_passes(hooks: Hooks, settings) -> None:
    with pytest.raises(Unreachable, match="TLS"):
        post(f"https://127.0.0.1:{hooks.port}/", b"{}", {})
    settings.OUTBOUND_PRIVATE = [parse_allowed("127.0.0.1:9")]
    with pytest.raises(Unreachable, match="refuses connections"):
        post("http://127.0.0.1:9/", b"{}", {})


def test_tls_verifies_the_name_although_the_address_is_pinned(tmp_path, settings, monkeypatch) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + ["-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    named: list[str] = []
    context.sni_callback = lambda _, name, __: named.append(name)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=_answer_tls, args=(server, context), daemon=True).start()
        settings.OUTBOUND_PRIVATE = [parse_allowed(f"127.0.0.1:{port}"), parse_allowed(f"localhost:{port}")]
        with pytest.raises(Unreachable, match="certificate"):
            post(f"https://localhost:{port}/", b"{}", {})
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert post(f"https://localhost:{port}/", b"{}", {}).status == 204
        with pytest.raises(Unreachable, match="certificate"):
            post(f"https://127.0.0.1:{port}/", b"{}", {})
    assert named[:2] == ["localhost", "localhost"]


def _answer_tls(server: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            line, _ = server.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(line, server_side=True) as secure:
                said = b""
                while not said.endswith(b"{}"):  # closing with something unread resets the line, answer and all
                    said += secure.recv(65536) or b"{}"
                secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        except OSError:
            continue
