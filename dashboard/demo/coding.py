"""The coding agent: long loops of thinking and tools over a growing history, reasoning models, OTel GenAI style."""

import random
from dataclasses import dataclass, field, replace
from typing import Any

from dashboard.demo import texts
from dashboard.demo.agents import Agent, Session, admit, given_up, judge, release_for, source
from dashboard.demo.chance import around
from dashboard.demo.dialects import Message, compact, genai, text
from dashboard.demo.models import MODELS, Asked, ask, ask_in_vain
from dashboard.demo.people import someone
from dashboard.demo.plan import Attributes, SpanPlan, Story, TracePlan
from dashboard.demo.releases import Product, Release
from dashboard.demo.tools import Run, Tool, definition, run_tool

PRODUCT = Product("code-agent", 1, ("claude-opus-4-8", "gpt-5.3-codex"), ("cache_broken", "unasked_commands"), 6, 3)
READ = Tool("read_file", "Read a file of the repository.", 0.02)
GREP = Tool("grep", "Search the repository for a pattern.", 0.15)
EDIT = Tool("apply_patch", "Change files with a patch.", 0.05, "reversible")
TEST = Tool("run_tests", "Run the tests that a pattern selects.", 7.5, spread=0.6)
SHELL = Tool("run_command", "Run a shell command in the sandbox.", 1.4, "irreversible")
TOOLS = (READ, GREP, EDIT, TEST, SHELL)
RHYTHM = (READ, GREP, READ, EDIT, TEST, EDIT, TEST, SHELL)
MAX_STEPS = 40
STUCK = 0.012  # of the tasks: steps until the limit
TOKEN_BUDGET = 450_000  # of one task


@dataclass(slots=True)
class Job:
    """One task while it is worked on. solved: whether the last test run passed."""

    r: random.Random
    release: Release
    said: list[Message] = field(default_factory=list)
    solved: bool = False


def tell(session: Session) -> list[TracePlan]:
    r = session.dice()
    person = someone(r, crowd=25)
    release = release_for(PRODUCT, session, session.start_ns)
    everywhere: Attributes = {"session.id": session.id, "user.id": person.user_id, "tenant.id": person.tenant}
    story = Story(
        ("coding", *session.key), source(PRODUCT, session, release), "code_agent.loop", session.start_ns, everywhere
    )
    task = r.choice(texts.CODING_TASKS)
    job = Job(r, release, [text("system", texts.CODING_SYSTEM), text("user", task)])
    with story.span("invoke_agent code_agent") as root:
        root.attributes |= {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "code_agent",
            "gen_ai.agent.version": release.version,
            "gen_ai.conversation.id": session.id,
            "gen_ai.provider.name": MODELS[release.model].provider,
            "input.value": task,
            "vcs.repository.url.full": "https://git.meridian.example/shop",
            "fourline.autonomy.tier": 2,
            "fourline.token_budget": TOKEN_BUDGET,
        }
        if admit(story, root, MODELS[release.model].provider):
            _loop(story, job, root)
    return [story.plan]


def _loop(story: Story, job: Job, root: SpanPlan) -> None:
    """Steps until the tests pass or the limit is reached."""
    wanted = min(MAX_STEPS, 4 + int(around(job.r, 7, 0.6)))
    stuck = job.r.random() < STUCK
    for step in range(MAX_STEPS if stuck else wanted):
        tool = TEST if stuck and step > 6 and step % 2 else RHYTHM[step % len(RHYTHM)]
        _step(story, job, tool, step, last=not stuck and step >= wanted - 1)
    root.attributes["agent.steps"] = MAX_STEPS if stuck else wanted
    if stuck:
        story.fail(root, "StepLimitExceeded", f"stopped after {MAX_STEPS} steps without passing tests")
        return
    if given_up(job.r):
        story.fail(root, "SandboxLost", "the sandbox went away before the patch was taken out of it")
        return
    ask(story, job.r, genai, _asked(job, text("assistant", texts.CODING_DONE), "stop"))
    root.attributes["output.value"] = texts.CODING_DONE
    root.attributes["fourline.adoption"] = job.r.choices(("adopted", "edited", "rejected"), (70, 18, 12))[0]
    passed = job.r.random() < 0.94
    judge(story, root, "tests_pass", float(passed), "pass" if passed else "fail")


def _step(story: Story, job: Job, tool: Tool, step: int, last: bool) -> None:
    run = _run(job, tool, passed=last)
    asked = _asked(job, run.asked(job.r.choice(texts.CODING_THOUGHTS)), "tool_calls")
    if job.r.random() < 0.012:
        ask_in_vain(story, job.r, genai, asked, "rate_limit")
        story.spend(4.0)
    ask(story, job.r, genai, asked)
    job.said.append(asked.answer)
    span = run_tool(story, job.r, run)
    span.attributes["agent.step"] = step
    job.said.append(run.answered())


def _asked(job: Job, answer: Message, finish: str) -> Asked:
    return Asked(
        model=job.release.model,
        messages=list(job.said),
        answer=answer,
        overhead_tokens=4200 + 220 * len(job.said),
        cached=0.0 if job.release.fault == "cache_broken" else 0.93 if len(job.said) > 3 else 0.6,
        finish=finish,
        tools=tuple(definition(tool) for tool in TOOLS),
        extra=(("gen_ai.prompt.name", "code-agent"), ("gen_ai.prompt.version", job.release.prompt_version)),
    )


def _run(job: Job, tool: Tool, passed: bool) -> Run:
    """A run of tool with what it finds; failing tests are an answer, not an error of the tool."""
    path = job.r.choice(texts.CODE_FILES)
    line = job.r.randrange(20, 400)
    arguments, result = {
        READ.name: ({"path": path}, f"# {path}, from line {line}\n{texts.CODE_EXCERPT}"),
        GREP.name: ({"pattern": "read_row", "path": "."}, f"{path}:{line}: return [read_row(row) for row in reader]"),
        EDIT.name: (
            {"path": path, "patch": f"@@ -{line},1 +{line},2 @@\n-    price = row\n+    price = row or None"},
            "applied, 1 hunk",
        ),
        TEST.name: ({"select": "importer"}, texts.TEST_OUTPUT_GOOD if passed else texts.TEST_OUTPUT_BAD),
        SHELL.name: ({"command": "ruff check . && git status --short"}, f"All checks passed.\n M {path}"),
    }[tool.name]
    error = ("ToolError", f"no such file: {path}") if tool is READ and job.r.random() < 0.04 else None
    run = Run(tool, f"toolu_{job.r.getrandbits(80):020x}", arguments, compact({"output": result}), error, handled=True)
    return (
        run
        if tool.effect == "none"
        else replace(run, key=f"{tool.name}-{job.r.getrandbits(32):x}", **_leave(job, tool))
    )


def _leave(job: Job, tool: Tool) -> dict[str, Any]:
    """Whether the run may happen: commands ask a person, patches can be taken back."""
    if tool is not SHELL:
        return {"approval": "not_required"}
    if job.release.fault == "unasked_commands" and job.r.random() < 0.6:
        return {"approval": "missing", "tier": 2}
    return {"approval": "approved", "tier": 3}


AGENT = Agent("coding", PRODUCT, 0.8, tell)
