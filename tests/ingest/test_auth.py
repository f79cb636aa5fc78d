"""Who may send? Keys over HTTP, and the rule for requests without one. Numbers: the corpus of bad inputs, part G."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from ingest import auth, credentials, limits
from ingest.errors import Overloaded, Rejected
from tests.ingest import bodies
from tests.ingest.edge_server import GOOD, READ
from tracestore.queries.access import KeyRow, ProjectContextRow

NOBODY = "fl_nobody00_" + "n" * 43
WRONG = GOOD[:-1] + "h"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


KEYS = {
    "bearer": ({"authorization": f"Bearer {GOOD}"}, 200),
    "bearer in lower case": ({"authorization": f"bearer {GOOD}"}, 200),
    "x-api-key": ({"x_api_key": GOOD}, 200),
    "both, equal": ({"authorization": f"Bearer {GOOD}", "x_api_key": GOOD}, 200),
    "96 basic with the key as password": ({"authorization": basic("pk-lf-1", GOOD)}, 200),
    "89 no key through a proxy": ({"x_forwarded_for": "203.0.113.9"}, 401),
    "89 no key, forwarded": ({"forwarded": "for=203.0.113.9"}, 401),
    "89 no key from a page": ({"origin": "http://evil.example"}, 401),
    "89 no key from our own page": ({"origin": "null"}, 401),
    "90 empty bearer": ({"authorization": "Bearer "}, 401),
    "90 empty x-api-key": ({"x_api_key": ""}, 401),
    "91 key of another scope": ({"authorization": f"Bearer {READ}"}, 403),
    "92 unknown key": ({"authorization": f"Bearer {NOBODY}"}, 401),
    "92 right prefix, wrong secret": ({"authorization": f"Bearer {WRONG}"}, 401),
    "93 key of 10 kB": ({"authorization": "Bearer " + "k" * 10_000}, 401),
    "96 basic with something else": ({"authorization": basic("pk", "sk")}, 401),
    "96 basic that is not base64": ({"authorization": "Basic !!!"}, 401),
    "96 another scheme": ({"authorization": f"Digest {GOOD}"}, 401),
    "97 cookie session": ({"cookie": "fourline_session=abc"}, 401),
    "98 project header without meaning": ({"authorization": f"Bearer {GOOD}", "x_project": "8"}, 200),
    "99 key that is not ASCII": ({"authorization": "Bearer fl_\xfc\xfc\xfc_\xff"}, 401),
    "95 two keys": ({"authorization": f"Bearer {GOOD}", "x_api_key": NOBODY}, 401),
    "110 forged host without a key": ({"host": "evil.example"}, 400),
    "110 forged host with a key": ({"host": "evil.example", "authorization": f"Bearer {GOOD}"}, 200),
    "on loopback without a key": ({}, 200),
    "on loopback by name": ({"host": "localhost:4318"}, 200),
    "on loopback by IPv6": ({"host": "[::1]:4318"}, 200),
}


@pytest.mark.parametrize("case", KEYS, ids=str)
def test_keys(edge, case):
    headers, status = KEYS[case]
    answer = edge.post(body=bodies.body(), **headers)
    assert answer.status == status
    assert edge.stored() == (1 if status == 200 else 0)
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_95_two_authorization_headers(edge):
    line = f"Authorization: Bearer {GOOD}\r\n".encode()
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n"
    assert b" 401 " in edge.raw(head + line + line + b"\r\n").split(b"\r\n")[0]


def test_94_a_key_in_the_query_string_opens_nothing(edge):
    assert edge.post(f"/v1/traces?key={GOOD}", bodies.body(), x_forwarded_for="203.0.113.9").status == 401


def test_refusals_are_counted_for_nobody_until_the_key_is_known(edge):
    edge.post(body=bodies.body(), authorization=f"Bearer {NOBODY}")
    edge.post(body=b"\xff", authorization=f"Bearer {GOOD}")
    assert set(edge.refused()) == {"0 traces unauthenticated", "7 traces malformed"}


class World:
    """What the gate asks the database, and how often."""

    def __init__(self):
        self.lookups = 0
        self.rows = {}
        self.add(GOOD)

    def add(self, key, scope="ingest", expires_at=None, revoked_at=None, project=7):
        row = KeyRow(1, key[3:11], hashlib.sha256(key.encode()).digest(), scope, project, expires_at, revoked_at)
        self.rows[row.prefix] = row

    def find_api_key(self, prefix):
        self.lookups += 1
        return self.rows.get(prefix)


@pytest.fixture
def world(monkeypatch):
    world = World()
    fake = SimpleNamespace(
        find_api_key=world.find_api_key,
        first_project=lambda: 7,
        project_context_row=lambda id: ProjectContextRow(id, "test", "Test", 30, [], []),
        redaction_secret=auth.access.redaction_secret,
    )
    monkeypatch.setattr(auth, "access", fake)
    monkeypatch.setattr(auth, "note_key_used", lambda *_: None)
    world.now_s = 1000.0
    monkeypatch.setattr(auth.time, "monotonic", lambda: world.now_s)
    return world


def headers(key=GOOD, **more):
    return {"authorization": [f"Bearer {key}"]} | {name: [value] for name, value in more.items()}


def test_a_key_is_looked_up_once_and_again_when_it_is_five_seconds_old(world):
    gate = auth.Gate()
    for _ in range(10):
        assert gate.admit(headers(), "203.0.113.9").project_id == 7
    assert world.lookups == 1
    world.now_s += limits.KEY_CACHE_S
    gate.admit(headers(), "203.0.113.9")
    assert world.lookups == 2


def test_92_a_revoked_key_is_refused_within_the_life_of_the_cache(world):
    gate = auth.Gate()
    gate.admit(headers(), "203.0.113.9")
    world.add(GOOD, revoked_at=datetime(2026, 1, 1, tzinfo=UTC))
    world.now_s += limits.KEY_CACHE_S
    with pytest.raises(Rejected) as refused:
        gate.admit(headers(), "203.0.113.9")
    assert refused.value.http_status == 401


def test_92_a_key_expires_even_while_it_is_cached(world):
    world.add(GOOD, expires_at=datetime.now(UTC) + timedelta(hours=1))
    gate = auth.Gate()
    gate.admit(headers(), "x")
    gate._keys[hashlib.sha256(GOOD.encode()).digest()].row = KeyRow(
        1, GOOD[3:11], b"", "ingest", 7, datetime(2026, 1, 1, tzinfo=UTC), None
    )
    assert gate.peek(headers(), "x") is None


def test_100_a_thousand_bad_keys_are_429_and_good_ones_from_there_still_work(world):
    gate, reasons = auth.Gate(), []
    gate.admit(headers(), "203.0.113.9")
    for number in range(1000):
        world.now_s += 0.02
        try:
            gate.admit(headers(f"fl_{number:08d}_" + "x" * 43), "203.0.113.9")
        except (Rejected, Overloaded) as refused:
            reasons.append(refused.reason)
    assert reasons[: limits.BAD_KEYS_PER_MINUTE] == ["unauthenticated"] * limits.BAD_KEYS_PER_MINUTE
    assert reasons.count("bad_keys") > 700
    assert gate.admit(headers(), "203.0.113.9").project_id == 7, "a key that is known"
    new = "fl_newnewne_" + "n" * 43
    world.add(new)
    world.now_s += 0.2
    assert gate.admit(headers(new), "203.0.113.9").project_id == 7, "a key that is not known yet"
    with pytest.raises(Rejected):
        gate.admit(headers(NOBODY), "203.0.113.10")


@pytest.mark.parametrize("setting", [False, True])
def test_89_without_a_key_only_where_the_setting_allows_it(world, settings, setting):
    settings.KEYLESS_FROM_LOOPBACK = setting
    gate = auth.Gate()
    if setting:
        assert gate.admit({"host": ["127.0.0.1:4318"]}, "127.0.0.1").project_id == 7
    else:
        with pytest.raises(Rejected, match="no key"):
            gate.admit({}, "127.0.0.1")


@pytest.mark.parametrize(
    ("peer", "local"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("::ffff:127.0.0.1", True)]
    + [("10.0.0.1", False), ("::ffff:10.0.0.1", False), ("", False), ("localhost.evil", False), ("fe80::1%lo", False)],
)
def test_loopback(peer, local):
    assert credentials.is_loopback(peer) is local


@pytest.mark.parametrize(
    ("hosts", "local"),
    [([], True), (["localhost:4318"], True), (["127.0.0.5"], True), (["[::1]:4318"], True), (["LOCALHOST"], True)]
    + [(["localhost.evil:1"], False), (["localhost", "evil"], False), (["10.0.0.1"], False), (["[::2]"], False)],
)
def test_110_hosts_of_this_machine(hosts, local):
    assert credentials.is_local_host({"host": hosts}) is local


@pytest.mark.parametrize("name", sorted(credentials.FORWARDED))
def test_any_forwarding_header_ends_the_rule_for_keyless_requests(world, settings, name):
    settings.KEYLESS_FROM_LOOPBACK = True
    with pytest.raises(Rejected, match="no key"):
        auth.Gate().admit({"host": ["localhost"], name: ["x"]}, "127.0.0.1")


def test_110_a_forged_host_is_refused_while_the_first_project_is_cached_too(world, settings):
    settings.KEYLESS_FROM_LOOPBACK = True
    gate = auth.Gate()
    assert gate.admit({"host": ["localhost"]}, "127.0.0.1").project_id == 7
    for name, value in (("host", "evil.example"), ("origin", "http://localhost")):
        with pytest.raises(Rejected):
            gate.admit({"host": ["localhost"]} | {name: [value]}, "127.0.0.1")


def test_a_deleted_project_refuses_its_keys(world, monkeypatch):
    auth.access.project_context_row = lambda id: None
    with pytest.raises(Rejected, match="deleted"):
        auth.Gate().admit(headers(), "x")


def test_without_a_database_one_request_waits_for_it_and_the_others_are_told_at_once(world, monkeypatch):
    from django.db import OperationalError

    asked = []

    def away(prefix):
        asked.append(prefix)
        raise OperationalError("gone")

    auth.access.find_api_key = away
    gate = auth.Gate()
    for _ in range(5):
        with pytest.raises(Overloaded) as refused:
            gate.admit(headers(), "203.0.113.9")
        assert refused.value.reason == "store"
    assert len(asked) == 1
    world.now_s += auth.AWAY_S
    auth.access.find_api_key = world.find_api_key
    assert gate.admit(headers(), "203.0.113.9").project_id == 7
