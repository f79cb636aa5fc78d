"""Plotly's script out of the installed wheel, under an address that names its content, so that browsers keep it for good.

4.8 MB; 1.3 MB as zstd, 1.5 MB as gzip. Compressed once an installation (0.15 s) into FOURLINE_HOME/cache, then read.
"""

import gzip
import hashlib
import importlib.util
import os
import re
import tempfile
from functools import lru_cache
from pathlib import Path

import zstandard
from django.conf import settings

CODINGS = {"zstd": ".zst", "gzip": ".gz", "": ""}  # the best first
_STYLE_ID = re.compile(rb'getElementById\("([0-9a-f]{64})"\)\)\{var \w+=document\.createElement\("style"\)')
_QUALITY_ZERO = re.compile(r";\s*q=0(\.0*)?$")


def script() -> bytes:
    package = importlib.util.find_spec("plotly")  # found, not imported: importing it costs 30 MB
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("plotly is not installed: install Fourline's requirements again")
    return (Path(package.submodule_search_locations[0]) / "package_data" / "plotly.min.js").read_bytes()


@lru_cache(maxsize=1)
def digest() -> str:
    return hashlib.sha256(script()).hexdigest()[:16]


@lru_cache(maxsize=1)
def style_ids() -> tuple[str, ...]:
    """Of the <style> elements that the script makes while it loads, unless an element with that id is there already.

    They are for maps, and the policy of our pages forbids them; a page that has the ids has neither the styles nor a violation.
    """
    return tuple(sorted({one.decode() for one in _STYLE_ID.findall(script())}))


def script_address() -> str:
    return f"/static/plotly-{digest()}.js"


def coding_for(accept_encoding: str) -> str:
    """The best of CODINGS that a browser takes; "" is the script as it is."""
    offered = {
        one.partition(";")[0].strip() for one in accept_encoding.split(",") if not _QUALITY_ZERO.search(one.strip())
    }
    return next((one for one in CODINGS if one in offered), "")


@lru_cache(maxsize=len(CODINGS))
def compressed(coding: str) -> bytes:
    """From the cache of the installation, made now where it is not there. A folder that cannot be written costs only time."""
    if not coding:
        return script()
    kept = settings.HOME.path / "cache" / f"plotly-{digest()}.js{CODINGS[coding]}"
    if kept.is_file():
        return kept.read_bytes()
    made = _compress(script(), coding)
    _keep(kept, made)
    return made


def _compress(body: bytes, coding: str) -> bytes:
    return zstandard.ZstdCompressor(level=10).compress(body) if coding == "zstd" else gzip.compress(body, 6, mtime=0)


def _keep(path: Path, body: bytes) -> None:
    """Whole or not at all: another worker may read it at this moment."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(body)
        os.replace(file.name, path)
    except OSError:
        return
