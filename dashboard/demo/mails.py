"""The mail sorter: one cheap call and a lookup for each e-mail; written as the Vercel AI SDK would."""

import random
from dataclasses import replace

from dashboard.demo import texts
from dashboard.demo.agents import Agent, Session, admit, given_up, release_for, source
from dashboard.demo.chance import around
from dashboard.demo.dialects import compact, text, vercel
from dashboard.demo.models import MODELS, Asked, ask, ask_cache, ask_in_vain, fails
from dashboard.demo.people import someone
from dashboard.demo.plan import Attributes, SpanPlan, Story, TracePlan
from dashboard.demo.releases import Product, Release
from dashboard.demo.tools import Run, Tool, run_tool

PRODUCT = Product("mail-sorter", 7, ("gpt-5.4-nano",), ("retry_storm",), 12, 7)
FIND_ORDER = Tool("find_order", "Find an order by number or customer.", 0.06)
STAGING_MODEL = "qwen3-32b"  # self-hosted, so no price list knows it
TRIALS = 0.2  # of the mails in staging: an unpriced call stays an exception
CUT_OFF = 0.006  # of the answers end in the middle of the JSON
KNOWN = 0.07  # of the mails were answered before: copies, newsletters
CATEGORIES = ("delivery", "damage", "invoice", "question", "spam")


def tell(session: Session) -> list[TracePlan]:
    r = session.dice()
    person = someone(r)
    release = release_for(PRODUCT, session, session.start_ns)
    shared: Attributes = {
        "ai.telemetry.functionId": "sort-mail",
        "ai.telemetry.metadata.userId": person.user_id,
        "ai.telemetry.metadata.sessionId": session.id,
        "ai.telemetry.metadata.tenant": person.tenant,
    }
    origin = source(PRODUCT, session, release, **{"telemetry.sdk.flavour": "ai-sdk"})
    story = Story(("mails", *session.key), origin, "ai", session.start_ns, shared)
    mail = r.choice(texts.MAILS).format(
        order=f"{r.randrange(10**6):06}", date=f"{r.randrange(1, 28)} December", name=person.name
    )
    root_facts: Attributes = {"operation.name": "ai.generateText sort-mail", "ai.operationId": "ai.generateText"}
    with story.span("ai.generateText", attributes=root_facts) as root:
        root.attributes["ai.prompt"] = compact({"system": texts.MAIL_SYSTEM, "prompt": mail})
        trial = origin.environment == "staging" and r.random() < TRIALS
        model = STAGING_MODEL if trial else release.model
        if admit(story, root, MODELS[model].provider):
            _sort(story, r, release, mail, model, root)
    return [story.plan]


def _sort(story: Story, r: random.Random, release: Release, mail: str, model: str, root: SpanPlan) -> None:
    if r.random() < 0.5:
        found = compact({"order": "shipped", "carrier": "parcel", "days": r.randrange(9)})
        run_tool(story, r, Run(FIND_ORDER, f"call_{r.getrandbits(64):016x}", {"text": mail[:40]}, found), "vercel")
    verdict = {
        "category": r.choice(CATEGORIES),
        "urgency": r.choice(("low", "normal", "high")),
        "language": "en",
        "summary": mail[:60],
    }
    cut = r.random() < CUT_OFF
    answer = compact(verdict)[: 40 if cut else None]
    asked = Asked(
        model,
        [text("system", texts.MAIL_SYSTEM), text("user", mail)],
        text("assistant", answer),
        180,
        finish="length" if cut else "stop",
        extra=(("fourline.cache.hit", False), *_queue(r, model)),
    )
    if r.random() < KNOWN and not cut:
        ask_cache(story, r, vercel, asked, name="ai.generateText.doGenerate")
        root.attributes["ai.response.text"] = answer
        return
    if given_up(r) or (fails(story, asked) and r.random() < 0.4):
        ask_in_vain(story, r, vercel, asked, "server", name="ai.generateText.doGenerate")
        story.fail(root, "AI_APICallError", "503: The model is overloaded.")
        return
    tries = _failures(r, release)
    for _ in range(tries):
        ask_in_vain(story, r, vercel, asked, "rate_limit", name="ai.generateText.doGenerate")
        story.spend(around(r, 1.5))
    if tries > 2:
        story.fail(root, "AI_RetryError", "Failed after 3 attempts. Last error: 429")
        return
    if tries:
        asked = replace(asked, extra=(*asked.extra, ("gen_ai.request.retry_count", tries)))
    call = ask(story, r, vercel, asked, name="ai.generateText.doGenerate")
    root.attributes |= {"ai.response.text": answer, "ai.usage.inputTokens": call.attributes["ai.usage.inputTokens"]}
    root.attributes["ai.usage.outputTokens"] = call.attributes["ai.usage.outputTokens"]
    if cut:
        story.fail(root, "AI_JSONParseError", "JSON parsing failed: unterminated string")
    elif r.random() < 0.5:  # half of them are looked at by a clerk
        root.attributes["fourline.adoption"] = r.choices(("adopted", "edited", "rejected"), (86, 10, 4))[0]


def _queue(r: random.Random, model: str) -> tuple[tuple[str, float], ...]:
    """What our own inference server says about its queue; nobody else does."""
    if model != STAGING_MODEL:
        return ()
    return (("gen_ai.latency.time_in_queue", round(around(r, 0.4, 0.7), 3)),)


def _failures(r: random.Random, release: Release) -> int:
    """How many calls are refused before one is answered; 3 means none was."""
    chance, most = (0.5, 2) if release.fault == "retry_storm" else (0.02, 3)
    count = 0
    while count < most and r.random() < chance:
        count += 1
    return count


AGENT = Agent("mails", PRODUCT, 26.0, tell)
