"""The rules as the table in docs/conventions.md. `python -m tests.conventions.listing` prints it, to be pasted there."""

import re

from ingest.conventions import fields as f
from ingest.conventions.rules import _BLOBS, _ROWS

BLOB_FIELDS = {
    "metadata": "session_id user_id tenant_id agent_name prompt_name prompt_version response_cache_hit provider",
    "llm.invocation_parameters": "request_model streaming",
    "langfuse.observation.usage_details": "all tokens",
    "langfuse.observation.cost_details": "reported_cost_nanousd",
    "ai.response.providerMetadata": "cache_read_tokens cache_creation_tokens",
    "model_request_parameters": "tools",
    "gen_ai.usage.raw": "all tokens",
    "langsmith.metadata.usage_metadata": "all tokens",
    "mlflow.chat.tokenUsage": "all tokens",
    "mlflow.llm.cost": "reported_cost_nanousd",
    "mlflow.spanInputs": "request_model",
    "mlflow.linkedPrompts": "prompt_name prompt_version",
    "hidden_params": "response_cache_hit",
    "metadata.usage_object": "all tokens",
    "crewai.crew.token_usage": "all tokens",
}
_NUMBERED = re.compile(r"\.\d+\.")


def lines() -> list[str]:
    table = ["| field | attributes, best first |", "|---|---|"]
    for field, name in enumerate(f.NAMES):
        rows = sorted((row for row in _ROWS if row.field == field), key=lambda row: row.rank)
        keys = dict.fromkeys(_NUMBERED.sub(".N.", row.key) for row in rows)
        if keys:
            table.append(f"| {name} | {'; '.join(f'`{key}`' for key in keys)} |")
    table += ["", "| JSON attribute | fills |", "|---|---|"]
    table += [f"| `{blob.key}` | {BLOB_FIELDS[blob.key]} |" for blob in _BLOBS]
    return table


if __name__ == "__main__":
    print("\n".join(lines()))
