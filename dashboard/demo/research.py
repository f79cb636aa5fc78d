"""The research assistant: retrieval, rerank, an answer with citations; OpenInference style, Anthropic models."""

import random

from dashboard.demo import texts
from dashboard.demo.agents import Agent, Session, admit, given_up, judge_in_log, release_for, source
from dashboard.demo.chance import around
from dashboard.demo.dialects import Message, openinference, text
from dashboard.demo.models import MODELS, Asked, ask, ask_cache, ask_in_vain, fails
from dashboard.demo.people import someone
from dashboard.demo.plan import CLIENT, SECOND, Attributes, Story, TracePlan
from dashboard.demo.releases import Product, Release

PRODUCT = Product("research-assistant", 2, ("claude-sonnet-4-6", "claude-haiku-4-5"), ("stale_index",), 12, 1)
TOP_K = 8
UNREACHABLE = ("ConnectionError", "the vector store closed the connection")
KNOWN = 0.05  # of the questions were answered before, word for word


def tell(session: Session) -> list[TracePlan]:
    r = session.dice()
    person = someone(r, crowd=60)
    everywhere: Attributes = {
        "session.id": session.id,
        "user.id": person.user_id,
        "metadata": f'{{"tenant":"{person.tenant}"}}',
    }
    said = [text("system", texts.RESEARCH_SYSTEM)]
    traces: list[TracePlan] = []
    time_ns = session.start_ns
    for turn in range(1 + (r.random() < 0.4) + (r.random() < 0.2)):
        release = release_for(PRODUCT, session, time_ns)
        origin = source(PRODUCT, session, release, **{"rag.index.version": release.index_version})
        story = Story(
            ("research", *session.key, turn),
            origin,
            "openinference.instrumentation.haystack",
            time_ns,
            dict(everywhere),
        )
        traces.append(_answer(story, r, release, said))
        time_ns = traces[-1].end_ns + int(around(r, 70, 0.5) * SECOND)
    return traces


def _answer(story: Story, r: random.Random, release: Release, said: list[Message]) -> TracePlan:
    question = r.choice(texts.RESEARCH_QUESTIONS)
    with story.span(
        "research_pipeline", attributes={"openinference.span.kind": "AGENT", "input.value": question}
    ) as root:
        if not admit(story, root, MODELS[release.model].provider):
            return story.plan
        passages = r.sample(texts.PASSAGES, k=TOP_K)
        worse = release.fault == "stale_index"
        found = r.random() >= (0.42 if worse else 0.035)
        _retrieve(story, r, release, question, passages, found)
        if found:
            _rerank(story, r, question, passages)
        if given_up(r):
            story.fail(root, *UNREACHABLE)
            return story.plan
        kept = passages[:4]
        numbered = "\n".join(f"[{n}] {passage}" for n, passage in enumerate(kept if found else [], 1))
        said.append(text("user", f"Passages:\n{numbered}\n\nQuestion: {question}"))
        answer = r.choice(texts.RESEARCH_ANSWERS).format(one=kept[0], two=kept[1])
        _generate(story, r, release, said, answer)
        root.attributes |= {"output.value": answer, "answer.citations": answer.count("[")}
        grounded = min(1.0, max(0.0, r.gauss(0.9 if found else 0.45, 0.09)))
        why = "each claim is in a passage" if grounded > 0.7 else "a claim is in no passage"
        judge_in_log(story, "groundedness", grounded, "pass" if grounded > 0.7 else "fail", why)
    return story.plan


def _retrieve(
    story: Story, r: random.Random, release: Release, question: str, passages: list[str], found: bool
) -> None:
    own: Attributes = {
        "openinference.span.kind": "RETRIEVER",
        "input.value": question,
        "rag.index.version": release.index_version,
        "fourline.retrieval.hit": found,
    }
    with story.span("retrieve", attributes=own) as span:
        _embed(story, r, question)
        slow = 12 if r.random() < 0.06 else 1
        story.spend(around(r, 0.09) * slow)
        if slow > 1:
            story.log(
                "WARN", "vector search was slow: segment not in memory", {"db.collection.name": release.index_version}
            )
        for n, passage in enumerate(passages if found else []):
            base = f"retrieval.documents.{n}.document"
            span.attributes |= {
                f"{base}.id": f"doc-{r.randrange(9000)}",
                f"{base}.score": round(0.93 - 0.06 * n, 3),
                f"{base}.content": passage,
            }


def _embed(story: Story, r: random.Random, question: str) -> None:
    own: Attributes = {
        "openinference.span.kind": "EMBEDDING",
        "embedding.model_name": "text-embedding-3-small",
        "llm.provider": "openai",
        "llm.token_count.prompt": len(question) // 4,
        "llm.token_count.total": len(question) // 4,
        "embedding.embeddings.0.embedding.text": question,
    }
    with story.span("embed_query", CLIENT, own):
        story.spend(around(r, 0.11))


def _rerank(story: Story, r: random.Random, question: str, passages: list[str]) -> None:
    own: Attributes = {
        "openinference.span.kind": "RERANKER",
        "reranker.query": question,
        "reranker.top_k": 4,
        "reranker.model_name": "rerank-v3.5",
    }
    with story.span("rerank", CLIENT, own) as span:
        for n, passage in enumerate(passages[:4]):
            base = f"reranker.output_documents.{n}.document"
            span.attributes |= {
                f"{base}.content": passage,
                f"{base}.score": round(0.97 - 0.11 * n - 0.02 * r.random(), 3),
            }
        story.spend(around(r, 0.21))


def _generate(story: Story, r: random.Random, release: Release, said: list[Message], answer: str) -> None:
    asked = Asked(
        model=release.model,
        messages=list(said),
        answer=text("assistant", answer),
        overhead_tokens=1900,
        cached=0.55 if len(said) > 2 else 0.3,
        streamed=True,
        finish="end_turn",
        extra=(
            ("prompt.id", "cited-answer"),
            ("llm.prompt_template.version", release.prompt_version),
            ("fourline.cache.hit", False),
        ),
    )
    said.append(asked.answer)
    if r.random() < KNOWN:
        ask_cache(story, r, openinference, asked, name="ChatAnthropic")
        return
    if r.random() < (0.5 if fails(story, asked) else 0.02):
        ask_in_vain(story, r, openinference, asked, "server", name="ChatAnthropic")
        story.spend(1.0)
    ask(story, r, openinference, asked, name="ChatAnthropic")


AGENT = Agent("research", PRODUCT, 7.0, tell)
