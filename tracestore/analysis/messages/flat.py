"""Flattened attributes (`llm.input_messages.0.message.role`, `gen_ai.prompt.0.content`) back to lists of objects."""

from collections.abc import Mapping
from typing import Any

INDEX_MAX = 10_000
DEPTH_MAX = 12


def unflatten(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """The objects at `prefix.N.`, in numeric order, gaps closed. Indexes over 10 000 and deeper than 12 are left out."""
    start = prefix + "."
    root: dict[str, Any] = {}
    for key, value in attributes.items():
        path = key[len(start) :].split(".") if key.startswith(start) else []
        if len(path) > 1 and len(path) <= DEPTH_MAX and _index(path[0]) is not None:
            _put(root, path, value)
    return [one for one in _listed(root) if isinstance(one, dict)] if root else []


def _index(step: str) -> int | None:
    return int(step) if step.isascii() and step.isdigit() and len(step) < 6 and int(step) < INDEX_MAX else None


def _put(root: dict[str, Any], path: list[str], value: Any) -> None:
    node = root
    for step in path[:-1]:
        below = node.get(step)
        if not isinstance(below, dict):
            below = node[step] = {}
        node = below
    node.setdefault(path[-1], value)


def _listed(node: Any) -> Any:
    """Objects whose keys are all indexes become lists."""
    if not isinstance(node, dict):
        return node
    if node and all(_index(key) is not None for key in node):
        return [_listed(node[key]) for key in sorted(node, key=int)]
    return {key: _listed(value) for key, value in node.items()}


def openinference(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`llm.*_messages.N` objects as chat messages."""
    return [_openinference(item.get("message")) for item in items if isinstance(item.get("message"), dict)]


def _openinference(found: Any) -> dict[str, Any]:
    message = {key: found[key] for key in ("role", "content", "name", "tool_call_id") if key in found}
    contents = found.get("contents")
    if isinstance(contents, list):
        message["content"] = [_content(one) for one in contents if isinstance(one, dict)]
    calls = found.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [one.get("tool_call", one) for one in calls if isinstance(one, dict)]
    if found.get("function_call_name"):
        arguments = found.get("function_call_arguments_json")
        message["function_call"] = {"name": found["function_call_name"], "arguments": arguments}
    return message


def _content(item: dict[str, Any]) -> dict[str, Any]:
    content = dict(item.get("message_content") or item)
    if isinstance(item.get("tool_call"), dict):  # beside message_content, not in it
        content = {**item["tool_call"], "type": "tool_use"}
    image = content.get("image")
    if isinstance(image, dict) and isinstance(image.get("image"), dict):
        content["image"] = image["image"]
    return content
