"""When does a model provider not answer, and what does the circuit breaker before it do? The same for every agent."""

from dashboard.demo.chance import pick, share
from dashboard.demo.plan import SECOND
from dashboard.demo.releases import EPOCH_S, WINDOW_S

EVERY, AT = 6, 5  # windows with window % 6 == 5: no bad release goes out in them
LASTS_S = 12 * 60
NOTICED_S = 45  # until then calls fail, and the breaker stays closed
PROBE_EVERY_S, PROBE_S = 120, 10  # an open breaker lets some calls pass, to see
PROVIDERS = ("openai", "anthropic")


def breaker(provider: str, time_ns: int) -> str:
    """closed | open | half_open."""
    into_s = _into_s(provider, time_ns)
    if into_s is None or into_s < NOTICED_S:
        return "closed"
    return "half_open" if into_s % PROBE_EVERY_S < PROBE_S else "open"


def is_down(provider: str, time_ns: int) -> bool:
    return _into_s(provider, time_ns) is not None


def _into_s(provider: str, time_ns: int) -> float | None:
    """Seconds since the outage began; None where there is none."""
    window, into_window_s = divmod(time_ns / SECOND - EPOCH_S, WINDOW_S)
    if int(window) % EVERY != AT or pick(("outage", int(window)), PROVIDERS) != provider:
        return None
    into_s = into_window_s - 1800 - 3000 * share("outage begins", int(window))
    return into_s if 0 <= into_s < LASTS_S else None
