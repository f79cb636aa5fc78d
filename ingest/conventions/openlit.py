"""OpenLIT (scopes openlit.*): OTel GenAI names, a cost (0 = it knows no price), a hash of the agent's version."""

from ingest.conventions import fields as f
from ingest.conventions.coerce import count, money, text
from ingest.conventions.fields import Row

# Scopes that copy a provider's input tokens without the cache, and a total that leaves it out as well.
CACHE_APART = frozenset({"openlit.instrumentation.anthropic"})

ROWS = [
    Row(f.TOTAL, 90, "gen_ai.client.token.usage", count),
    Row(f.COST, 40, "gen_ai.usage.cost", money),
    Row(f.COST, 80, "gen_ai.usage.total_cost", money),
    Row(f.AGENT_VERSION, 30, "openlit.agent.version_hash", text),
]
