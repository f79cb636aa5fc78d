"""What does an evaluation say: did the answer pass, which number did it get, by whom? Pure."""

import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

from tracestore.records import Evaluation

SOURCES: Final = ("people", "code", "judge", "otlp")
ADOPTIONS: Final = ("adopted", "edited", "rejected")
NAME_MAX, COMMENT_BYTES = 256, 4_096
SCORE_MAX: Final = 1e6  # past it a number is no score, and sums of squares would not hold it
MILLION: Final = 1_000_000

# Words that say by themselves whether an answer is good. `yes`, `true` or `positive` do not: of what, the name decides.
PASS_WORDS: Final = frozenset(
    "pass passed ok good correct relevant faithful factual grounded safe harmless non_toxic up thumbs_up 👍".split()
)
FAIL_WORDS: Final = frozenset(
    "fail failed bad incorrect wrong not_relevant irrelevant unfaithful hallucinated hallucination ungrounded unsafe harmful"
    " toxic down thumbs_down 👎".split()
)
_pack = msgspec.msgpack.Encoder().encode


def passed_of(label: str | None) -> bool | None:
    """Whether a label means that the answer is good; None where the word alone does not say."""
    word = (label or "").strip().lower().replace("-", "_").replace(" ", "_")
    return True if word in PASS_WORDS else False if word in FAIL_WORDS else None


def score_of(value: Any) -> float | None:
    """A number that counts as a score; None for anything else, NaN and what lies beyond SCORE_MAX among it."""
    if type(value) is str and len(value) < 32:
        value = _number(value)
    if type(value) not in (int, float) or not -SCORE_MAX <= value <= SCORE_MAX:
        return None
    return float(value) + 0.0  # -0.0 is 0


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def millionths(score: float | None) -> int | None:
    """What sums are made of: exact, whatever the order of adding."""
    return None if score is None or not math.isfinite(score) else round(score * MILLION)


def cut(text: str | None, most: int = NAME_MAX) -> str | None:
    """The text without what surrounds it, of at most `most` characters; None for an empty one."""
    return (text or "").strip()[:most] or None


def cut_comment(text: str | None) -> str | None:
    """At most COMMENT_BYTES of UTF-8, in whole characters."""
    kept = (text or "").strip()
    if len(kept) * 4 > COMMENT_BYTES:
        kept = kept.encode()[:COMMENT_BYTES].decode(errors="ignore")
    return kept or None


def evaluation(
    name: str,
    source: str,
    time_ns: int,
    about: tuple[bytes | None, int | None] = (None, None),
    hash: bytes = b"",
    **said: Any,
) -> Evaluation:
    """An evaluation within its caps. about: (trace, span). said: score label passed adoption comment user_id response_id.

    What it did not say outright, its label may: passed.
    """
    label = cut(said.get("label"))
    passed = said.get("passed")
    known: dict[str, Any] = {
        "score": score_of(said.get("score")),
        "label": label,
        "passed": passed_of(label) if passed is None else passed,
        "adoption": said.get("adoption"),
        "comment": cut_comment(said.get("comment")),
        "user_id": cut(said.get("user_id")),
        "response_id": cut(said.get("response_id")),
    }
    name = cut(name) or "evaluation"
    digest = _digest((name, source, *about, *known.values()))
    return Evaluation(name, source, time_ns, *about, **known, hash=hash, digest=digest)


def _digest(content: tuple[Any, ...]) -> int:
    return int.from_bytes(blake2b(_pack(content), digest_size=8).digest(), "big", signed=True)


def says_something(one: Evaluation) -> bool:
    """Whether there is anything to count or to read."""
    return any(value is not None for value in (one.score, one.label, one.passed, one.adoption, one.comment))


def hash_of(*content: Any) -> bytes:
    """What names one evaluation: 16 bytes."""
    return blake2b(_pack(content), digest_size=16).digest()


def source_of(kind: Any) -> str:
    """Who gave it, by the words that emitters use (HUMAN, LLM, CODE, ...)."""
    return _SOURCE_WORDS.get(kind.strip().lower(), "otlp") if isinstance(kind, str) else "otlp"


_SOURCE_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("human", "people", "user", "annotator"), "people"),
    **dict.fromkeys(("llm", "judge", "llm_judge", "model", "ai"), "judge"),
    **dict.fromkeys(("code", "heuristic", "programmatic"), "code"),
}
