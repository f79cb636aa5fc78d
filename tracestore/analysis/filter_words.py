"""How is the text of a filter cut into words? (The language: tracestore.analysis.filters.)"""

import re
from dataclasses import dataclass

_FIELD = re.compile(r'[^\s():"]*:')
_VALUE = re.compile(r'[^\s()"]*')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class FilterError(ValueError):
    """The filter cannot be read. position: 1-based character where it went wrong. str() tells the user what to do."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position} of the filter)")
        self.position = position


class FilterTooWide(FilterError):
    """The filter is understood, but answering it over so long a range would read too many rows."""

    def __init__(self, message: str) -> None:
        ValueError.__init__(self, message)
        self.position = 1


@dataclass(frozen=True, slots=True)
class Token:
    """kind: "(" ")" "-" "OR" "AND" "word". field, key: what stood before the colon. star: a `*` stood at the end."""

    kind: str
    position: int
    value: str = ""
    field: str | None = None
    key: str | None = None
    quoted: bool = False
    star: bool = False


def tokens(q: str) -> list[Token]:
    scanner = _Scanner(q)
    found: list[Token] = []
    while (token := scanner.next()) is not None:
        found.append(token)
    return found


class _Scanner:
    """Cuts the text into tokens. `at` is the 0-based place of the next character."""

    def __init__(self, q: str) -> None:
        self.q = q
        self.at = 0

    def next(self) -> Token | None:
        while self.at < len(self.q) and self.q[self.at].isspace():
            self.at += 1
        if self.at >= len(self.q):
            return None
        start = self.at
        if self.q[start] in "()":
            self.at += 1
            return Token(self.q[start], start + 1)
        if self.q[start] == "-" and not self._ends_word(start + 1):
            self.at += 1
            return Token("-", start + 1)
        return self._word(start)

    def _ends_word(self, at: int) -> bool:
        return at >= len(self.q) or self.q[at].isspace() or self.q[at] == ")"

    def _word(self, start: int) -> Token:
        field, key = self._field(start)
        value, quoted, star = self._value(start, field)
        if field is None and not quoted and value in ("OR", "AND"):
            return Token(value, start + 1)
        return Token("word", start + 1, value, field, key, quoted, star)

    def _field(self, start: int) -> tuple[str | None, str | None]:
        """What stands before the colon, if there is one; leaves `at` behind the colon."""
        if self.q.startswith('attr."', start):
            self.at = start + len("attr.")
            key = self._quoted()
            if not self.q.startswith(":", self.at):
                raise FilterError('A colon and a value must follow the key: attr."my key":value', self.at + 1)
            self.at += 1
            return "attr", key
        found = _FIELD.match(self.q, start)
        if found is None:
            return None, None
        self.at = found.end()
        name = found.group()[:-1]
        if name.startswith("attr."):
            return "attr", name[len("attr.") :]
        return name, None

    def _value(self, start: int, field: str | None) -> tuple[str, bool, bool]:
        """(value, was it quoted, did a `*` end it)."""
        if self.q.startswith('"', self.at):
            value = self._quoted()
            star = self.q.startswith("*", self.at)
            self.at += star
            if not (self._ends_word(self.at) or self.q[self.at] == "("):
                raise FilterError("A space must follow the closing quote", self.at + 1)
            return value, True, star
        found = _VALUE.match(self.q, self.at)
        assert found is not None
        self.at = found.end()
        if self.q.startswith('"', self.at):
            raise FilterError('Put the whole value in quotes: name:"two words"', self.at + 1)
        return self._without_star(found.group(), found.start())

    def _without_star(self, value: str, start: int) -> tuple[str, bool, bool]:
        place = value.find("*")
        if 0 <= place < len(value) - 1:
            raise FilterError(
                "`*` may stand only at the end; put the value in quotes to mean the character", start + place + 1
            )
        return value.removesuffix("*"), False, place >= 0

    def _quoted(self) -> str:
        r"""The text in quotes that begins at `at`; \" and \\ stand for the characters themselves."""
        found = _QUOTED.match(self.q, self.at)
        if found is None:
            raise FilterError("A quote is opened and never closed", self.at + 1)
        self.at = found.end()
        return re.sub(r"\\(.)", r"\1", found.group(1), flags=re.DOTALL)


def quoted(value: str) -> str:
    """A value for a filter term, in quotation marks where it needs them."""
    if value and all(character.isalnum() or character in "-_./@" for character in value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
