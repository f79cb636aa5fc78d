"""Which statements of a migration would make readers or writers wait on a large table? A lint; pure."""

import re
from collections.abc import Iterable, Iterator

# Tables that grow with what is sent.
LARGE = (
    "span span_payload message log_record metric_point metric_exemplar ingest_ledger trace llm_call tool_call settle_mark"
).split()
_TABLE = r"(?:ONLY\s+)?\"?(?P<table>\w+)\"?"
RULES: tuple[tuple[str, str], ...] = (
    (
        rf"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)(?:\S+\s+)?ON\s+(?!ONLY){_TABLE}",
        "builds an index while writers wait",
    ),
    (rf"ALTER\s+TABLE\s+{_TABLE}[^;]*\sTYPE\s", "rewrites the table"),
    (rf"ALTER\s+TABLE\s+{_TABLE}[^;]*\sSET\s+NOT\s+NULL", "reads the whole table under a lock"),
    (
        rf"ALTER\s+TABLE\s+{_TABLE}[^;]*ADD\s+COLUMN\s(?:(?!\bDEFAULT\b)[^;,])*\bNOT\s+NULL(?![^;,]*\bDEFAULT\b)",
        "old code cannot insert",
    ),
    (
        rf"ALTER\s+TABLE\s+{_TABLE}[^;]*ADD\s+(?:CONSTRAINT|CHECK|FOREIGN)(?![^;]*NOT\s+VALID)",
        "reads the whole table under a lock",
    ),
    (rf"ALTER\s+TABLE\s+{_TABLE}[^;]*RENAME", "old code does not find it"),
    (rf"(?:UPDATE|DELETE\s+FROM)\s+{_TABLE}", "touches every row in one transaction"),
    (rf"(?:CLUSTER|VACUUM\s+FULL|LOCK\s+TABLE)\s+{_TABLE}", "locks the table"),
)
CREATED = re.compile(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?(\w+)\"?", re.IGNORECASE)
COMMENT = re.compile(r"--[^\n]*")


def blocking(statements: Iterable[str]) -> Iterator[str]:
    """A sentence for each statement that blocks on a large table. What a migration creates itself is empty, and free."""
    texts = [COMMENT.sub("", text) for text in statements]
    created = {name.lower() for text in texts for name in CREATED.findall(text)}
    for statement in (part for text in texts for part in text.split(";")):
        for pattern, reason in RULES:
            found = re.search(pattern, statement, re.IGNORECASE)
            table = found["table"].lower() if found else None
            if table in LARGE and table not in created:
                yield f"{' '.join(statement.split())[:100]}: {reason}"
