"""docs/ingest.md says what the code does: every reason with its codes, every limit with its number."""

import re
from pathlib import Path

from ingest import limits
from ingest.errors import FATES

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "ingest.md").read_text()


def test_every_refusal_is_described_with_its_codes():
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (\w+) \| (yes|no) \|", TEXT, re.MULTILINE)
    assert rows == [(name, str(f.http), f.grpc, "yes" if f.retryable else "no") for name, f in FATES.items()]


def test_the_limits_are_the_ones_of_the_code():
    for said, number in {
        "20 MiB": limits.REQUEST_BYTES / limits.MIB,
        "200 times": limits.RATIO,
        "10 000 spans": limits.RECORDS["traces"],
        "50 000 data points": limits.RECORDS["metrics"],
        "| 512, and 8 192": limits.ATTRIBUTES,
        "| 256, 128;": limits.EVENTS,
        "256 characters": limits.KEY_CHARS,
        "256 kB": limits.VALUE_BYTES / 1000,
        "4 MiB is cut inside": limits.JSON_TEXT_BYTES / limits.MIB,
        "| 1 MiB: they": limits.RECORD_BYTES / limits.MIB,
        "15 s": limits.BODY_DEADLINE_S,
        "16 kB/s": limits.BODY_MIN_BYTES_PER_S / limits.KIB,
    }.items():
        assert said in TEXT
        assert re.search(r"\d[\d ]*", said)[0].replace(" ", "") == f"{number:g}"
