"""The airline's support agent: sessions of several turns with a growing history, tools, approvals; OTel GenAI style."""

import random
from dataclasses import dataclass, field

from dashboard.demo import texts
from dashboard.demo.agents import Agent, Session, given_up, guard, judge, release_for, source
from dashboard.demo.chance import around
from dashboard.demo.dialects import Message, compact, genai, text
from dashboard.demo.models import Asked, ask, ask_in_vain
from dashboard.demo.people import Person, someone
from dashboard.demo.plan import SECOND, SpanPlan, Story, TracePlan
from dashboard.demo.releases import Product, Release
from dashboard.demo.tools import Run, Tool, definition, run_tool

PRODUCT = Product(
    "airline-support", 4, ("gpt-5.4-mini", "gpt-4.1"), ("long_prompt", "broken_tool", "no_approval"), always_bad=True
)
SEARCH = Tool("search_flights", "Find flights between two airports on a date.", 0.34)
LOOK_UP = Tool("get_booking", "Read a booking by its record locator.", 0.12)
CANCEL = Tool("cancel_booking", "Cancel a booking.", 0.4, tier=1)
REFUND = Tool("issue_refund", "Pay an amount back to the card a booking was paid with.", 0.7, tier=2)
VOUCHER = Tool("create_voucher", "Create a travel voucher.", 0.25, tier=1)
TOOLS = (SEARCH, LOOK_UP, CANCEL, REFUND, VOUCHER)
SLOW_FAILURES, OTHER_FAILURES = 0.11, 0.02  # of the requests to a bad release: timeouts of long prompts, of others
NEW_TOOL = Tool("add_baggage", "Add checked bags to a booking.", 0.3, tier=1)


@dataclass(slots=True)
class Visit:
    """A session while it is told: who, about which booking, and all that was said so far."""

    session: Session
    person: Person
    r: random.Random
    facts: dict[str, str]
    said: list[Message] = field(default_factory=list)
    happy: bool = True


def tell(session: Session) -> list[TracePlan]:
    r = session.dice()
    person = someone(r)
    visit = Visit(session, person, r, _facts(r, person), [text("system", texts.AIRLINE_SYSTEM)])
    traces: list[TracePlan] = []
    time_ns = session.start_ns
    for turn in range(1 + min(6, int(r.expovariate(0.55)))):
        traces.append(_turn(visit, turn, time_ns))
        time_ns = traces[-1].end_ns + int(around(r, 24, 0.6) * SECOND)
    return traces


def _facts(r: random.Random, person: Person) -> dict[str, str]:
    code, city = r.choice(texts.CITIES)
    return {
        "flight": f"MA{r.randrange(100, 980)}",
        "code": code,
        "city": city,
        "date": f"{r.randrange(1, 28)} December",
        "pnr": "".join(r.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=6)),
        "amount": str(r.randrange(60, 900)),
        "name": person.name,
        "reference": f"R-{r.randrange(10**6):06}",
        "detail": r.choice(texts.AIRLINE_DETAILS),
    }


def _turn(visit: Visit, turn: int, time_ns: int) -> TracePlan:
    release = release_for(PRODUCT, visit.session, time_ns)
    person = visit.person
    everywhere = {"session.id": visit.session.id, "user.id": person.user_id, "tenant.id": person.tenant}
    story = Story(
        ("airline", *visit.session.key, turn),
        source(PRODUCT, visit.session, release),
        "meridian.agent",
        time_ns,
        dict(everywhere),
    )
    attacked = visit.r.random() < 0.015
    question = (texts.INJECTION if attacked else _question(visit, turn)).format(**visit.facts)
    with story.span("invoke_agent airline_support", "SERVER") as root:
        root.attributes |= {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "airline_support",
            "gen_ai.agent.version": release.version,
            "gen_ai.conversation.id": visit.session.id,
            "gen_ai.provider.name": "openai",
            "input.value": question,
        }
        stopped = guard(story, visit.r, "prompt_injection", attacked, "instructions to ignore the policy")
        answer = texts.REFUSAL if attacked else _work(story, visit, release, question, root)
        root.attributes |= {"output.value": answer} if answer else {}
        stopped.attributes["gen_ai.guardrail.action"] = "block" if attacked else "allow"
        _rate(story, visit, root)
    return story.plan


def _question(visit: Visit, turn: int) -> str:
    return visit.r.choice(texts.AIRLINE_OPENERS if turn == 0 else texts.AIRLINE_FOLLOW_UPS)


def _work(story: Story, visit: Visit, release: Release, question: str, root: SpanPlan) -> str:
    """Model and tools in turn until there is an answer, which joins the history; "" when the request failed."""
    visit.said.append(text("user", question))
    for tool in visit.r.sample(TOOLS[:3], k=visit.r.choice((0, 1, 1, 2))):
        if not _use(story, visit, release, tool):
            visit.happy = False
            if visit.r.random() < 0.7:
                story.fail(root, "ToolUnavailable", f"{tool.name} failed twice, and nothing else can answer this")
                return ""
            return _say(story, visit, release, texts.HANDOVER.format(**visit.facts))
    if given_up(visit.r, release, SLOW_FAILURES if release.fault == "long_prompt" else OTHER_FAILURES):
        visit.happy = False
        return _give_up(story, visit, release, root)
    if visit.r.random() < 0.22 and not _refund(story, visit, release):
        visit.happy = False
        story.fail(root, "RefundRefused", "payments refused a refund that nobody had approved")
        return ""
    if release.fault and visit.r.random() < 0.3:
        visit.happy = False
        root.attributes["agent.degraded_mode"] = True
    return _say(story, visit, release, visit.r.choice(texts.AIRLINE_REPLIES).format(**visit.facts))


def _give_up(story: Story, visit: Visit, release: Release, root: SpanPlan) -> str:
    """The model does not answer in time, twice."""
    asked = _asked(visit, release, text("assistant", ""), "stop")
    for _ in range(2):
        ask_in_vain(story, visit.r, genai, asked, "timeout")
    story.fail(root, "DeadlineExceeded", "no answer from the model within 60 s")
    return ""


def _asked(visit: Visit, release: Release, answer: Message, finish: str, streamed: bool = False) -> Asked:
    long = release.fault == "long_prompt"
    tools = (*TOOLS, NEW_TOOL) if release.tools_version % 2 else TOOLS
    return Asked(
        model=release.model,
        messages=list(visit.said),
        answer=answer,
        overhead_tokens=6400 if long else 1350,
        cached=0.0 if long else 0.72,
        streamed=streamed,
        finish=finish,
        slower=2.4 if long else 1.0,
        tools=tuple(definition(tool) for tool in tools),
        extra=(("gen_ai.prompt.name", "airline-support"), ("gen_ai.prompt.version", release.prompt_version)),
    )


def _think(story: Story, visit: Visit, asked: Asked) -> None:
    """One model call; now and then it is refused or too slow first, and tried again."""
    luck = visit.r.random()
    if luck < 0.025:
        ask_in_vain(story, visit.r, genai, asked, "rate_limit")
        story.spend(2.1)
        again = (*asked.extra, ("gen_ai.request.retry_count", 1))
        asked = Asked(**{name: getattr(asked, name) for name in Asked.__slots__} | {"extra": again})
    elif luck < 0.029:
        ask_in_vain(story, visit.r, genai, asked, "timeout")
    ask(story, visit.r, genai, asked)
    visit.said.append(asked.answer)


def _say(story: Story, visit: Visit, release: Release, answer: str) -> str:
    _think(story, visit, _asked(visit, release, text("assistant", answer), "stop", streamed=True))
    return answer


def _use(story: Story, visit: Visit, release: Release, tool: Tool) -> bool:
    """Whether the tool gave an answer, at the second try at the latest."""
    failing = 0.45 if release.fault == "broken_tool" and tool is not LOOK_UP else 0.03
    for attempt in range(2):
        error = (
            ("UpstreamError", "502 from reservations: field 'fareBasis' is missing")
            if visit.r.random() < failing
            else None
        )
        run = _run(visit, tool, error, attempt)
        _think(story, visit, _asked(visit, release, run.asked(), "tool_calls"))
        run_tool(story, visit.r, run)
        visit.said.append(run.answered())
        if not error:
            return True
    return False


def _run(visit: Visit, tool: Tool, error: tuple[str, str] | None, attempt: int, **extra: object) -> Run:
    facts = visit.facts
    arguments = (
        {"to": facts["code"], "date": facts["date"], "adults": 2} if tool is SEARCH else {"booking": facts["pnr"]}
    )
    found = {
        "booking": facts["pnr"],
        "status": "confirmed",
        "passenger": facts["name"],
        "fare": "Economy Light",
        "paid_usd": facts["amount"],
    }
    flights = [
        {"flight": f"MA{n}", "to": facts["code"], "departs": f"{6 + n % 14:02}:10", "seats": n % 9}
        for n in range(204, 214, 2)
    ]
    result = compact({"flights": flights} if tool is SEARCH else found)
    slower = 9.0 if visit.r.random() < 0.06 else 1.0
    call_id = f"call_{visit.r.getrandbits(64):016x}"
    return Run(tool, call_id, arguments, result, error, slower=slower, extra=(("retry.count", attempt), *extra.items()))


def _refund(story: Story, visit: Visit, release: Release) -> bool:
    """A refund: approved by a person as the policy asks, unless the release forgot about it and pays twice.

    False: payments noticed.
    """
    careless = release.fault == "no_approval"
    key = f"refund-{visit.facts['pnr']}"
    needed = int(visit.facts["amount"]) > 300
    approval = {"agent.approval.required": needed, "agent.approval.status": "missing" if careless else "approved"}
    if needed and not careless:
        approval["agent.approval.by"] = "supervisor-2"
        story.spend(around(visit.r, 6, 0.5))
    refused = careless and needed and visit.r.random() < 0.6
    for _ in range(2 if careless and visit.r.random() < 0.4 else 1):
        unknown = (
            ("ReadTimeout", "no answer from payments within 10 s; the refund may have happened")
            if visit.r.random() < 0.03
            else None
        )
        wrong = ("ApprovalMissing", "409: a refund of this amount needs an approval") if refused else unknown
        run = _run(
            visit,
            REFUND,
            wrong,
            0,
            **approval,
            **{"idempotency.key": key, "tool.outcome": "refused" if refused else "unknown" if unknown else "done"},
        )
        _think(story, visit, _asked(visit, release, run.asked(), "tool_calls"))
        run_tool(story, visit.r, run)
        visit.said.append(run.answered())
        if refused:
            return False
    return True


def _rate(story: Story, visit: Visit, root: SpanPlan) -> None:
    if visit.r.random() < 0.3:
        good = visit.r.random() < (0.92 if visit.happy else 0.25)
        judge(story, root, "user_feedback", 1.0 if good else 0.0, "thumbs_up" if good else "thumbs_down")


AGENT = Agent("airline", PRODUCT, 11.0, tell)
