"""The numbered cases of the bad-input corpus that end in the store: what is sent, and what must be seen afterwards.

Numbers 40-80 of the corpus. What is refused at the edge, and in which words, is tested in tests/ingest under the same
numbers; whole traces (81-88) in test_whole_traces.
"""

import base64
import gzip
import json
import math
import random
import string
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.corpus.build import NOW_NS, SECOND, Check, Seen, Sent, chat, new_trace
from tests.corpus.checks import (
    both,
    cut,
    in_order,
    keeps,
    keeps_all,
    not_complete,
    says,
    shows,
    suspect,
    texts,
    told,
    unknown,
)  # fmt: skip

DAY = 86_400 * SECOND
RNG = random.Random(20_001)
LONG = "".join(RNG.choices(string.ascii_letters + string.digits, k=20_000))
REPLACED = "\ufffd"


@dataclass(frozen=True)
class Case:
    """numbers: of the corpus. spans: how many are stored of those sent. check: what else must be seen."""

    numbers: str
    what: str
    sent: list[Sent]
    spans: int = 1
    check: Check = lambda seen: None
    rejected: dict[str, int] = field(default_factory=dict)
    trace: bytes = field(default_factory=new_trace)

    def __str__(self) -> str:
        return f"{self.numbers} {self.what}"


def nested(levels: int) -> object:
    value: object = "x"
    for _ in range(levels - 1):
        value = [value]
    return value


def everywhere(text: str) -> Sent:
    """The text in every place that becomes a column."""
    return Sent(
        name=text,
        attributes={
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": text,
            "gen_ai.tool.call.id": text,
            "gen_ai.agent.name": text,
            "gen_ai.provider.name": text,
            "gen_ai.request.model": text,
            "gen_ai.response.id": text,
            "gen_ai.prompt.name": text,
            "session.id": text,
            "user.id": text,
            "tenant.id": text,
            "error.type": text,
        },
        resource={"service.name": text, "service.version": text, "deployment.environment.name": text},
    )


def sentinel(text: str) -> Case:
    def check(seen: Seen) -> None:
        span = seen.span()
        given = None if text in ("None", "null") else text
        assert (span["session_id"], span["user_id"]) == (given, given)
        if given is not None:
            assert seen.ask(f"/sessions/{quote(text, safe='')}")["session"]["session_id"] == text

    return Case("53", f"named {text!r}", [everywhere(text)], check=check)


def clock(numbers: str, what: str, start_ns: int, end_ns: int, check: Check = suspect) -> Case:
    """Times are kept as they were sent, in int64; what is implausible is stored under today and flagged."""

    def kept(seen: Seen) -> None:
        (span,) = seen.detail["spans"]
        last = 2**63 - 1
        assert span["start_unix_nano"] == str(min(start_ns, last))
        assert span["end_unix_nano"] == str(min(end_ns, last))
        assert span["duration_ns"] == max(min(end_ns, last) - min(start_ns, last), 0)

    return Case(numbers, what, [Sent(start_ns=start_ns, end_ns=end_ns)], check=both(kept, check))


def measure(numbers: str, what: str, attribute: str, value: object, check: Check) -> Case:
    return Case(numbers, what, [chat(**{attribute: value})], check=check)


KEYS = ["", "__proto__", "constructor.prototype", "$where", "a", "a.b", "project_id", "new\nline", "\u202ertl"]
KEYS += ["{{7*7}}", "%s%n", "{0.__class__}", "__class__", "__other__"]
PROMPT = "gen_ai.input.messages"


def prompt(text: str) -> list[Sent]:
    return [chat(**{PROMPT: text})]


def json_20_deep() -> str:
    text = "the innermost text"
    for _ in range(12):
        text = json.dumps([text])
    return text


IMAGE = base64.b64encode(RNG.randbytes(3_000_000)).decode()
WITH_IMAGE = json.dumps(
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}]}]
)
BOMB = gzip.compress(bytes(20_000_000))
OTHER_TRACE = new_trace()

CASES = [
    # C. ids, keys, names
    Case("45", "its own parent", [Sent(1, parent=1)]),
    Case("45", "a ring of two", [Sent(1, parent=2), Sent(2, parent=1)], 2, says("1 ring of spans")),
    Case("45", "a ring of three below a root", [Sent(1), Sent(2, 4), Sent(3, 2), Sent(4, 3)], 4, says("1 ring")),
    Case("45", "its parent lives in another trace", [Sent(1, 2), Sent(2, trace=OTHER_TRACE)], 1, not_complete),
    Case("45", "its parent never came", [Sent(1, 99)], 1, both(not_complete, says("below a parent that never arrived"))),
    Case("45", "two roots", [Sent(1), Sent(2)], 2, says("2 roots in one trace")),
    Case("46", "the same span 1000 times", [Sent(1, attributes={"a": 1})] * 1_000),
    Case("47", "two records of one span", [Sent(1), Sent(1, name="later", end_ns=NOW_NS + 5 * SECOND)], 1, shows(name="later")),
    Case("49", "keys of all kinds", [Sent(attributes=dict.fromkeys(KEYS, "v"))], check=keeps_all(dict.fromkeys(KEYS, "v"))),
    Case(
        "49", "keys that become equal", [Sent(attributes={"a\0": "nul", f"a{REPLACED}": "real"})],
        check=keeps_all({f"a{REPLACED}": "real", f"a{REPLACED}#2": "nul"}),
    ),
    Case("49", "a key of 64 kB", [Sent(attributes={"k" * 65_536: 1})], check=keeps_all({"k" * 256: 1})),
    Case(
        "50", "a key twice", [Sent(attributes=[("k", "first"), ("k", "last")])],
        check=both(keeps(k="last"), shows(flags=["duplicate_keys"])),
    ),
    Case("51", "no name", [Sent(name="")], check=shows(name="")),
    Case("51", "a name of blanks", [Sent(name=" \t")], check=shows(name=" \t")),
    Case("51", "a name of 1 MB", [Sent(name="n" * 1_000_000)], check=shows(name="n" * 256)),
    Case("51", "a family", [Sent(name="👩‍👩‍👧")], check=shows(name="👩‍👩‍👧")),
    Case("51", "a name that turns the line round", [Sent(name="\u202eevil")], check=shows(name="\u202eevil")),
    Case("52", "no service name", [Sent(resource={})], check=shows(service="unknown_service")),
    Case("52", "a number for a service name", [Sent(resource={"service.name": 7})], check=shows(service="7")),
    Case("52", "a list for a service name", [Sent(resource={"service.name": ["a"]})], check=shows(service="unknown_service")),
    *map(sentinel, ["__other__", "null", "None", "NaN", "../../etc/passwd", "CON", "..", "a/b?c#d%2f", "' OR 1=1--"]),
    # D. values
    Case("54", "NUL in every text", [everywhere("a\0b")], check=shows(name=f"a{REPLACED}b", user_id=f"a{REPLACED}b")),
    Case(
        "57", "numbers that are none",
        [Sent(attributes={"nan": math.nan, "inf": -math.inf, "big": 1e308, "tiny": 5e-324, "minus": -0.0})],
        check=keeps(nan="NaN", inf="-Infinity", big=1e308, tiny=5e-324, minus=-0.0),
    ),
    measure("57", "a cost of NaN", "gen_ai.usage.cost", math.nan, unknown("reported_cost_usd")),
    measure("57", "a cost without end", "gen_ai.usage.cost", math.inf, unknown("reported_cost_usd")),
    measure("57", "NaN tokens", "gen_ai.usage.output_tokens", math.nan, unknown("output_tokens")),
    measure("58", "tokens below zero", "gen_ai.usage.output_tokens", -1, unknown("output_tokens")),
    measure("58", "tokens at the end of int64", "gen_ai.usage.output_tokens", 2**63 - 1, unknown("output_tokens")),
    measure("58", "tokens at its beginning", "gen_ai.usage.output_tokens", -(2**63), unknown("output_tokens")),
    measure("58", "tokens as half a text", "gen_ai.usage.output_tokens", "12abc", unknown("output_tokens")),
    measure("58", "tokens of 1e300", "gen_ai.usage.output_tokens", 1e300, unknown("output_tokens")),
    measure("58", "the most tokens there can be", "gen_ai.usage.output_tokens", 2**53, shows(output_tokens=2**53)),
    measure("59", "a cost below zero", "gen_ai.usage.cost", -0.5, unknown("reported_cost_usd")),
    measure("59", "a cost of 1e12", "gen_ai.usage.cost", 1e12, unknown("reported_cost_usd")),
    *(
        Case("60", f"depth {levels}", [Sent(attributes={"k": nested(levels)})], check=told(lambda page: "k" in page))
        for levels in (16, 17, 50)
    ),
    Case("61", "a map of 100 000 entries", [Sent(attributes={"k": {str(n): n for n in range(100_000)}})]),
    Case("61", "an array of 100 000 nothings", [Sent(attributes={"k": [None] * 100_000})]),
    Case("62", "nothing", [Sent(attributes={"k": None})], check=keeps(k=None)),
    Case(
        "63", "a mixed array", [Sent(attributes={"k": [None, 1, "x", {"a": [1.5, True]}]})],
        check=keeps(k=[None, 1, "x", {"a": [1.5, True]}]),
    ),
    Case("64", "an attribute of 1 MB", [Sent(attributes={"k": "x" * 1_000_000})], check=cut("k")),
    Case("64", "an attribute of 19 MB", [Sent(attributes={"k": "x" * 19_000_000})], check=cut("k")),
    Case(
        "64", "10 000 of everything", [Sent(attributes={f"k{n}": n for n in range(10_000)}, events=10_000, links=10_000)],
        check=shows(dropped_attributes=10_000 - 512, dropped_events=10_000 - 256, dropped_links=10_000 - 128),
    ),
    Case(
        "65", "the highest count of dropped", [Sent(dropped=2**32 - 1)],
        check=both(shows(dropped_attributes=2**32 - 1), told(lambda page: "4,294,967,295" in page)),
    ),
    Case("66", "20 kB in every indexed column", [everywhere(LONG)], check=texts(256)),
    Case("67", "1.1 MB of words", [Sent(attributes={"input.value": " ".join(f"w{n}" for n in range(160_000))})]),
    Case("68", "a prompt of 5 MB", prompt(json.dumps([{"role": "user", "content": "long " * 1_000_000}]))),
    Case("68", "a prompt that is no JSON", prompt('[{"role": "user", "content": ')),
    Case("68", "JSON in JSON in JSON", prompt(json_20_deep()), check=told(lambda page: "the innermost text" in page)),
    Case(
        "69", "an image of 4 MB", prompt(WITH_IMAGE),
        check=told(lambda page: "<img" not in page and "data:image" not in page.split("Attributes as sent")[0]),
    ),
    Case("14", "a bomb in bytes", [Sent(attributes={"k": BOMB})], check=keeps(k=base64.b64encode(BOMB).decode())),
    Case(
        "70", "our own marks", [Sent(attributes={"k": "…[truncated 5 bytes, sha256 0] </pre><script>\x1b[31m"})],
        check=told(lambda page: "</pre><script>" not in page),
    ),
    Case("70", "a million lines", [Sent(attributes={"k": "\n" * 250_000, "l": "\n" * 750_000})]),
    Case("70", "a line of a million", [Sent(attributes={"input.value": "x" * 1_000_000})]),
    # E. time
    clock("71", "no times", 0, 0),
    clock("72", "the year 2554", 1, 2**64 - 1),
    clock("73", "an end before its start", NOW_NS, NOW_NS - SECOND),
    clock("74", "the year 2262", 2**63 - 1, 2**63 - 1),
    clock("75", "in two days", NOW_NS + 2 * DAY, NOW_NS + 2 * DAY + SECOND),
    clock("76", "two years ago", NOW_NS - 730 * DAY, NOW_NS - 730 * DAY + SECOND),
    clock("77", "seconds for nanoseconds", NOW_NS // SECOND, NOW_NS // SECOND + 1),
    clock("78", "400 days long", NOW_NS - 400 * DAY, NOW_NS),
    clock("78", "400 days to come", NOW_NS, NOW_NS + 400 * DAY),
    Case(
        "79", "500 spans at one moment", [Sent(n, 1 if n > 1 else None) for n in range(1, 501)], 500,
        in_order,
    ),
    Case("80", "a leap second", [Sent(attributes={"at": "2016-12-31T23:59:60Z"})], check=keeps(at="2016-12-31T23:59:60Z")),
]  # fmt: skip
