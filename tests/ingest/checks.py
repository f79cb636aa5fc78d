"""What must hold of whatever decode lets through: it can be stored, and the counts add up."""

import msgspec

from ingest import limits


def storable(text: str) -> bool:
    return "\0" not in text and text.encode().decode() == text


def check(value) -> None:
    """Every text at any depth can be stored in Postgres, every number has a name in JSON."""
    if isinstance(value, str):
        assert storable(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            assert storable(key) and len(key) <= limits.KEY_CHARS
            check(item)
    elif isinstance(value, list | tuple):
        for item in value:
            check(item)
    elif isinstance(value, float):
        assert value == value and abs(value) != float("inf")
    elif isinstance(value, int):
        assert -(2**63) <= value < 2**64 or isinstance(value, bool)  # counts of metrics are unsigned


def check_records(decoded) -> None:
    assert decoded.sent == len(decoded.spans) + len(decoded.logs) + len(decoded.points) + sum(decoded.rejected.values())
    for record in [*decoded.spans, *decoded.logs, *decoded.points]:
        for name in record.__struct_fields__:
            value = getattr(record, name)
            if isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
                value = [msgspec.structs.asdict(item) for item in value]
            if not isinstance(value, msgspec.Struct | bytes):
                check(value)
        check(record.resource.attributes)
        check(record.scope.attributes)
