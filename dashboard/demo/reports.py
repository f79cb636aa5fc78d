"""The report job: a workflow of many steps every few minutes, with queries, a fan-out by region and one comment each."""

import random

from dashboard.demo import texts
from dashboard.demo.agents import Agent, Session, release_for, source
from dashboard.demo.chance import around
from dashboard.demo.dialects import compact, genai, text
from dashboard.demo.models import Asked, ask
from dashboard.demo.plan import CLIENT, Attributes, Story, TracePlan
from dashboard.demo.releases import Product, Release
from dashboard.demo.tools import Run, Tool, run_tool

PRODUCT = Product("report-batch", 1, ("gemini-3.5-flash",))
QUERY = Tool("run_sql", "Run a read-only query on the warehouse.", 0.9, spread=0.8)
CHART = Tool("render_chart", "Draw a chart as PNG.", 0.5)
LOCKED = 0.002  # of the queries; a report makes one for each of five regions
REGIONS = ("north", "east", "south", "west", "online")


def tell(session: Session) -> list[TracePlan]:
    r = session.dice()
    release = release_for(PRODUCT, session, session.start_ns)
    origin = source(PRODUCT, session, release, **{"k8s.cronjob.name": "sales-report"})
    story = Story(
        ("reports", *session.key), origin, "meridian.workflow", session.start_ns, {"tenant.id": r.choice(texts.TENANTS)}
    )
    own: Attributes = {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "sales_report",
        "fourline.queue.duration": round(around(r, 2.5, 0.9), 2),
    }
    with story.span("sales_report", attributes=own) as root:
        story.log("INFO", "report started", {"job.run": session.id})
        done = [_region(story, r, release, region) for region in REGIONS]
        with story.span(
            "publish", CLIENT, {"http.request.method": "POST", "server.address": "reports.meridian.example"}
        ):
            story.spend(around(r, 0.3))
        root.attributes["report.regions_done"] = sum(done)
        if not all(done):
            story.fail(root, "PartialReport", f"{done.count(False)} of {len(done)} regions are missing")
    return [story.plan]


def _region(story: Story, r: random.Random, release: Release, region: str) -> bool:
    """Whether the region's part could be made."""
    own: Attributes = {"gen_ai.operation.name": "execute_task", "report.region": region}
    with story.span(f"region {region}", attributes=own) as task:
        locked = r.random() < LOCKED
        rows = [
            {"day": f"2026-11-{day:02}", "revenue": int(around(r, 4200)), "returns": r.randrange(4, 19)}
            for day in range(1, 8)
        ]
        sql = {"sql": texts.REPORT_SQL % region}
        error = ("QueryCanceled", "canceling statement due to lock timeout") if locked else None
        run_tool(story, r, Run(QUERY, f"q-{r.getrandbits(48):012x}", sql, compact(rows), error))
        if locked:
            story.fail(task, *(error or ("", "")))
            return False
        run_tool(
            story,
            r,
            Run(
                CHART,
                f"c-{r.getrandbits(48):012x}",
                {"region": region},
                compact({"png_bytes": r.randrange(20_000, 60_000)}),
            ),
        )
        _comment(story, r, release, compact(rows))
    return True


def _comment(story: Story, r: random.Random, release: Release, table: str) -> None:
    comment = r.choice(texts.REPORT_COMMENTS).format(a=r.randrange(2, 19), b=r.randrange(18, 90), c=r.randrange(2, 11))
    messages = [text("system", texts.REPORT_SYSTEM), text("user", table)]
    extra = (("gen_ai.prompt.name", "report-comment"), ("gen_ai.prompt.version", release.prompt_version))
    ask(story, r, genai, Asked(release.model, messages, text("assistant", comment), 120, extra=extra))


AGENT = Agent("reports", PRODUCT, 0.25, tell)
