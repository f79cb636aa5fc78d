"""Which model is it, whatever prefix, region or date its name carries?"""

import re
from functools import lru_cache

_ROUTES = ("models/", "publishers/", "accounts/fireworks/models/", "hf:", "litellm_proxy/")
_REGION = re.compile(r"^(?:us|eu|apac|ap|global|jp|au|ca|us-gov|[a-z]{2}-[a-z]+-\d)\.(?=[a-z0-9]+\.)")
_VENDOR = re.compile(r"^(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen|writer|stability|google)\.")
_ARN = re.compile(r"^arn:aws[\w-]*:bedrock:[^:]*:[^:]*:(?:inference-profile|foundation-model)/")
_DEPLOYMENT = re.compile(r"(?:-v\d+)?(?::\d+)?$")
_DATE = re.compile(r"[-@](?:20\d{2}-\d{2}-\d{2}|20\d{6}|\d{4}(?=$)|latest)$")


@lru_cache(maxsize=8192)
def canonical_model(name: str | None) -> str | None:
    """One name for one model: lower case, without provider or route, region, deployment version, date or `-latest`.

    `openai/gpt-4o-2024-08-06` -> `gpt-4o`; `us.anthropic.claude-3-5-haiku-20241022-v1:0` -> `claude-3-5-haiku`.
    None when there is no name.
    """
    bare = bare_model(name)
    if bare is None:
        return None
    return _DATE.sub("", bare) or bare


@lru_cache(maxsize=8192)
def bare_model(name: str | None) -> str | None:
    """The name without provider or route, region and deployment version, its date kept: what price lists match."""
    if not name or not name.strip():
        return None
    lowered = _ARN.sub("", name.strip().lower())
    for route in _ROUTES:
        lowered = lowered.removeprefix(route)
    lowered = lowered.rsplit("/", 1)[-1] or lowered
    lowered = _VENDOR.sub("", _REGION.sub("", lowered))
    return _DEPLOYMENT.sub("", lowered) or lowered
