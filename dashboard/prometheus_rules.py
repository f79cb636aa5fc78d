"""Which rules has Prometheus for our objectives, and where does Alertmanager send what fires? As the files that they read.

They ask what /metrics says of all objectives, so they need no new export when an objective is made or changed.
Names: level:metric:operations, as https://prometheus.io/docs/practices/rules/ has it.
"""

from collections.abc import Mapping
from typing import Any, Final

STALE_S: Final = 600
_ON: Final = "on (project, objective) group_left (title, action, runbook_url)"
_SUMMARY: Final = "{{ $labels.title }} ({{ $labels.objective }})"
# Of what is scraped, not of what is recorded: groups of rules do not wait for each other.
_BURN: Final = (
    'printf "min without (window) (fourline_slo_burn_rate{project=%q,objective=%q,rule=%q})"'
    " $labels.project $labels.objective $labels.rule"
)
_LEFT: Final = (
    'printf "fourline_slo_error_budget_remaining_ratio{project=%q,objective=%q}" $labels.project $labels.objective'
)
Group = dict[str, Any]


def rule_file(project: str, public_url: str) -> dict[str, Any]:
    """project: its slug. public_url: where the pages are, "" = nobody said."""
    return {"groups": [_recorded(project), _alerts(project, public_url), _watchdog(project)]}


def _of(metric: str, project: str, **labels: str) -> str:
    matched = ",".join(f'{name}="{value}"' for name, value in {"project": project, **labels}.items())
    return f"{metric}{{{matched}}}"


def _recorded(project: str) -> Group:
    both = f"min without (window) ({_of('fourline_slo_burn_rate', project)})"
    factor = _of("fourline_slo_burn_rate_threshold", project)
    left = _of("fourline_slo_error_budget_remaining_ratio", project)
    return {
        "name": f"fourline-{project}-slo",
        "rules": [
            {"record": "objective_rule:fourline_slo_burn_rate:min", "expr": both},
            {
                "record": "objective_rule:fourline_slo_burn_rate:ratio",
                "expr": f"{both} / on (project, service, objective, rule, severity) {factor}",
            },
            {
                "record": "service:fourline_slo_error_budget_remaining_ratio:min",
                "expr": f"min by (project, service) ({left})",
            },
        ],
    }


def _alerts(project: str, public_url: str) -> Group:
    page = f"{public_url.rstrip('/')}/p/{project}/objectives/{{{{ $labels.objective }}}}" if public_url else ""
    burning = (
        f"{{{{ with {_BURN} | query }}}}The error budget is spent {{{{ . | first | value | humanize }}}} times as fast as it"
        f" lasts (rule {{{{ $labels.rule }}}}). {{{{ end }}}}{{{{ with {_LEFT} | query }}}}"
        "{{ . | first | value | humanizePercentage }} of it is left. {{ end }}Proposed: {{ $labels.action }}."
    )
    spent = "A threshold of the error budget is reached (rule {{ $labels.rule }}). Proposed: {{ $labels.action }}."
    absent = "No events any more, although there were some in the week before. Proposed: {{ $labels.action }}."
    told = {"FourlineSLOBurnsFast": ("burn", "page", burning), "FourlineSLOBurns": ("burn", "ticket", burning)}
    told |= {"FourlineSLOBudgetSpent": ("budget", "", spent), "FourlineSLOWithoutEvents": ("absent", "", absent)}
    return {
        "name": f"fourline-{project}-slo-alerts",
        "rules": [_alert(name, project, kind, severity, text, page) for name, (kind, severity, text) in told.items()],
    }


def _alert(name: str, project: str, kind: str, severity: str, text: str, page: str) -> Group:
    """severity: "" = the rule's own. The decision is Fourline's: it knows what may be chance."""
    asked = {"kind": kind, **({"severity": severity} if severity else {})}
    firing = _of("fourline_slo_rule_firing", project, **asked)
    annotations = {"summary": _SUMMARY, "description": text, "runbook_url": "{{ $labels.runbook_url }}", "page": page}
    return {
        "alert": name,
        "expr": f"({firing} == 1) * {_ON} {_of('fourline_slo_info', project)}",
        "labels": {"fourline_project": project},
        "annotations": {key: value for key, value in annotations.items() if value},
    }


def _watchdog(project: str) -> Group:
    evaluated = _of("fourline_slo_evaluated_timestamp_seconds", project)
    failed = _of("fourline_alert_deliveries_failed", project)
    rules: list[tuple[str, str, str, str, str]] = [
        (
            "FourlineSLONotEvaluated",
            f"time() - {evaluated} > {STALE_S}",
            "5m",
            "page",
            "{{ $labels.objective }} has not been evaluated for {{ $value | humanizeDuration }}; no alert of it could fire.",
        ),
        (
            "FourlineNotificationsFail",
            f"{failed} > 0",
            "0s",
            "ticket",
            "Fourline gave up {{ $value }} notifications within a day; see its channels.",
        ),
        (
            "FourlineSilent",
            f"absent({_of('fourline_alert_deliveries_waiting', project)})",
            "5m",
            "page",
            "Prometheus reads nothing of this project from Fourline.",
        ),
    ]
    return {
        "name": f"fourline-{project}-watchdog",
        "rules": [
            {
                "alert": name,
                "expr": expression,
                "for": lasting,
                "labels": {"fourline_project": project, "project": project, "severity": severity},
                "annotations": {"summary": name, "description": text},
            }
            for name, expression, lasting, severity, text in rules
        ],
    }


def alertmanager_file(project: str) -> dict[str, Any]:
    """A route for the project with two receivers to be filled in; a page of an objective keeps its tickets back."""
    route = {
        "receiver": "fourline-ticket",
        "matchers": [f'fourline_project="{project}"'],
        "group_by": ["fourline_project", "service"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": "4h",
        "routes": [{"receiver": "fourline-page", "matchers": ['severity="page"'], "continue": False}],
    }
    return {
        "route": {"receiver": "default", "routes": [route]},
        "receivers": [{"name": "default"}, {"name": "fourline-page"}, {"name": "fourline-ticket"}],
        "inhibit_rules": [
            {
                "source_matchers": [f'fourline_project="{project}"', 'severity="page"'],
                "target_matchers": [f'fourline_project="{project}"', 'severity="ticket"'],
                "equal": ["project", "objective"],
            }
        ],
    }


HEADERS: Final[Mapping[str, str]] = {
    "rules": "# Rules for Prometheus, by `manage.py slo prometheus`. Let it scrape /metrics with a read key of the project.\n",
    "alertmanager": "# A route for Alertmanager, by `manage.py slo prometheus --alertmanager`. Fill in its receivers.\n",
}
