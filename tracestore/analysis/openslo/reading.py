"""Which documents does a YAML file hold? Bounded before anything is built; the scalars of YAML 1.2, so no dates and no `yes`."""

import re
from typing import Any, Final

import yaml

from tracestore.analysis.openslo.notes import Document

MAX_BYTES: Final = 1024 * 1024
MAX_NODES: Final = 100_000  # aliases written out
MAX_DEPTH: Final = 32
MAX_DOCUMENTS: Final = 2_000
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


class Unreadable(ValueError):
    """It is no YAML, or more of it than is read; the text says what to do."""


def read_documents(text: str) -> list[Document]:
    """The documents that are not empty, numbered as they stand; a list is several. Raises Unreadable."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise Unreadable(f"The file is larger than {MAX_BYTES // 1024} KiB; apply it in parts.")
    try:
        _measure(text)
        found = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise Unreadable(f"This is no YAML: {_sentence(error)}") from error
    except (RecursionError, ValueError) as error:
        raise error if isinstance(error, Unreadable) else Unreadable("This is no YAML that can be read.") from error
    bodies = [body for one in found for body in (one if isinstance(one, list) else [one])]
    return [_document(number, body) for number, body in enumerate(bodies, 1) if body is not None]


def _document(number: int, body: object) -> Document:
    if not isinstance(body, dict):
        raise Unreadable(f"document {number}: must be an object with apiVersion, kind, metadata and spec.")
    return Document(number, body)


def _sentence(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be parsed"
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}{problem}."


class _Size:
    """How much a stream of events comes to when its aliases are written out."""

    def __init__(self) -> None:
        self.nodes = 0
        self.documents = 0
        self.open: list[tuple[str | None, int]] = []  # (anchor, nodes before it)
        self.anchors: dict[str, int] = {}

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            self.anchors = {}
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "")
        elif isinstance(event, yaml.CollectionStartEvent):
            self.nodes += 1
            self.open.append((event.anchor, self.nodes))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self.open.pop()
            if anchor:
                self.anchors[anchor] = self.nodes - before + 1
        elif isinstance(event, yaml.ScalarEvent):
            self.nodes += 1
            if _UNSTORABLE.search(event.value):
                raise Unreadable(
                    "It holds a character that no stored text can hold (NUL, half a surrogate); remove it."
                )
            if event.anchor:
                self.anchors[event.anchor] = 1
        self._check()

    def _alias(self, anchor: str) -> None:
        if any(name == anchor for name, _ in self.open):
            raise Unreadable(f"The alias *{anchor} stands within what it names; write it out.")
        self.nodes += self.anchors.get(anchor, 1)

    def _check(self) -> None:
        if len(self.open) > MAX_DEPTH:
            raise Unreadable(f"It is nested deeper than {MAX_DEPTH} levels.")
        if self.nodes > MAX_NODES:
            raise Unreadable(f"It holds more than {MAX_NODES} values, aliases written out; apply it in parts.")
        if self.documents > MAX_DOCUMENTS:
            raise Unreadable(f"It holds more than {MAX_DOCUMENTS} documents; apply it in parts.")


def _measure(text: str) -> None:
    size = _Size()
    for event in yaml.parse(text, Loader=_BASE):
        size.take(event)


_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE):  # type: ignore[misc]
    """Refuses keys that stand twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        for key in keys:
            if keys.count(key) > 1:
                raise Unreadable(f"line {node.start_mark.line + 1}: the key {key[:40]} stands twice.")
        built: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return {str(key): value for key, value in built.items()}


_SCALARS = (
    ("tag:yaml.org,2002:null", r"(?:~|null|Null|NULL|)", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"(?:true|True|TRUE|false|False|FALSE)", list("tTfF")),
    ("tag:yaml.org,2002:int", r"[-+]?(?:0|[1-9][0-9]{0,17})", list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:[0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18}|[0-9]{1,18}(?=[eE]))(?:[eE][-+]?[0-9]{1,2})?",
        list("-+.0123456789"),
    ),
    ("tag:yaml.org,2002:merge", r"<<", ["<"]),
)


def write_documents(documents: list[dict[str, Any]]) -> str:
    """As YAML that reads back as it was, keys in the order given."""
    return str(yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


class _Dumper(yaml.SafeDumper):
    """Writes everything out, without aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """In quotes with escapes where a character is none that one sees: some of them end lines, to YAML."""
        plain = text.isprintable() or text.replace("\n", "").isprintable()
        node: yaml.ScalarNode = self.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')
        return node


_Dumper.add_representer(str, _Dumper.represent_text)
for _tag, _pattern, _first in _SCALARS:
    for _class in (_Loader, _Dumper):  # the writer quotes what either YAML would take for something else
        _class.add_implicit_resolver(_tag, re.compile(rf"{_pattern}\Z"), _first)
