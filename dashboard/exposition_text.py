"""How is a metric family written in Prometheus' text format? By hand: a few of them do not need a library."""

from collections.abc import Iterable

Sample = tuple[dict[str, str], float]


def family(name: str, kind: str, help_text: str, samples: Iterable[Sample]) -> str:
    """One metric family; a counter's samples carry the suffix _total."""
    shown = f"{name}_total" if kind == "counter" else name
    lines = [f"# HELP {shown} {help_text}", f"# TYPE {shown} {kind}"]
    lines += [f"{shown}{_labels(labels)} {value:.15g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escape(value)}"' for key, value in labels.items()) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
