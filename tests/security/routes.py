"""Every route of the product, taken from the resolver, with examples for what stands in its address."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import get_converters

from dashboard.access import guard_of, is_guarded_operation
from dashboard.plotly_script import digest
from tests.security.telemetry import CALL
from tests.world import Tenant


@dataclass(frozen=True)
class Route:
    name: str
    pattern: str  # as in urls.py: p/<slug:slug>/settings/keys
    view: Any
    params: tuple[str, ...]

    @property
    def guard(self) -> str | None:
        """public | user | admin | project | key, or api for ninja's operations, None for a view nobody marked."""
        return "api" if is_guarded_operation(self.view) else guard_of(self.view)

    def path(self, values: dict[str, str]) -> str:
        path = "/" + self.pattern
        for name in self.params:
            path = path.replace(_placeholder(path, name), values[name])
        return path


def routes() -> list[Route]:
    found: dict[str, Route] = {}
    for route in _walk(get_resolver(), ""):
        found.setdefault(route.pattern, route)  # of two with one pattern the first answers
    return list(found.values())


def _walk(resolver: URLResolver, prefix: str) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, pattern)
        elif isinstance(entry, URLPattern):
            yield Route(entry.name or pattern, pattern, entry.callback, tuple(_params(pattern)))


def _params(pattern: str) -> list[str]:
    inside = [part.split(">")[0] for part in pattern.split("<")[1:]]
    assert all(part.split(":")[0] in get_converters() for part in inside if ":" in part)
    return [part.split(":")[-1] for part in inside]


def _placeholder(path: str, name: str) -> str:
    start = next(i for i, part in enumerate(path.split("<")) if part.split(">")[0].split(":")[-1] == name)
    part = path.split("<")[start]
    return f"<{part.split('>')[0]}>"


def example(tenant: Tenant, member_id: int) -> dict[str, str]:
    """A value that exists in the tenant's project for every name in an address. A new name must be added here."""
    return {
        "slug": tenant.slug,
        "user_id": str(member_id),
        "invitation_id": str(tenant.invitation.pk),
        "prefix": tenant.api_key.prefix,
        "rule_id": str(tenant.rule.pk),
        "price_id": str(tenant.price.pk),
        "trace_id": tenant.trace_id,
        "span_id": CALL,
        "session_id": tenant.session_id,
        "set_id": tenant.set_id,
        "tool": f"tool.name {tenant.canary}",
        "rest": "nothing/here",
        "token": tenant.token,
        "uid": "MQ",
        "digest": digest(),
        "slo_id": str(tenant.objective.pk),
        "name": "latency_p95",
        "objective": tenant.objective.name,
        "alert_id": str(tenant.alert.pk),
        "silence_id": str(tenant.silence.pk),
        "channel_id": str(tenant.channel.pk),
        "exclusion_id": str(tenant.exclusion.pk),
        "proposal_id": str(tenant.proposal.pk),
    }
