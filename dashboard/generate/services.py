"""Which agents are there, how does a run of each go, and which release of it runs at a time?"""

from dataclasses import dataclass
from functools import lru_cache

from dashboard.demo.chance import number, pick, share

HOUR_S = 3600
WINDOW_S = 18 * HOUR_S  # a service ships about every second window: some ten releases in two weeks
HEALTHY, BAD = 0.02, 0.12  # share of runs that meet an error, by release
BAD_RELEASES = 0.15


@dataclass(frozen=True, slots=True)
class Service:
    """share: of the runs. turns: model calls of a run, fewest and most. tool_chance: that a call is followed by a tool.

    models: (name, provider) that releases choose from. pace: how slow its calls are, 1.0 = a second.
    """

    name: str
    agent: str
    share: float
    turns: tuple[int, int]
    tool_chance: float
    retrieves: bool
    models: tuple[tuple[str, str], ...]
    tools: tuple[str, ...]
    pace: float = 1.0


_GPT, _MINI = ("gpt-4.1", "openai"), ("gpt-5.4-mini", "openai")
_SONNET, _HAIKU = ("claude-sonnet-4-6", "anthropic"), ("claude-haiku-4-5", "anthropic")
_GEMINI, _QWEN = ("gemini-3.5-flash", "gcp.gemini"), ("qwen3-32b", "vllm")

CODING = Service(
    "coding-agent", "coder", 0.06, (8, 22), 0.95, False, (_SONNET, _GPT),
    ("read_file", "write_file", "run_tests", "grep", "apply_patch"), 2.2,
)  # fmt: skip
SERVICES = (
    Service(
        "support-agent", "support", 0.42, (2, 5), 0.85, True, (_MINI, _HAIKU, _GPT),
        ("search_orders", "refund", "lookup_customer", "create_ticket", "send_email"),
    ),
    Service(
        "research-agent", "researcher", 0.12, (3, 9), 0.9, True, (_SONNET, _GEMINI),
        ("web_search", "fetch_page", "summarise", "calculator"), 1.6,
    ),
    CODING,
    Service("mail-triage", "triage", 0.25, (1, 2), 0.6, False, (_HAIKU, _GEMINI, _QWEN), ("label", "forward"), 0.5),
    Service("report-writer", "writer", 0.15, (2, 4), 0.5, True, (_GPT, _SONNET), ("run_sql", "draw_chart"), 1.3),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Release:
    """What a service runs. failures: share of its runs that meet an error."""

    version: str
    model: str
    provider: str
    index_version: str
    failures: float


def release_at(service: Service, time_s: int, seed: int) -> Release:
    """The release that runs at a time in Unix seconds. Teams do not ship at the same hour."""
    window = (time_s + int(share("shift", service.name, seed) * WINDOW_S)) // WINDOW_S
    return _release(service, window, seed)


@lru_cache(maxsize=4096)
def _release(service: Service, window: int, seed: int) -> Release:
    while share("ships", service.name, window, seed) > 0.55:
        window -= 1
    model, provider = pick(("model", service.name, window // 4, seed), service.models)
    return Release(
        version=f"{1 + number('major', service.name) % 4}.{window // 100 % 1000}.{window % 100}",
        model=model,
        provider=provider,
        index_version=f"kb-{window // 7 % 1000}",
        failures=BAD if share("bad", service.name, window, seed) < BAD_RELEASES else HEALTHY,
    )
