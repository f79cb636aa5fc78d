"""What is the prompt of a model call made of, and how does it grow in a conversation? Pure.

Sizes are characters of the messages as they are stored: what a provider's tokenizer makes of each part nobody reports. In
proportion to them the input tokens that were reported are shared out.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tracestore.analysis.messages import Conversation, Message, Part
from tracestore.analysis.messages.parts import loads, plain

PARTS: Final = ("system", "tools", "history", "retrieved", "user", "tool_results")
KEPT_TURNS: Final = 4  # of the user: what is older counts as old history
DOCUMENT_CHARS_MIN: Final = 40  # a shorter text of a document stands in a prompt by chance

_MEDIA = frozenset({"image", "audio", "blob", "uri"})
_SYSTEM = frozenset({"system", "developer"})
_TOOLS = (
    "gen_ai.tool.definitions",
    "ai.prompt.tools",
    "mlflow.chat.tools",
)
_FLAT_TOOLS = ("llm.tools.", "llm.request.functions.")


@dataclass(frozen=True, slots=True)
class Composition:
    """Characters of each of PARTS. turn: how many answers of the model the prompt holds, and this one.

    tool_results: of all turns. history: what else was said in earlier turns, and by the model in this one. user: the last
    message of the user. old_history: of all but system and tools, what stands before the last KEPT_TURNS turns of the user.
    result_chars: each tool result by itself. media: parts that are no text, which have no size here.
    """

    chars: dict[str, int]
    turn: int
    old_history: int
    result_chars: tuple[int, ...]
    media: int

    @property
    def total(self) -> int:
        return sum(self.chars.values())

    def share(self, part: str) -> float | None:
        """0-1 of the whole prompt; None when nothing of it was captured."""
        return self.chars[part] / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a prompt. hash: equal for equal pieces. chars: its size."""

    hash: str
    chars: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """blocks: tools, system, messages, in the order in which providers cache them. offers_tools: it was given tools."""

    composition: Composition
    blocks: tuple[Block, ...]
    offers_tools: bool


def prompt_of(said: Conversation, attributes: Mapping[str, Any], documents: Collection[str] = ()) -> Prompt | None:
    """None: no message was captured."""
    composition = compose(said, attributes, documents)
    if composition is None:
        return None
    tools = "".join(tool_definitions(attributes))
    given = said.input_messages or ()
    apart = said.system_instructions if not any(one.role in _SYSTEM for one in given) else None
    blocks = [Block(tools, len(tools))] if tools else []
    blocks += [Block(repr(apart), _size(apart))] if apart else []
    blocks += [Block(one.hash, _size(one.parts)) for one in given]
    return Prompt(composition, tuple(blocks), bool(tools))


def compose(said: Conversation, attributes: Mapping[str, Any], documents: Collection[str] = ()) -> Composition | None:
    """The prompt of a call. documents: texts that retrievals of its trace found. None: no message was captured."""
    given = list(said.input_messages or ())
    if not given and not said.system_instructions:
        return None
    spoken = [one for one in given if one.role not in _SYSTEM]
    in_messages = sum(_size(one.parts) for one in given if one.role in _SYSTEM)
    asked = _last_asked(spoken)
    found, retrieved = _sorted_out(spoken, asked, documents)
    apart = 0 if in_messages else _size(said.system_instructions or ())
    chars = {
        **found,
        "system": in_messages + apart,
        "tools": sum(len(text) for text in tool_definitions(attributes)),
        "retrieved": retrieved,
    }
    return Composition(
        chars={name: chars.get(name, 0) for name in PARTS},
        turn=1 + sum(one.role == "assistant" for one in spoken),
        old_history=sum(_size(one.parts) for one in spoken[: _kept_from(spoken)]),
        result_chars=tuple(_length(part) for one in spoken for part in one.parts if part.type == "tool_call_response"),
        media=sum(part.type in _MEDIA for one in spoken for part in one.parts),
    )


def _sorted_out(spoken: Sequence[Message], asked: int | None, documents: Collection[str]) -> tuple[dict[str, int], int]:
    """Characters of user, history and tool results; and of documents, which are taken off the texts they stand in."""
    long = sorted({text for text in documents if len(text) >= DOCUMENT_CHARS_MIN}, key=len, reverse=True)
    chars = {"user": 0, "history": 0, "tool_results": 0}
    retrieved = 0
    for index, one in enumerate(spoken):
        for part in one.parts:
            kind = _kind(part, index == asked)
            quoted = _length(part) if part.type == "file" else _quoted(part, long)
            chars[kind] += _length(part) - quoted
            retrieved += quoted
    return chars, retrieved


def _kind(part: Part, is_asked: bool) -> str:
    if part.type == "tool_call_response":
        return "tool_results"
    return "user" if is_asked else "history"


def _quoted(part: Part, documents: Sequence[str]) -> int:
    """How much of a text are documents. The longest first, and each of their places once."""
    if part.type != "text" or not documents:
        return 0
    text, quoted = plain(part.content), 0
    for one in documents:
        times = text.count(one)
        if times:
            quoted += times * len(one)
            text = text.replace(one, "\0")
    return quoted


def _last_asked(spoken: Sequence[Message]) -> int | None:
    """Where the user spoke last; results that a provider puts into a message of the user are not his words."""
    return next((index for index in reversed(range(len(spoken))) if _asks(spoken[index])), None)


def _asks(one: Message) -> bool:
    return one.role == "user" and any(part.type != "tool_call_response" for part in one.parts)


def _kept_from(spoken: Sequence[Message]) -> int:
    """Where the last KEPT_TURNS turns of the user begin; 0 when there are not more."""
    turns = [index for index, one in enumerate(spoken) if _asks(one)]
    return turns[-KEPT_TURNS] if len(turns) > KEPT_TURNS else 0


def _size(parts: Iterable[Part]) -> int:
    return sum(map(_length, parts))


def _length(part: Part) -> int:
    """Characters of what a part says. An image is not text: its tokens have nothing to do with its bytes."""
    if part.type in _MEDIA:
        return 0
    given = (part.content, part.arguments, part.result)
    return sum(len(plain(value)) for value in given if value is not None and not isinstance(value, bytes))


def tool_definitions(attributes: Mapping[str, Any]) -> Iterator[str]:
    """The definitions of tools that a call was given, as they were sent; of the first attribute that holds some."""
    for key in _TOOLS:
        if attributes.get(key):
            yield plain(attributes[key])
            return
    parameters, _ = loads(attributes.get("model_request_parameters"))  # of Pydantic AI
    if isinstance(parameters, dict) and parameters.get("function_tools"):
        yield plain(parameters["function_tools"])
        return
    yield from (plain(value) for key, value in sorted(attributes.items()) if key.startswith(_FLAT_TOOLS))


def documents_found(attributes: Mapping[str, Any]) -> list[str]:
    """Texts of the documents that a retrieval or rerank span found, as far as its attributes are flat."""
    return [
        value
        for key, value in attributes.items()
        if isinstance(value, str) and key.endswith(".document.content") and ".documents." in f".{key}".replace("_", ".")
    ]


def in_tokens(composition: Composition, input_tokens: int) -> dict[str, int]:
    """The reported input tokens, shared out in proportion to characters; they add up to input_tokens exactly."""
    total = composition.total
    if not total:
        return dict.fromkeys(PARTS, 0)
    exact = {name: divmod(input_tokens * chars, total) for name, chars in composition.chars.items()}
    missing = input_tokens - sum(whole for whole, _ in exact.values())
    largest = sorted(PARTS, key=lambda name: -exact[name][1])[:missing]
    return {name: whole + (name in largest) for name, (whole, _) in exact.items()}
