"""LiteLLM (scope litellm): `gen_ai.cost.*`, `metadata.user_api_key_*`, `hidden_params`; its raw request is no call."""

from typing import Any

from ingest.conventions import fields as f
from ingest.conventions.answer import said_usage
from ingest.conventions.coerce import boolean, money, nested, text
from ingest.conventions.fields import Blob, Row

RAW_REQUEST = "raw_gen_ai_request"


def hidden_params(value: Any) -> list[tuple[int, int, Any, str]]:
    hit = boolean(nested(value, "cache_hit"))
    return [] if hit is None else [(f.RESPONSE_CACHE, 40, hit, "cache_hit")]


ROWS = [
    Row(f.COST, 30, "gen_ai.cost.total_cost", money),
    Row(f.INPUT_COST, 30, "gen_ai.cost.input_cost", money),
    Row(f.OUTPUT_COST, 30, "gen_ai.cost.output_cost", money),
    Row(f.USER, 100, "metadata.user_api_key_user_id", text),
    Row(f.TENANT, 44, "metadata.user_api_key_team_id", text),
    Row(f.TENANT, 46, "metadata.user_api_key_org_id", text),
    Row(f.RESPONSE_ID, 60, "litellm.call_id", text),
    Row(f.RESPONSE_CACHE, 50, "cache_hit", boolean),
    Row(f.RESPONSE_CACHE, 52, "metadata.cache_hit", boolean),
]
BLOBS = [Blob("hidden_params", hidden_params), Blob("metadata.usage_object", said_usage)]
