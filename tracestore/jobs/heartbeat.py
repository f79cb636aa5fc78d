"""Tells a dead man's switch outside that objectives are evaluated. Silence is the alarm: when they are not, nobody is called.

It shares the lane of the mails, so that a call also says that what alerts send is being sent.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings

from tracestore import outbound
from tracestore.queries.background import find_job_states
from tracestore.queries.watchdog import find_evaluator_state

log = logging.getLogger(__name__)

EVALUATION: Final = "evaluate"  # name of the job
FRESH_S: Final = 120.0  # six rounds


@dataclass(frozen=True, slots=True)
class Summary:
    called: bool


def run(now: datetime) -> Summary:
    """One GET of FOURLINE_HEARTBEAT_URL after a round of evaluation that ended well. That it fails is logged and no more:
    whoever waits for the call notices."""
    if not settings.HEARTBEAT_URL or not evaluates(now):
        return Summary(called=False)
    try:
        answer = outbound.get(settings.HEARTBEAT_URL)
    except (outbound.Refused, outbound.Unreachable) as error:
        log.warning("the heartbeat was not taken: %s", error)
        return Summary(called=False)
    if not 200 <= answer.status < 300:
        log.warning("the heartbeat was answered with %d", answer.status)
    return Summary(called=True)


def evaluates(now: datetime) -> bool:
    """Did the last round end lately and well, and does it reach the objectives that there are?"""
    (state,) = find_job_states(now, {EVALUATION: FRESH_S})
    return state.fresh and state.failure is None and not find_evaluator_state(now).stands_still(now)
