"""What does a sender hear when something is wrong? One table for both transports.

OTLP clients retry HTTP 429, 502, 503 and 504 and the gRPC codes that say so; after anything else they drop the batch.
So whatever is our trouble, or unknown, is UNAVAILABLE; only what will be as wrong next time is anything else.
"""

from dataclasses import dataclass

# SDKs give up 10 s after their first attempt, or when what we ask for is more than is left: 3 s gives 4 attempts over 9 s.
RETRY_AFTER_S = 3


@dataclass(frozen=True, slots=True)
class Fate:
    """http: status. code: google.rpc.Code of the body. grpc: name of the gRPC status. retryable: may it come again?"""

    http: int
    code: int
    grpc: str
    retryable: bool


_INVALID = (3, "INVALID_ARGUMENT", False)
_EXHAUSTED = (8, "RESOURCE_EXHAUSTED", False)

# Reasons are also what the ledger counts: `requests_rejected{reason}`.
FATES: dict[str, Fate] = {
    "malformed": Fate(400, *_INVALID),
    "truncated": Fate(400, *_INVALID),  # the body ended before its framing said so
    "compression": Fate(400, *_INVALID),
    "bad_host": Fate(400, *_INVALID),
    "unauthenticated": Fate(401, 16, "UNAUTHENTICATED", False),
    "wrong_scope": Fate(403, 7, "PERMISSION_DENIED", False),
    "not_found": Fate(404, 5, "NOT_FOUND", False),
    "method": Fate(405, 12, "UNIMPLEMENTED", False),
    "too_slow": Fate(408, 4, "DEADLINE_EXCEEDED", False),
    "too_large": Fate(413, *_EXHAUSTED),
    "too_many_records": Fate(413, *_EXHAUSTED),
    "content_type": Fate(415, *_INVALID),
    "content_encoding": Fate(415, *_INVALID),
    "headers": Fate(431, *_INVALID),
    "bad_keys": Fate(429, 8, "RESOURCE_EXHAUSTED", True),
    "quota": Fate(429, 8, "RESOURCE_EXHAUSTED", True),
    "busy": Fate(503, 14, "UNAVAILABLE", True),
    "store": Fate(503, 14, "UNAVAILABLE", True),
    "unexpected": Fate(503, 14, "UNAVAILABLE", True),
}


class Rejected(Exception):
    """The request is refused for good: it would be as wrong next time. reason: a key of FATES."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    @property
    def http_status(self) -> int:
        return FATES[self.reason].http


class Overloaded(Exception):
    """Not now: send it again after retry_after_s seconds. reason: a key of FATES that is retryable."""

    def __init__(self, reason: str, message: str, retry_after_s: int = RETRY_AFTER_S) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal as both transports need it. retry_after_s is None when the client must not try again."""

    fate: Fate
    reason: str
    message: str
    retry_after_s: int | None


def answer(error: Exception) -> Answer:
    """The refusal for any exception; what nobody foresaw is retryable and says nothing about our insides."""
    if isinstance(error, Rejected):
        return Answer(FATES[error.reason], error.reason, error.message, None)
    if isinstance(error, Overloaded):
        return Answer(FATES[error.reason], error.reason, error.message, error.retry_after_s)
    return Answer(FATES["unexpected"], "unexpected", "temporary trouble on our side, send it again", RETRY_AFTER_S)
