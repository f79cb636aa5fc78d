"""What Prometheus reads of objectives; and the rules for it and Alertmanager, checked by their tools and run by themselves.

The programs are Debian's; .ci/tools fetches them where it may. Without them only what they print is left out.
"""

import json
import os
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from dashboard.exposition import exposition
from dashboard.prometheus_rules import HEADERS, alertmanager_file, rule_file
from tests.api.test_slos import evaluated
from tests.platform.installation import free_ports
from tests.world import World, make_world
from tracestore import db as store
from tracestore.analysis.openslo.reading import write_documents
from tracestore.models.slo import Objective

FETCHED = Path(__file__).parents[2] / ".ci" / "servers" / "usr" / "bin"
PATH = f"{os.environ['PATH']}:{FETCHED}"
PROGRAMS = {
    name: shutil.which(name, path=PATH) for name in ("promtool", "amtool", "prometheus", "prometheus-alertmanager")
}
MISSING = [name for name, path in PROGRAMS.items() if path is None]
needs_programs = pytest.mark.skipif(
    bool(MISSING), reason=f"without {', '.join(MISSING)}; .ci/tools fetches them with apt-get"
)


@pytest.fixture
def world(database: object) -> World:
    return make_world()


def rows(text: str, name: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
    return {line.rpartition(" ")[0].removeprefix(name): float(line.rpartition(" ")[2]) for line in lines}


def test_metrics_tell_how_objectives_burn_and_leave_out_what_was_not_measured(world: World) -> None:
    objective, now = world.ours.objective, datetime.now(UTC)
    Objective.objects.filter(pk=objective.pk).update(service='a "b"\\c')
    evaluated(objective, -0.25, now, "firing")
    text = exposition(now, world.ours.project.pk)
    whose = f'project="{world.ours.slug}",service="a \\"b\\"\\\\c",objective="{objective.name}"'
    rule = f'{whose},rule="page-quick",severity="page"'
    assert rows(text, "fourline_slo_burn_rate") == {
        f'{{{rule},window="long"}}': 20.5,
        f'{{{rule},window="short"}}': 31,
    }
    assert rows(text, "fourline_slo_burn_rate_threshold") == {f"{{{rule}}}": 14.4}
    assert rows(text, "fourline_slo_rule_firing") == {f'{{{rule},kind="burn"}}': 1}
    assert rows(text, "fourline_slo_error_budget_remaining_ratio") == {f"{{{whose}}}": -0.25}
    assert rows(text, "fourline_alerts_firing")[f'{{{whose},severity="page"}}'] == 1
    assert rows(text, "fourline_slo_evaluation_lag_seconds")[""] < 5
    assert rows(text, "fourline_alert_deliveries_waiting") == {f'{{project="{world.ours.slug}"}}': 0}
    assert world.theirs.canary not in text
    assert world.theirs.objective.name in exposition(now, None)
    unmeasured(objective)
    text = exposition(now, world.ours.project.pk)
    assert rows(text, "fourline_slo_error_budget_remaining_ratio") == {}
    assert rows(text, "fourline_slo_burn_rate") == {f'{{{rule},window="long"}}': 20.5}


def unmeasured(objective: Objective) -> None:
    with store.WRITES.connection() as connection:
        connection.execute("UPDATE slo_rule_state SET short_burn = NULL WHERE objective_id = %s", [objective.pk])
        connection.execute("UPDATE slo_state SET remaining = NULL WHERE objective_id = %s", [objective.pk])


def run(program: str, *arguments: str) -> str:
    done = subprocess.run([str(PROGRAMS[program]), *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def written(folder: Path, project: str = "shop") -> tuple[Path, Path]:
    rules, route = folder / "rules.yml", folder / "alertmanager.yml"
    rules.write_text(HEADERS["rules"] + write_documents([rule_file(project, "https://f.example")]))
    route.write_text(HEADERS["alertmanager"] + write_documents([alertmanager_file(project)]))
    return rules, route


LABELS = 'project="shop",service="web",objective="fast"'
RULE = f'{LABELS},rule="quick",severity="page"'
SERIES = {
    f'fourline_slo_info{{{LABELS},title="Fast answers",action="rollback",runbook_url="https://w.example"}}': "1x20",
    f'fourline_slo_burn_rate{{{RULE},window="long"}}': "20.5x20",
    f'fourline_slo_burn_rate{{{RULE},window="short"}}': "31x20",
    f"fourline_slo_burn_rate_threshold{{{RULE}}}": "10.25x20",
    f'fourline_slo_rule_firing{{{RULE},kind="burn"}}': "0 0 1x18",
    f"fourline_slo_error_budget_remaining_ratio{{{LABELS}}}": "0.25x20",
    f"fourline_slo_evaluated_timestamp_seconds{{{LABELS}}}": "0x20",
    'fourline_alert_deliveries_waiting{project="shop"}': "0x20",
    'fourline_alert_deliveries_failed{project="shop"}': "0x20",
}


@needs_programs
def test_promtool_and_amtool_take_the_files_and_the_rules_fire_as_fourline_does(tmp_path: Path) -> None:
    rules, route = written(tmp_path)
    assert "SUCCESS: 10 rules found" in run("promtool", "check", "rules", str(rules))
    assert "SUCCESS" in run("amtool", "check-config", str(route))
    alert = {
        "exp_labels": {
            "project": "shop", "service": "web", "objective": "fast", "rule": "quick", "severity": "page", "kind": "burn",
            "title": "Fast answers", "action": "rollback", "runbook_url": "https://w.example", "fourline_project": "shop",
        },
        "exp_annotations": {
            "summary": "Fast answers (fast)",
            "description": "The error budget is spent 20.5 times as fast as it lasts (rule quick). 25% of it is left."
            " Proposed: rollback.",
            "runbook_url": "https://w.example",
            "page": "https://f.example/p/shop/objectives/fast",
        },
    }  # fmt: skip
    story = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in SERIES.items()],
        "alert_rule_test": [
            {"eval_time": "1m", "alertname": "FourlineSLOBurnsFast", "exp_alerts": []},
            {"eval_time": "3m", "alertname": "FourlineSLOBurnsFast", "exp_alerts": [alert]},
            {"eval_time": "3m", "alertname": "FourlineSLOBurns", "exp_alerts": []},
            {"eval_time": "15m", "alertname": "FourlineSilent", "exp_alerts": []},
        ],
        "promql_expr_test": [
            {
                "expr": "objective_rule:fourline_slo_burn_rate:ratio",
                "eval_time": "3m",
                "exp_samples": [{"labels": f"objective_rule:fourline_slo_burn_rate:ratio{{{RULE}}}", "value": 2}],
            },
            {
                "expr": 'ALERTS{alertname="FourlineSLONotEvaluated",alertstate="firing"}',
                "eval_time": "10m",
                "exp_samples": [],
            },
            {
                "expr": 'count(ALERTS{alertname="FourlineSLONotEvaluated",alertstate="firing"})',
                "eval_time": "17m",
                "exp_samples": [{"labels": "{}", "value": 1}],
            },
        ],
    }
    tests = tmp_path / "tests.yml"
    tests.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [story]}))
    run("promtool", "test", "rules", str(tests))


@contextmanager
def metrics_server(text: Callable[[], str]) -> Iterator[int]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def running(program: str, folder: Path, *arguments: str) -> Iterator[None]:
    with (folder / f"{program}.log").open("wb") as log:
        process = subprocess.Popen([str(PROGRAMS[program]), *arguments], stdout=log, stderr=log, cwd=folder)
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


def until(url: str, holds: Callable[[Any], bool], seconds: float = 40) -> Any:
    found, deadline = None, time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                found = json.load(answer)
        except OSError:
            found = None
        if found is not None and holds(found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{url} never answered so: {found}")


@needs_programs
def test_the_real_prometheus_and_alertmanager_take_them(world: World, tmp_path: Path) -> None:
    """From our own exposition to an alert in Alertmanager, where a page keeps back the ticket of the same objective."""
    objective, now, project = world.ours.objective, datetime.now(UTC), world.ours.slug
    evaluated(objective, 0.25, now, "firing")
    with store.WRITES.connection() as connection:
        connection.execute(
            "INSERT INTO slo_rule_state (project, objective_id, rule, kind, severity, state, factor)"
            " VALUES (%s, %s, 'spent-75', 'budget', 'ticket', 'firing', 0.75)",
            [world.ours.project.pk, objective.pk],
        )
    text = exposition(now, world.ours.project.pk)
    rules, route = written(tmp_path, project)
    prometheus, alertmanager = free_ports(2)
    with ExitStack() as stack:
        target = stack.enter_context(metrics_server(lambda: text))
        config = tmp_path / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
            "scrape_configs": [{"job_name": "fourline", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}],
        }))  # fmt: skip
        stack.enter_context(running(
            "prometheus-alertmanager", tmp_path, f"--config.file={route}", f"--storage.path={tmp_path / 'am'}",
            f"--web.listen-address=127.0.0.1:{alertmanager}", "--cluster.listen-address=",
        ))  # fmt: skip
        stack.enter_context(running(
            "prometheus", tmp_path, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{prometheus}",
        ))  # fmt: skip
        known = until(f"http://127.0.0.1:{prometheus}/api/v1/rules", lambda body: healthy(body) == 10)
        assert known["status"] == "success"
        alerts = until(
            f"http://127.0.0.1:{alertmanager}/api/v2/alerts", lambda body: inhibited(body) == {"FourlineSLOBudgetSpent"}
        )
    by_name = {alert["labels"]["alertname"]: alert for alert in alerts}
    assert by_name.keys() == {"FourlineSLOBurnsFast", "FourlineSLOBudgetSpent"}
    told = by_name["FourlineSLOBurnsFast"]
    assert [receiver["name"] for receiver in told["receivers"]] == ["fourline-page"]
    assert told["annotations"]["summary"] == f"{objective.title} ({objective.name})"
    assert "20.5 times as fast as it lasts (rule page-quick). 25% of it is left." in told["annotations"]["description"]


def healthy(body: Any) -> int:
    return sum(rule["health"] == "ok" for group in body["data"]["groups"] for rule in group["rules"])


def inhibited(body: Any) -> set[str]:
    return {alert["labels"]["alertname"] for alert in body if alert["status"]["inhibitedBy"]}


def test_the_command_writes_both(db: None, capsys: Any) -> None:
    slug = make_world().ours.slug
    call_command("slo", "prometheus", project=slug)
    assert f'fourline_slo_rule_firing{{project="{slug}"' in capsys.readouterr().out
    call_command("slo", "prometheus", "--alertmanager", project=slug)
    assert "inhibit_rules" in capsys.readouterr().out
