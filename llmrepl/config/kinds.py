"""What a setting can hold: for each kind, how it is read, checked and written as TOML.

`read` turns a text (a variable, an argument) into what a TOML file would hold; `parse` turns that
into the setting's value or raises `Unaccepted`; `write` turns the value back into TOML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from llmrepl.config import key_names
from llmrepl.errors import ConfigError
from llmrepl.purposes import PURPOSES, RULES, Chain

UNITS = {
    "": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
"""Bytes of each unit a size may have."""

SHORTEST = 8
"""Characters of the shortest secret; `llmrepl.redaction` passes over shorter ones."""

_SHOWN = 60  # characters of a wrong value that an error message repeats
# Patterns stay texts: only those that a configuration needs are compiled.
_SIZE = r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_MODEL = r"[^/\s]+/\S.*"
_URL = r"https?://[^\s/]+\S*"
_LABEL = r"[A-Za-z0-9_-]+"
_REGION = r"[a-z0-9][a-z0-9-]*"
_REGIONS = 'in lower case, such as "eu" or "us"'
_RECIPIENT = r"keyring|age1[02-9ac-hj-np-z]{58}"
_HOST = rf"((?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{{1,5}}))?"
_WORDS = {
    "true": True, "yes": True, "on": True, "1": True,
    "false": False, "no": False, "off": False, "0": False,
}  # fmt: skip


class Unaccepted(ValueError):
    """A value that a kind does not accept; the text, where there is one, says what of it."""


class Kind(NamedTuple):
    """One kind of value. `accepts` completes the sentence "accepted: …"."""

    accepts: str
    read: Callable[[str], Any]
    parse: Callable[[Any], Any]
    write: Callable[[Any], str]


class Secret(str):
    """A text that does not show itself by accident; `str(secret)` is the text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('********')"


_TYPES: dict[type, str] = {
    bool: "a boolean",
    int: "a whole number",
    Decimal: "a number",
    float: "a number",
    str: "a text",
    list: "an array",
    tuple: "an array",
    dict: "a table",
}


def describe(value: Any, *, hidden: bool = False) -> str:
    """Return what was found, for an error message: its type, and its TOML unless it is hidden."""
    kind = _TYPES.get(type(value), "a date or time")
    if hidden:
        return kind
    shown = literal(value)
    if len(shown) > _SHOWN:
        shown = shown[: _SHOWN - 1] + "…"
    return f"{shown} ({kind})"


def literal(value: Any) -> str:
    """Return any value that TOML has a form for, in that form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Path):
        return quoted(str(value))
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key_literal(k)} = {literal(v)}" for k, v in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return str(value)


def quoted(text: str) -> str:
    """Return `text` as a TOML basic string."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(c) or _visible(c) for c in text) + '"'


def key_literal(name: str) -> str:
    """Return one part of a dotted key, in quotes where it needs them."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)


def dotted(path: tuple[str, ...]) -> str:
    """Return a dotted key as TOML writes it."""
    return ".".join(map(key_literal, path))


def size_text(count: int) -> str:
    """Return a number of bytes with the largest unit that divides it: 1073741824 is 1GiB."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if count and count % UNITS[unit] == 0:
            return f"{count // UNITS[unit]}{unit}"
    return str(count)


def _visible(character: str) -> str:
    return f"\\u{ord(character):04x}" if character < " " or character == "\x7f" else character


def _as_is(text: str) -> Any:
    return text


def _whole(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text


def _decimal(text: str) -> Any:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _boolean(text: str) -> Any:
    return _WORDS.get(text.lower(), text)


def _split(separator: str) -> Callable[[str], Any]:
    return lambda text: [item.strip() for item in text.split(separator) if item.strip()]


def _any(text: str) -> Any:
    """Return the TOML value that `text` is, or the text itself."""
    import tomllib

    try:
        return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        return text


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Unaccepted
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unaccepted("it is not Unicode text") from None
    return value


def _secret(value: Any) -> Secret:
    return Secret(_text(value))


def _secrets(value: Any) -> tuple[Secret, ...]:
    if not isinstance(value, list | tuple):
        raise Unaccepted
    for number, item in enumerate(value, 1):
        if len(_text(item).strip()) < SHORTEST:
            raise Unaccepted(f"number {number} is shorter")  # and what it is, nobody needs to see
    return tuple(map(Secret, dict.fromkeys(value)))


def _matching(pattern: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if not re.fullmatch(pattern, _text(value)):
            raise Unaccepted
        return str(value)

    return parse


def _path(value: Any) -> Path:
    text = str(value) if isinstance(value, Path) else _text(value)
    if "\0" in text:
        raise Unaccepted
    return Path(text)


def _host(value: Any) -> str:
    match = re.fullmatch(_HOST, _text(value))
    if match is None or int(match[2] or 1) not in range(1, 65536):
        raise Unaccepted
    return str(value).lower()


def _each(parse: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def parse_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise Unaccepted
        found = []
        for item in value:
            try:
                found.append(parse(item))
            except Unaccepted:
                raise Unaccepted(f"{describe(item)} is none") from None
        return tuple(dict.fromkeys(found))

    return parse_all


def _model(value: Any) -> str:
    if value in RULES:
        return str(value)
    return _matching(_MODEL)(value)


def _chosen(value: Any) -> str:
    return str(value) if value in PURPOSES else _model(value)


def _chain(value: Any) -> Chain:
    groups = value if isinstance(value, list | tuple) else [value]
    found: list[tuple[str, ...]] = []
    for group in groups:
        equals = group if isinstance(group, list | tuple) else [group]
        if not equals or (len(equals) > 1 and any(each in RULES for each in equals)):
            raise Unaccepted(f"{describe(group)} is none")
        found.append(_each(_model)(equals))
    if not found:
        raise Unaccepted
    return tuple(found)


def _write_chain(chain: Chain) -> str:
    return literal([group[0] if len(group) == 1 else group for group in chain])


def _key(value: Any) -> str:
    try:
        return key_names.canonical(_text(value))
    except ValueError as exc:
        raise Unaccepted(str(exc)) from None


def _keys(value: Any) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(dict.fromkeys(map(_key, value)))
    return (_key(value),)


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise Unaccepted
    return value


def _dollars(value: Any) -> Decimal:
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Unaccepted
    if not (number := Decimal(value)).is_finite():
        raise Unaccepted
    return number


def _number(value: Any) -> float:
    return float(_dollars(value))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unaccepted
    return value


def _size(value: Any) -> int:
    if type(value) is int:
        return value
    match = re.fullmatch(_SIZE, _text(value))
    if match is None or match[2] not in UNITS:
        raise Unaccepted
    return int(Decimal(match[1]) * UNITS[match[2]])


def _free(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple):
        return [_free(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _free(item) for key, item in value.items()}
    if not isinstance(value, str | int | float):
        raise Unaccepted
    return value


def _kind(
    accepts: str,
    parse: Callable[[Any], Any],
    read: Callable[[str], Any] = _as_is,
    write: Callable[[Any], str] = literal,
) -> Kind:
    return Kind(accepts, read, parse, write)


TEXT = _kind("a text that is not empty", _text)
SECRET = _kind("a text that is not empty", _secret)
SECRETS = _kind(f"a list of texts of {SHORTEST} characters or more", _secrets, _split(","))
HIDDEN = (SECRET, SECRETS)
"""What is never shown, in no error message either."""
CHOICE = _kind("", _text)
MODEL = _kind(
    f'"provider/model", {", ".join(RULES)}, or {", ".join(PURPOSES[:-1])} or {PURPOSES[-1]}',
    _chosen,
)
CHAIN = _kind(
    f'a list of "provider/model", of lists of equals, or of {", ".join(RULES)}',
    _chain,
    _split(","),
    _write_chain,
)
URL = _kind("an address that begins with http:// or https://", _matching(_URL))
NAME = _kind("the name of an environment variable", _matching(_NAME))
WORD = _kind("one word", _matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]*"))
WORDS = _kind("a list of words", _each(_matching(r"\w[\w.-]*")), _split(","))
REGION = _kind(f"a region as one word, {_REGIONS}", _matching(_REGION))
REGIONS = _kind(f"a list of regions, {_REGIONS}", _each(_matching(_REGION)), _split(","))
RECIPIENTS = _kind(
    "a list of `keyring` and age recipients", _each(_matching(_RECIPIENT)), _split(",")
)
NAMES = _kind("a list of names of environment variables", _each(_matching(_NAME)), _split(","))
HOSTS = _kind("a list of HOST or HOST:PORT", _each(_host), _split(","))
PATH = _kind("a path", _path)
PATHS = _kind("a list of paths", _each(_path), _split(":"))
KEYS = _kind(key_names.ACCEPTS, _keys, _split(","))
INTEGER = _kind("a whole number", _integer, _whole)
NUMBER = _kind("a number", _number, _decimal)
SECONDS = _kind("a number of seconds", _number, _decimal)
DOLLARS = _kind("a number of US dollars", _dollars, _decimal)
BOOLEAN = _kind("true or false", _flag, _boolean)
SIZE = _kind(
    'a number of bytes or a size such as "512MiB" or "1GiB"',
    _size,
    _whole,
    lambda count: quoted(size_text(count)),
)
ANY = _kind("a text, number, boolean, array or table", _free, _any)


def refused(where: str, key: str, found: str, accepts: str, detail: str = "") -> ConfigError:
    """Return the error for a value that is not accepted.

    Args:
        where: the file and line, the variable or the flag.
        key: the dotted key.
        found: what was found; see `describe`.
        accepts: what would be accepted instead.
        detail: which part of it is wrong.
    """
    reason = f": {detail}" if detail else ""
    return ConfigError(f"{where}: {key} is {found}{reason}", hint=f"accepted: {accepts}")
