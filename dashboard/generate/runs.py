"""How does one run of an agent go? Its spans in order, with short attributes as OpenTelemetry's GenAI conventions name them."""

import json
import math
import random
from dataclasses import dataclass

from dashboard.demo import texts
from dashboard.generate.services import Release, Service
from tracestore.records import Attributes, Event, RawSpan, Resource, Scope

INTERNAL, CLIENT = 1, 3  # OTLP span kinds
OK, ERROR = 1, 2
SECOND = 10**9
TEAM = 100  # calls below one sub-agent of a very large run
FAILURES = (
    ("TimeoutError", "upstream timed out after 30 s"),
    ("RateLimitError", "429: too many requests, try again in 20 s"),
    ("ValueError", "arguments do not match the schema of the tool"),
    ("ServerError", "503: overloaded"),
)
_WORDS = sorted(
    {word for text in vars(texts).values() if isinstance(text, str) for word in text.split() if len(word) > 3}
)
_WORDS += [word for group in vars(texts).values() if isinstance(group, tuple) for text in group if isinstance(text, str)
           for word in text.split() if len(word) > 3]  # fmt: skip
PHRASES = 4_000


def _phrases() -> list[str]:
    r = random.Random(7)
    return [" ".join(r.choices(_WORDS, k=r.randrange(4, 11)))[:90] for _ in range(PHRASES)]


_PHRASES = _phrases()


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a run happens. everywhere: attributes of each of its spans."""

    service: Service
    release: Release
    resource: Resource
    scope: Scope
    everywhere: Attributes


class Run:
    """A run being told: a clock that moves as things take time. pace: how long they take, 1.0 = as usual."""

    def __init__(self, r: random.Random, setting: Setting, start_ns: int, pace: float = 1.0) -> None:
        self.r, self.setting, self.now_ns, self.pace = r, setting, start_ns, pace * setting.service.pace
        self.trace_id = r.randbytes(16)
        self.spans: list[RawSpan] = []
        self.failing = r.random() < setting.release.failures
        self._random, self._gauss = r.random, r.gauss

    def tell(self, turns: int) -> list[RawSpan]:
        """The whole run, its root first; of `turns` model calls."""
        start_ns, root = self.now_ns, self._id()
        if self.setting.service.retrieves:
            self._retrieve(root)
        if turns > TEAM:
            for _ in range(0, turns, TEAM):
                self._team(root)
        else:
            self._turns(root, turns)
        self.spans.insert(0, self._root(root, start_ns))
        return self.spans

    def _turns(self, parent: int, turns: int) -> None:
        fails_at = int(self._random() * turns) if self.failing else -1
        for turn in range(turns):
            self._chat(parent, fails=turn == fails_at and self._random() < 0.4)
            if self._random() < self.setting.service.tool_chance:
                self._tool(parent, fails=turn == fails_at)

    def _team(self, root: int) -> None:
        start_ns, own = self.now_ns, self._id()
        place = len(self.spans)
        self._turns(own, TEAM)
        about: Attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "worker"}
        self.spans.insert(place, self._span(own, root, "invoke_agent worker", INTERNAL, start_ns, about))

    def _root(self, own: int, start_ns: int) -> RawSpan:
        agent, failed = self.setting.service.agent, self.failing and self._random() < 0.6
        about: Attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": agent,
            "input.value": self.r.choice(_PHRASES),
            "plan": ("free", "team", "enterprise")[int(self._random() ** 2 * 3)],
            "region": ("eu", "us", "ap")[int(self._random() * 3)],
        }
        status = (ERROR, "the run gave up") if failed else (OK, "")
        return self._span(own, None, f"invoke_agent {agent}", INTERNAL, start_ns, about, status)

    def _retrieve(self, parent: int) -> None:
        start_ns = self._spend(0.08, 0.5)
        about: Attributes = {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.data_source.id": self.setting.release.index_version,
            "input.value": self.r.choice(_PHRASES),
            "retrieval.top_k": 4,
        }
        self.spans.append(self._span(self._id(), parent, "retrieve kb", CLIENT, start_ns, about))

    def _chat(self, parent: int, *, fails: bool) -> None:
        release, prompt = self.setting.release, 200 + int(self._random() * 3_800)
        start_ns = self._spend(0.9, 0.6)
        about: Attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": release.provider,
            "gen_ai.request.model": release.model,
        }
        status = (OK, "")
        if fails:
            error, text = self.r.choice(FAILURES)
            about["error.type"], status = error, (ERROR, text)
        else:
            about["gen_ai.response.model"] = release.model
            about["gen_ai.usage.input_tokens"] = prompt
            about["gen_ai.usage.output_tokens"] = 20 + int(self._random() ** 2 * 700)
            if prompt > 1_024:
                about["gen_ai.usage.cache_read.input_tokens"] = prompt // 2
            about["gen_ai.response.finish_reasons"] = ["stop"]
        self.spans.append(self._span(self._id(), parent, f"chat {release.model}", CLIENT, start_ns, about, status))

    def _tool(self, parent: int, *, fails: bool) -> None:
        tool, start_ns = self.r.choice(self.setting.service.tools), self._spend(0.15, 0.9)
        about: Attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": tool,
            "gen_ai.tool.call.arguments": json.dumps({"query": self.r.choice(_PHRASES)[:60]}),
        }
        status, events = (OK, ""), []
        if fails:
            error, text = self.r.choice(FAILURES)
            about["error.type"], status = error, (ERROR, text)
            events = [Event("exception", self.now_ns, {"exception.type": error, "exception.message": text})]
        name = f"execute_tool {tool}"
        self.spans.append(self._span(self._id(), parent, name, INTERNAL, start_ns, about, status, events))

    def _spend(self, median_s: float, spread: float) -> int:
        """Moves the clock by a log-normal draw; returns where it stood."""
        start_ns = self.now_ns
        self.now_ns += 1_000 + int(median_s * self.pace * math.exp(self._gauss(0.0, spread)) * SECOND)
        return start_ns

    def _id(self) -> int:
        return (self.r.getrandbits(63) or 1) - (1 << 62)

    def _span(
        self, own: int, parent: int | None, name: str, kind: int, start_ns: int, about: Attributes,
        status: tuple[int, str] = (OK, ""), events: list[Event] | None = None,
    ) -> RawSpan:  # fmt: skip
        setting = self.setting
        return RawSpan(
            self.trace_id, own, parent, name, kind, start_ns, self.now_ns, status[0], status[1],
            about | setting.everywhere, events or [], [], setting.resource, setting.scope,
        )  # fmt: skip
