"""Which metrics do the agents export? Per minute and service: tokens, durations, queue depth, use of rate limits. Pure."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from dashboard.demo.chance import share
from dashboard.demo.models import MODELS
from dashboard.demo.plan import ERROR, SECOND, Source, SpanPlan, TracePlan

TOKEN_BOUNDS = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0)
SECOND_BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
LIMITS_A_MINUTE = {
    "tokens": 900_000,
    "requests": 250,
}  # of each model, at rate 1.0, as a provider grants them to a project
Key = tuple[tuple[str, str], ...]
USAGES = {
    "input": ("gen_ai.usage.input_tokens", "llm.token_count.prompt"),
    "output": ("gen_ai.usage.output_tokens", "llm.token_count.completion"),
}


@dataclass(slots=True)
class HistogramMeasure:
    """Delta of one minute. counts: one more than bounds."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)
        self.counts[bisect_left(self.bounds, value)] += 1
        self.values.append(value)


@dataclass(slots=True)
class Minute:
    """What one service measured in one minute."""

    source: Source
    start_ns: int
    end_ns: int
    tokens: dict[Key, HistogramMeasure] = field(
        default_factory=lambda: defaultdict(lambda: HistogramMeasure(TOKEN_BOUNDS))
    )
    durations: dict[Key, HistogramMeasure] = field(
        default_factory=lambda: defaultdict(lambda: HistogramMeasure(SECOND_BOUNDS))
    )
    requests: dict[Key, int] = field(default_factory=lambda: defaultdict(int))
    calls: dict[Key, int] = field(default_factory=lambda: defaultdict(int))
    used_tokens: dict[Key, float] = field(default_factory=lambda: defaultdict(float))
    limits: dict[Key, float] = field(default_factory=dict)
    queue_depth: int = 0


def measure(traces: Iterable[TracePlan], minute: int, rate: float = 1.0) -> list[Minute]:
    """What each process of each service would export at the end of the minute in which its traces began.

    rate: of the traffic, for which the limits were bought.
    """
    minutes: dict[Source, Minute] = {}
    for trace in traces:
        start_ns = minute * 60 * SECOND
        mine = minutes.setdefault(trace.source, Minute(trace.source, start_ns, start_ns + 60 * SECOND))
        outcome = "error" if trace.spans[0].status == ERROR else "ok"
        mine.requests[(("outcome", outcome),)] += 1
        for span in trace.spans:
            _add_call(mine, span)
    for mine in minutes.values():
        _add_pressure(mine, minute, rate)
    return list(minutes.values())


def _add_call(mine: Minute, span: SpanPlan) -> None:
    model = span.attributes.get("gen_ai.request.model") or span.attributes.get("llm.model_name")
    if not isinstance(model, str) or span.attributes.get("fourline.cache.hit") is True:
        return
    about = (("gen_ai.operation.name", "chat"), ("gen_ai.request.model", model))
    failed = (("error.type", str(span.attributes["error.type"])),) if span.status == ERROR else ()
    mine.durations[about + failed].add((span.end_ns - span.start_ns) / SECOND)
    limited = (("gen_ai.provider.name", MODELS[model].provider), ("gen_ai.request.model", model))
    mine.calls[limited] += 1
    for kind, names in USAGES.items():
        counts = [span.attributes[name] for name in names if name in span.attributes]
        if counts and isinstance(counts[0], int):
            mine.tokens[(*about, ("gen_ai.token.type", kind))].add(float(counts[0]))
            mine.used_tokens[limited] += counts[0]


def _add_pressure(mine: Minute, minute: int, rate: float) -> None:
    """What the headers of the provider's answers would say is used of the limits; the queue grows as they come near."""
    for limited, calls in mine.calls.items():
        used = {"tokens": mine.used_tokens[limited], "requests": float(calls)}
        for name, limit in LIMITS_A_MINUTE.items():
            mine.limits[(*limited, ("fourline.limit", name))] = round(min(1.0, used[name] / (limit * rate)), 4)
    highest = max(mine.limits.values(), default=0.0)
    mine.queue_depth = int(12 * highest**2 + 3 * share("queue", mine.source.service, minute))
