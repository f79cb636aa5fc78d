"""What a project's redaction rules do to one text and to one attribute key. Pure; ingest.redact walks records with it.

There are no user-written regexes: every pattern here is ours and linear, at most 0.2 us a byte on the worst text we
know. What may repeat without a bound begins only where a run of its characters begins (a look-behind) and never gives
back what it took (`++`), so that no character is read more than a few times. Texts are often JSON inside an attribute,
so nothing is ever cut in the middle of an escape (`\\nbob@x.org` keeps its `\\n`), and exact texts are found in their
escaped form too. A rule cannot see what an emitter hid in base64 or split over two attributes.
"""

import hashlib
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

# A run of backslashes and what it escapes, also one level deeper (JSON inside JSON).
ESCAPE = r"\\\\*(?:u[0-9A-Fa-f]{4}|.)"
SPLIT_AT_ESCAPES = re.compile(f"({ESCAPE})", re.DOTALL)
MIN_TEXT_CHARS = 3
HASH_BYTES = 12
UNSAFE_IN_REPLACEMENT = re.compile(r'["\\\x00-\x1f\x7f]')


class Rule(Protocol):
    """As tracestore.queries.access.RuleRow."""

    @property
    def kind(self) -> str: ...
    @property
    def pattern(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def replacement(self) -> str: ...


@dataclass(frozen=True, slots=True)
class KeyAction:
    """What becomes of a whole attribute: dropped, or its value replaced.

    secret: None, or what the value is hashed with, so that equal values stay equal and nobody can guess them.
    """

    drop: bool
    replacement: str
    secret: bytes | None = None

    def value(self, sent: object) -> str:
        """What is stored instead of the value: the replacement, or `hash:` and 24 hex digits."""
        if self.secret is None:
            return self.replacement
        text = sent if isinstance(sent, str) else json.dumps(sent, sort_keys=True, default=repr)
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self.secret, digest_size=HASH_BYTES)
        return f"hash:{digest.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Detector:
    """One kind of personal or secret text. needs: none of these in a text means no match (a cheap first look)."""

    label: str
    pattern: re.Pattern[str]
    needs: tuple[str, ...]
    accept: Callable[[str], bool] = bool
    across: re.Pattern[str] | None = None  # looked for over escapes: it holds line breaks itself


def _luhn(text: str) -> bool:
    """Whether the digits are a card number: ISO/IEC 7812 check digit."""
    digits = [int(char) for char in text if char.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _iban(text: str) -> bool:
    """Whether the check digits hold: ISO 13616, mod 97."""
    compact = text.replace(" ", "")
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def _phone(text: str) -> bool:
    return 8 <= sum(char.isdigit() for char in text) <= 15


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return text != "::"


DIGITS = tuple("0123456789")
OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
SECRETS = (
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # AWS access key ids
    r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{20,200}",  # OpenAI, Anthropic and those that copied them
    r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_-]{20,64}",
    r"xox[abeprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}",  # Stripe
    r"hf_[A-Za-z0-9]{30,64}|lsv2_[a-z]{2}_[A-Za-z0-9_]{32,80}|[sp]k-lf-[0-9a-f-]{36}",
    r"fl_[a-z0-9]{8}_[A-Za-z0-9_-]{43}",  # ours
)
LOCAL, DOMAIN = "[A-Za-z0-9._%+-]", "[A-Za-z0-9-]"  # of an e-mail address
BASE64URL = "[A-Za-z0-9_-]"  # base64url
PRIVATE_KEY = (  # within one text of a JSON text: a quote ends it, and so does another BEGIN
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    r'[^"-]*+(?:-(?!----(?:BEGIN|END))[^"-]*+)*+'
    r"-----END [A-Z ]{0,30}PRIVATE KEY-----"
)
DETECTORS: dict[str, Detector] = {
    "email": Detector(
        "E-mail addresses",
        re.compile(rf"(?<!{LOCAL}){LOCAL}++@{DOMAIN}++(?:\.{DOMAIN}++)++"),
        ("@",),
    ),
    "phone": Detector(
        "Phone numbers",
        re.compile(r"(?<![\w+])(?:\+\d[\d ().-]{6,20}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})(?!\w)", re.ASCII),
        DIGITS,
        _phone,
    ),
    "card": Detector("Card numbers", re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)", re.ASCII), DIGITS, _luhn),
    "iban": Detector(
        "Bank account numbers (IBAN)",
        re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])", re.ASCII),
        DIGITS,
        _iban,
    ),
    "ip": Detector(
        "IP addresses",
        re.compile(
            rf"(?<![\w.])(?:{OCTET}\.){{3}}{OCTET}(?!\w|\.\d)"
            r"|(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15}(?![\w:])",
            re.ASCII,
        ),
        (".", ":"),
        _address,
    ),
    "jwt": Detector(
        "JSON web tokens",
        re.compile(
            rf"(?<!{BASE64URL})(?={BASE64URL}*?eyJ{BASE64URL}{{5}}){BASE64URL}++"
            rf"\.{BASE64URL}{{5,}}+\.{BASE64URL}*+"
        ),
        ("eyJ",),
    ),
    "secret": Detector(
        "Access keys and private keys",
        re.compile("|".join(SECRETS)),
        ("-", "_", "A"),
        across=re.compile(PRIVATE_KEY),
    ),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """A project's rules, compiled once. Falsy when there is nothing to do."""

    exact: re.Pattern[str] | None
    replacements: dict[str, str]
    detectors: tuple[tuple[str, str], ...]  # (name in DETECTORS, replacement)
    keys: tuple[tuple[Callable[[str], bool], KeyAction], ...]

    @classmethod
    def compile(cls, rules: Sequence[Rule], secret: bytes = b"") -> "Rules":
        """secret: of the project, for rules that hash; at most 64 bytes.

        Rules of an unknown kind or detector raise ValueError: never store what someone asked to hide.
        """
        replacements = {
            form: rule.replacement for rule in rules if rule.kind == "text" for form in _forms(rule.pattern)
        }
        exact = _any_of(replacements)
        detectors = tuple((rule.pattern, rule.replacement) for rule in rules if rule.kind == "detector")
        keys = tuple((_key_test(rule.pattern), _key_action(rule, secret)) for rule in rules if rule.kind == "key")
        for rule in rules:
            check(rule.kind, rule.pattern, rule.replacement)
        return cls(re.compile(f"{exact}|{ESCAPE}", re.DOTALL) if exact else None, replacements, detectors, keys)

    def __bool__(self) -> bool:
        return bool(self.exact or self.detectors or self.keys)

    def text(self, value: str) -> str:
        """The text without what the exact texts and detectors find in it."""
        if self.exact is not None:
            value = self.exact.sub(lambda match: self.replacements.get(match[0], match[0]), value)
        for name, replacement in self.detectors:
            value = _detect(name, replacement, value)
        return value

    def key(self, name: str) -> KeyAction | None:
        """What becomes of an attribute with this key; the first rule that matches decides."""
        return next((action for test, action in self.keys if test(name)), None)


def check(kind: str, pattern: str, replacement: str) -> None:
    """Raises ValueError, with a text for the person, when a rule cannot work."""
    if UNSAFE_IN_REPLACEMENT.search(replacement):
        raise ValueError("The replacement may not hold quotes, backslashes or control characters: it stands in JSON.")
    if kind == "detector" and pattern not in DETECTORS:
        raise ValueError(f"There is no detector of this name. There are: {', '.join(DETECTORS)}.")
    if kind == "text" and len(pattern) < MIN_TEXT_CHARS:
        raise ValueError(f"An exact text needs at least {MIN_TEXT_CHARS} characters.")
    if kind == "key" and (not pattern.strip("*") or "*" in pattern.strip("*")):
        raise ValueError("An attribute key may have * at its beginning or end only, and needs more than that.")
    if kind not in ("detector", "text", "key"):
        raise ValueError("A rule is a detector, an exact text or an attribute key.")


def _forms(text: str) -> set[str]:
    """The text as it stands, and as JSON writers escape it."""
    return {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _any_of(texts: Iterable[str]) -> str:
    """A pattern of any of the texts, longer ones first.

    One alternative for each first character, a literal: re skips what no text begins with, and tries few elsewhere.
    """
    rests: dict[str, list[str]] = {}
    for text in sorted(texts, key=len, reverse=True):
        rests.setdefault(text[0], []).append(re.escape(text[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in rests.items())


def _key_action(rule: Rule, secret: bytes) -> KeyAction:
    return KeyAction(rule.action == "drop", rule.replacement, secret if rule.action == "hash" else None)


def _key_test(pattern: str) -> Callable[[str], bool]:
    core = pattern.strip("*")
    if pattern.startswith("*") and pattern.endswith("*"):
        return lambda name: core in name
    if pattern.startswith("*"):
        return lambda name: name.endswith(core)
    if pattern.endswith("*"):
        return lambda name: name.startswith(core)
    return lambda name: name == core


def _detect(name: str, replacement: str, value: str) -> str:
    detector = DETECTORS[name]
    if not any(need in value for need in detector.needs):
        return value

    def replace(match: re.Match[str]) -> str:
        return replacement if detector.accept(match[0]) else match[0]

    if detector.across is not None:
        value = detector.across.sub(lambda _: replacement, value)
    if "\\" not in value:
        return detector.pattern.sub(replace, value)
    pieces = SPLIT_AT_ESCAPES.split(value)
    pieces[::2] = [detector.pattern.sub(replace, piece) for piece in pieces[::2]]
    return "".join(pieces)
