"""Who comes in which minute? More by day than by night, as many as the hash of the minute says."""

import math
from collections.abc import Iterator

from dashboard.demo import airline, coding, mails, reports, research
from dashboard.demo.agents import Agent, Session
from dashboard.demo.chance import share
from dashboard.demo.plan import TracePlan

AGENTS: tuple[Agent, ...] = (airline.AGENT, research.AGENT, coding.AGENT, mails.AGENT, reports.AGENT)
DAY_MINUTES = 24 * 60
BUSIEST_MINUTE = 14 * 60  # of the UTC day
SWING = 0.35  # the busiest minute has 1.35 times the mean


def told_in(minute: int, seed: int, rate: float, kept: float = 1.0) -> Iterator[TracePlan]:
    """All traces of the sessions that begin in a minute since the epoch. rate: 1.0 = about 1.4 traces a second.

    kept: share of these sessions, the same ones each time.
    """
    for agent in AGENTS:
        for number in range(sessions_of(agent, minute, seed, rate)):
            session = Session(seed, agent.name, minute, number)
            if kept == 1.0 or share("kept", *session.key) < kept:
                yield from agent.tell(session)


def sessions_of(agent: Agent, minute: int, seed: int, rate: float) -> int:
    """How many sessions begin: the expected number, its fraction decided by the hash of the minute."""
    expected = agent.per_minute * rate * daily(minute)
    expected *= 0.7 + 0.6 * share("traffic", agent.name, minute, seed)
    whole = int(expected)
    return whole + (share("fraction", agent.name, minute, seed) < expected - whole)


def daily(minute: int) -> float:
    """The shape of a day around 1.0."""
    return 1.0 + SWING * math.cos(2 * math.pi * (minute - BUSIEST_MINUTE) / DAY_MINUTES)
