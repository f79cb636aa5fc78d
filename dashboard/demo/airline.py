"""The airline's support agent: sessions of several turns with a growing history, tools, approvals; OTel GenAI style."""

import random
from dataclasses import dataclass, field, replace
from typing import Any

from dashboard.demo import texts
from dashboard.demo.agents import Agent, Check, Session, admit, given_up, guard, release_for, source
from dashboard.demo.chance import around
from dashboard.demo.dialects import Message, compact, genai, text
from dashboard.demo.models import MODELS, Asked, ask, ask_in_vain, fails
from dashboard.demo.people import Person, someone
from dashboard.demo.plan import SECOND, FeedbackPlan, SpanPlan, Story, TracePlan
from dashboard.demo.releases import Product, Release
from dashboard.demo.tools import Run, Tool, definition, run_tool

PRODUCT = Product(
    "airline-support",
    4,
    ("gpt-5.4-mini", "gpt-4.1"),
    ("broken_tools", "cache_broken", "far_region", "no_approval"),
)
SEARCH = Tool("search_flights", "Find flights between two airports on a date.", 0.34)
LOOK_UP = Tool("get_booking", "Read a booking by its record locator.", 0.12)
CANCEL = Tool("cancel_booking", "Cancel a booking.", 0.4, "reversible")
REFUND = Tool("issue_refund", "Pay an amount back to the card a booking was paid with.", 0.7, "irreversible")
VOUCHER = Tool("create_voucher", "Create a travel voucher.", 0.25, "reversible")
TOOLS = (SEARCH, LOOK_UP, CANCEL, REFUND, VOUCHER)
NEW_TOOL = Tool("add_baggage", "Add checked bags to a booking.", 0.3, "reversible")
TIER = 2  # acts, where it can be taken back; an approval lifts a single run to 3
TOKEN_BUDGET = 60_000  # of one request
UPSTREAM = ("UpstreamError", "502 from reservations: field 'fareBasis' is missing")
TIMED_OUT = ("ReadTimeout", "no answer from reservations within 10 s; the cancellation may have happened")
DENIED = ("ApprovalDenied", "the supervisor did not approve this refund")
UNPAID = ("ReadTimeout", "no answer from payments within 10 s; the refund may have happened")


@dataclass(slots=True)
class Visit:
    """A session while it is told: who, about which booking, and all that was said so far."""

    session: Session
    person: Person
    r: random.Random
    facts: dict[str, str]
    said: list[Message] = field(default_factory=list)
    happy: bool = True

    def luck(self, chance: float) -> bool:
        return self.r.random() < chance


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
        source(PRODUCT, visit.session, release, **_region(release)),
        "meridian.agent",
        time_ns,
        dict(everywhere),
    )
    attacked = visit.luck(0.015)
    question = (texts.INJECTION if attacked else _question(visit, turn)).format(**visit.facts)
    with story.span("invoke_agent airline_support", "SERVER") as root:
        root.attributes |= {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "airline_support",
            "gen_ai.agent.version": release.version,
            "gen_ai.conversation.id": visit.session.id,
            "gen_ai.provider.name": MODELS[release.model].provider,
            "input.value": question,
            "fourline.autonomy.tier": TIER,
            "fourline.token_budget": TOKEN_BUDGET,
        }
        _wait(story, visit, release, root)
        answer = _answer(story, visit, release, question, attacked, root)
        root.attributes |= {"output.value": answer} if answer else {}
        _rate(story, visit)
    return story.plan


def _region(release: Release) -> dict[str, str]:
    return {"cloud.region": "us-west-2"} if release.fault == "far_region" else {}


def _question(visit: Visit, turn: int) -> str:
    return visit.r.choice(texts.AIRLINE_OPENERS if turn == 0 else texts.AIRLINE_FOLLOW_UPS)


def _wait(story: Story, visit: Visit, release: Release, root: SpanPlan) -> None:
    """In the queue before a worker is free."""
    seconds = around(visit.r, 2.6 if release.fault == "far_region" else 0.12, 0.6)
    root.attributes["fourline.queue.duration"] = round(seconds, 3)
    story.spend(seconds)


def _answer(story: Story, visit: Visit, release: Release, question: str, attacked: bool, root: SpanPlan) -> str:
    """What the customer reads, "" when the request failed. Guardrails stand before and behind the agent."""
    personal = Check("sensitive", visit.luck(0.006))
    if guard(story, visit.r, "input", (Check("injection", attacked), personal), "instructions to ignore the policy"):
        return texts.REFUSAL
    if not admit(story, root, MODELS[release.model].provider):
        visit.happy = False
        return texts.HANDOVER.format(**visit.facts)
    answer = _work(story, visit, release, question, root)
    promised = visit.luck(0.05 if release.fault == "no_approval" else 0.004)
    if answer and guard(story, visit.r, "answer", (Check("policy", promised),), "promises what the fare rules forbid"):
        return texts.REFUSAL
    return answer


def _work(story: Story, visit: Visit, release: Release, question: str, root: SpanPlan) -> str:
    """Model and tools in turn until there is an answer, which joins the history; "" when the request failed."""
    visit.said.append(text("user", question))
    if visit.luck(0.004):
        visit.happy = False
        return _say(story, visit, release, texts.REFUSAL, refused=True)
    for tool in visit.r.sample(TOOLS[:3], k=visit.r.choice((0, 1, 1, 2))):
        if not _use(story, visit, release, tool):
            visit.happy = False
            if visit.luck(0.7):
                story.fail(root, "ToolUnavailable", f"{tool.name} failed twice, and nothing else can answer this")
                return ""
            return _say(story, visit, release, texts.HANDOVER.format(**visit.facts))
    if given_up(visit.r) or fails(story, _asked(visit, release, text("assistant", ""), "stop")):
        visit.happy = False
        return _give_up(story, visit, release, root)
    if visit.luck(0.22):
        _refund(story, visit, release)
    return _say(story, visit, release, visit.r.choice(texts.AIRLINE_REPLIES).format(**visit.facts))


def _give_up(story: Story, visit: Visit, release: Release, root: SpanPlan) -> str:
    """The model does not answer, twice."""
    asked = _asked(visit, release, text("assistant", ""), "stop")
    for _ in range(2):
        ask_in_vain(story, visit.r, genai, asked, "server" if fails(story, asked) else "timeout")
    story.fail(root, "DeadlineExceeded", "no answer from the model at the second attempt")
    return ""


def _asked(visit: Visit, release: Release, answer: Message, finish: str, streamed: bool = False) -> Asked:
    tools = (*TOOLS, NEW_TOOL) if release.tools_version % 2 else TOOLS
    return Asked(
        model=release.model,
        messages=list(visit.said),
        answer=answer,
        overhead_tokens=5200,
        cached=0.0 if release.fault == "cache_broken" else 0.84,
        streamed=streamed,
        finish=finish,
        slower=2.6 if release.fault == "far_region" else 1.0,
        tools=tuple(definition(tool) for tool in tools),
        extra=(("gen_ai.prompt.name", "airline-support"), ("gen_ai.prompt.version", release.prompt_version)),
    )


def _think(story: Story, visit: Visit, asked: Asked) -> None:
    """One model call; now and then it is refused or too slow first, and tried again."""
    luck = visit.r.random()
    if fails(story, asked) and luck < 0.5:
        ask_in_vain(story, visit.r, genai, asked, "server")
    elif luck < 0.025:
        ask_in_vain(story, visit.r, genai, asked, "rate_limit")
        story.spend(2.1)
        asked = replace(asked, extra=(*asked.extra, ("gen_ai.request.retry_count", 1)))
    elif luck < (0.06 if asked.slower > 1 else 0.028):
        ask_in_vain(story, visit.r, genai, asked, "timeout")
    ask(story, visit.r, genai, asked)
    visit.said.append(asked.answer)


def _say(story: Story, visit: Visit, release: Release, answer: str, refused: bool = False) -> str:
    asked = _asked(visit, release, text("assistant", answer), "stop", streamed=True)
    _think(story, visit, replace(asked, refused=refused))
    return answer


def _use(story: Story, visit: Visit, release: Release, tool: Tool) -> bool:
    """Whether the tool gave an answer, at the second try at the latest; the framework tries again, not the model."""
    failing = 0.42 if release.fault == "broken_tools" and tool is not LOOK_UP else 0.02
    asked = _run(visit, tool, None)
    _think(story, visit, _asked(visit, release, asked.asked(), "tool_calls"))
    for attempt in range(2):
        lost = tool is CANCEL and visit.luck(0.012)
        error = TIMED_OUT if lost else UPSTREAM if visit.luck(failing) else None
        run = replace(asked, error=error, unknown=lost, extra=(("retry.count", attempt),))
        run_tool(story, visit.r, run)
        if not error:
            break
    visit.said.append(run.answered())
    return not run.error


def _run(visit: Visit, tool: Tool, error: tuple[str, str] | None) -> Run:
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
    return Run(
        tool,
        f"call_{visit.r.getrandbits(64):016x}",
        arguments,
        compact({"flights": flights} if tool is SEARCH else found),
        error,
        slower=9.0 if visit.luck(0.06) else 1.0,
        key="" if tool.effect == "none" else f"{tool.name}-{facts['pnr']}",
    )


def _refund(story: Story, visit: Visit, release: Release) -> None:
    """A refund: approved by a person, which lifts the run above the agent's tier; a careless release forgets it and pays twice.

    After a timeout nobody knows whether the money left; the second try says the same key, and payments does it once.
    """
    careless = release.fault == "no_approval" and visit.luck(0.7)
    if not careless:
        story.spend(around(visit.r, 1.2, 0.5))  # a supervisor looks
    approved: dict[str, Any] = (
        {"approval": "missing", "tier": TIER} if careless else {"approval": "approved", "tier": 3}
    )
    if not careless and visit.luck(0.03):
        runs = [replace(_run(visit, REFUND, DENIED), approval="denied")]
    else:
        runs = _payments(visit, careless, approved)
    _think(story, visit, _asked(visit, release, runs[0].asked(), "tool_calls"))
    for run in runs:
        run_tool(story, visit.r, run)
    visit.said.append(runs[0].answered())


def _payments(visit: Visit, careless: bool, approved: dict[str, Any]) -> list[Run]:
    """One attempt, or two: after a timeout, or because nobody looks what was done."""
    lost = visit.luck(0.02)
    runs = [replace(_run(visit, REFUND, UNPAID if lost else None), unknown=lost, **approved)]
    if lost or (careless and visit.luck(0.45)):
        runs.append(replace(_run(visit, REFUND, None), repeated=lost, **approved))
    return runs


def _rate(story: Story, visit: Visit) -> None:
    """Some customers press a thumb some seconds later; it comes in through the API."""
    if visit.luck(0.2):
        good = visit.luck(0.93 if visit.happy else 0.2)
        time_ns = story.now_ns + int(around(visit.r, 8) * SECOND)
        rating, comment = ("up", "") if good else ("down", visit.r.choice(texts.COMPLAINTS))
        story.plan.feedback.append(FeedbackPlan(time_ns, "user_feedback", rating, comment))


AGENT = Agent("airline", PRODUCT, 11.0, tell)
