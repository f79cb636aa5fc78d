"""How redaction rules and project prices change. Every public function writes exactly one audit entry."""

from datetime import date, datetime

from django.db import transaction

from tracestore.actions.access.audit import Actor, Refused, record
from tracestore.analysis import redaction
from tracestore.models.access import RedactionRule, RuleAction, RuleKind
from tracestore.models.spend import ProjectPrice

MAX_RULES = 200
MAX_PRICES = 1000


@transaction.atomic
def add_rule(
    project_id: int, kind: str, pattern: str, action: str, replacement: str, now: datetime, actor: Actor
) -> None:
    """Redact from now on (within 5 s); what is stored already stays as it is."""
    try:
        redaction.check(kind, pattern, replacement)
    except ValueError as error:
        raise Refused(str(error)) from error
    rules = RedactionRule.objects.filter(project_id=project_id)
    if rules.count() >= MAX_RULES:
        raise Refused(f"A project can have {MAX_RULES} rules. Delete one first.")
    if rules.filter(kind=kind, pattern=pattern).exists():
        raise Refused("There is a rule for this already. Enable it, or delete it first.")
    action = RuleAction(action) if kind == RuleKind.KEY else RuleAction.MASK  # type: ignore[assignment]  # Django ships no types
    rule = rules.create(
        project_id=project_id, kind=kind, pattern=pattern, action=action, replacement=replacement, created_at=now
    )
    record(now, actor, project_id, "redaction.add", rule_label(rule), does=action)


@transaction.atomic
def set_rule_enabled(project_id: int, rule_id: int, enabled: bool, now: datetime, actor: Actor) -> None:
    rule = _locked_rule(project_id, rule_id)
    rule.enabled = enabled
    rule.save(update_fields=["enabled"])
    record(now, actor, project_id, "redaction.enable" if enabled else "redaction.disable", rule_label(rule))


@transaction.atomic
def delete_rule(project_id: int, rule_id: int, now: datetime, actor: Actor) -> None:
    rule = _locked_rule(project_id, rule_id)
    label = rule_label(rule)
    rule.delete()
    record(now, actor, project_id, "redaction.delete", label)


@transaction.atomic
def add_price(
    project_id: int,
    provider: str,
    pattern: str,
    effective_from: date,
    rates: dict[str, int],
    now: datetime,
    actor: Actor,
) -> None:
    """Price calls received from now on; `manage.py reprice` applies it to what is stored. rates: integer nano-USD."""
    prices = ProjectPrice.objects.filter(project_id=project_id)
    if not pattern or "*" in pattern[:-1]:
        raise Refused("Name a model; * may stand at the end only.")
    if not rates:
        raise Refused("Give at least one rate.")
    if prices.count() >= MAX_PRICES:
        raise Refused(f"A project can have {MAX_PRICES} prices. Delete one first.")
    prices.update_or_create(
        project_id=project_id,
        provider=provider,
        pattern=pattern,
        effective_from=effective_from,
        defaults={"rates": rates, "created_at": now},
    )
    given = {f"{name}_nanousd": rate for name, rate in rates.items()}
    record(now, actor, project_id, "price.set", pattern, effective_from=effective_from.isoformat(), **given)


@transaction.atomic
def delete_price(project_id: int, price_id: int, now: datetime, actor: Actor) -> None:
    price = ProjectPrice.objects.filter(project_id=project_id, id=price_id).select_for_update().first()
    if price is None:
        raise Refused("There is no such price.")
    pattern = price.pattern
    price.delete()
    record(now, actor, project_id, "price.delete", pattern)


def rule_label(rule: RedactionRule) -> str:
    """What the audit log says of a rule: an exact text may be the very secret, so it is not copied."""
    return f"text #{rule.id}" if rule.kind == RuleKind.TEXT else f"{rule.kind} {rule.pattern}"


def _locked_rule(project_id: int, rule_id: int) -> RedactionRule:
    rule = RedactionRule.objects.filter(project_id=project_id, id=rule_id).select_for_update().first()
    if rule is None:
        raise Refused("There is no such rule.")
    return rule
