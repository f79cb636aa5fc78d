"""What should a person know before believing the numbers: old prices, unpriced models, background work that stands still?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg.errors
from django.core.cache import cache

from dashboard.params import in_ns
from dashboard.templatetags.units import counted
from tracestore.analysis import price_data
from tracestore.queries.background import JobState, find_job_states
from tracestore.queries.retention import held
from tracestore.queries.rollups import capped_dimensions
from tracestore.queries.usage import unpriced_models
from tracestore.queries.watchdog import ChannelTrouble, EvaluatorState, find_channel_troubles, find_evaluator_state
from tracestore.timetable import expected_jobs

LOOKED_BACK = timedelta(days=7)
KEPT_S = 60  # a week of calls is not counted again for every page
JOBS_KEPT_S = 5
ALERTING_KEPT_S = 15


@dataclass(frozen=True, slots=True)
class Notice:
    """title: what is wrong, as a sentence. what_to_do: the next step. href, link: where it is done, "" when nowhere."""

    title: str
    what_to_do: str
    href: str = ""
    link: str = ""


def notices_of(project_id: int, slug: str, now: datetime) -> list[Notice]:
    found = [*jobs_notice(stale_jobs(now)), *alerting_notices(project_id, slug, now)]
    found += [*retention_notice(now, slug), *prices_notice(now)]
    return [*found, *unpriced_notice(unpriced(project_id, now), slug), *capped_notice(capped(project_id, now))]


def stale_jobs(now: datetime) -> list[JobState]:
    """Kept for 5 s in this process."""
    known = cache.get("stale-jobs")
    if known is None:
        known = [job for job in find_job_states(now, expected_jobs()) if not job.fresh]
        cache.set("stale-jobs", known, JOBS_KEPT_S)
    return list(known)


def unpriced(project_id: int, now: datetime) -> list[tuple[str, int]]:
    """Kept for a minute in this process; nothing when the database finds it too much work."""
    name = f"unpriced-{project_id}"
    known = cache.get(name)
    if known is None:
        try:
            known = unpriced_models(project_id, in_ns(now - LOOKED_BACK))
        except psycopg.errors.QueryCanceled:
            known = []
        cache.set(name, known, KEPT_S)
    return list(known)


def capped(project_id: int, now: datetime) -> list[str]:
    """What had more values than are kept apart, in the last week; kept for a minute in this process."""
    name = f"capped-{project_id}"
    known = cache.get(name)
    if known is None:
        known = capped_dimensions(project_id, int((now - LOOKED_BACK).timestamp()))
        cache.set(name, known, KEPT_S)
    return list(known)


def jobs_notice(late: Sequence[JobState]) -> list[Notice]:
    """One notice for all: when one job stands still, the others usually do, too."""
    if not late:
        return []
    names = ", ".join(job.name for job in late)
    text = "Lists and sums may lack what arrived lately. Look at the log of the worker, or run: python manage.py doctor"
    return [Notice(f"Background work is late: {names}.", text)]


def alerting_notices(project_id: int, slug: str, now: datetime) -> list[Notice]:
    """Alerting that does not work is told on every page. Kept for 15 s in this process."""
    name = f"alerting-{project_id}"
    known = cache.get(name)
    if known is None:
        known = (find_evaluator_state(now, project_id), find_channel_troubles(project_id, now))
        cache.set(name, known, ALERTING_KEPT_S)
    state, channels = known
    return [*evaluator_notices(state, slug, now), *(channel_notice(channel, slug) for channel in channels)]


def evaluator_notices(state: EvaluatorState, slug: str, now: datetime) -> list[Notice]:
    """One of a standstill, else one of the objectives that are behind; beside it one of those that are out of order."""
    href, found = f"/p/{slug}/objectives", []
    if state.stands_still(now):
        text = (
            "No alert is raised or resolved meanwhile; missed minutes are made up for afterwards. Look at the log of the"
            " worker, or run: python manage.py doctor"
        )
        found.append(Notice("Objectives have not been evaluated for more than 5 minutes.", text, href, "Objectives"))
    elif state.late_count:
        late = f"{counted(state.late_count, 'objective')} not evaluated for more than 5 minutes"
        text = "Counting or catching up may take a while. If it lasts, the log of the worker says why."
        found.append(Notice(f"{late}: {_named(state.late, state.late_count)}.", text, href, "Objectives"))
    if state.broken_count:
        title = f"{counted(state.broken_count, 'objective')} out of order: {_named(state.broken, state.broken_count)}."
        text = f"No alert comes of it; it is tried again now and then, and the others go on. It failed with: {state.failure}"
        found.append(Notice(title, text, href, "Objectives"))
    return found


def _named(names: Sequence[str], count: int) -> str:
    return ", ".join(names) + (f" and {count - len(names)} more" if count > len(names) else "")


def channel_notice(channel: ChannelTrouble, slug: str) -> Notice:
    href = f"/p/{slug}/settings/channels"
    if channel.switched_off:
        text = f"{channel.switched_off} Correct it, test it, and switch it on again."
        return Notice(f"The channel {channel.name} was switched off: nothing is sent to it.", text, href, "Channels")
    lost = (
        f"{counted(channel.given_up, 'notification')} given up. " if channel.given_up else "It is tried again later. "
    )
    last = f"Its last failure: {channel.last_failure} " if channel.last_failure else ""
    return Notice(f"The channel {channel.name} does not deliver.", f"{lost}{last}", href, "Channels")


HELD_TOLD_AFTER = timedelta(hours=6)  # a backup or a long transaction is no news


def retention_notice(now: datetime, slug: str) -> list[Notice]:
    """Old days that are not removed. Kept for a minute in this process."""
    known = cache.get("retention-held")
    if known is None:
        known = (held(),)
        cache.set("retention-held", known, KEPT_S)
    found = known[0]
    if found is None:
        return []
    if found.reason == "many":
        text = "Look at the clock of the server. If it is right, an administrator lets them go:"
        title = f"Removal of old data is held back: {found.days} days are due at once."
        return [Notice(title, text, f"/p/{slug}/settings/storage", "Storage")]
    if found.reason == "clock":
        text = "Nothing old is removed until it has been steady for an hour, and lies near the days that are stored."
        return [Notice("The clock of the server jumped.", text)]
    if found.since is not None and now - found.since > HELD_TOLD_AFTER:
        text = "A transaction has been using these tables for hours. Old data stays until it ends."
        return [Notice("Old data cannot be removed.", text)]
    return []


def prices_notice(now: datetime) -> list[Notice]:
    if not price_data.is_old(now):
        return []
    title = f"The price list is {price_data.age_days(now)} days old."
    return [
        Notice(title, "Costs of calls may be out of date. Update the package genai-prices, then run: manage.py reprice")
    ]


def unpriced_notice(models: Sequence[tuple[str, int]], slug: str) -> list[Notice]:
    if not models:
        return []
    named = ", ".join(f"{model} ({counted(calls, 'call')})" for model, calls in models)
    text = f"In the last 7 days: {named}. Sums leave these calls out."
    return [Notice("Some models have no price.", text, f"/p/{slug}/settings/prices", "Add a price")]


def capped_notice(dimensions: Sequence[str]) -> list[Notice]:
    if not dimensions:
        return []
    text = (
        "In the last 7 days some minute had more of them than are kept apart: the rest is counted as __other__, and sums"
        " stay exact. Send fewer different values, or raise FOURLINE_ROLLUP_VALUES and FOURLINE_ROLLUP_ROWS."
    )
    return [Notice(f"Too many different values: {', '.join(dimensions)}.", text)]
