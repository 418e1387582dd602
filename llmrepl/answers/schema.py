"""A JSON Schema that answers have to hold to, from a file.

What is known of JSON Schema is what describes data. A schema with a keyword that is not known is
refused, so that nothing in it is ever passed over without a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from llmrepl.errors import ConfigError

Schema = Mapping[str, Any]

TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: TYPES["number"](value) and value == value // 1,
}
ONE = frozenset({"items", "additionalProperties", "not"})
SEVERAL = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
NAMED = frozenset({"properties", "$defs", "definitions"})
"""Keywords that hold a schema, a list of them, and schemas by name."""

SAYINGS = frozenset(
    {
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "format",
        "$schema",
        "$id",
        "$comment",
        "contentEncoding",
        "contentMediaType",
    }
)
"""Keywords that say something and ask for nothing."""

SIZES: dict[str, tuple[str, Callable[[Any, Any], bool], str]] = {
    "minLength": ("string", lambda value, size: len(value) >= size, "characters at least"),
    "maxLength": ("string", lambda value, size: len(value) <= size, "characters at most"),
    "minItems": ("array", lambda value, size: len(value) >= size, "items at least"),
    "maxItems": ("array", lambda value, size: len(value) <= size, "items at most"),
    "minProperties": ("object", lambda value, size: len(value) >= size, "properties at least"),
    "maxProperties": ("object", lambda value, size: len(value) <= size, "properties at most"),
    "minimum": ("number", lambda value, size: value >= size, "at least"),
    "maximum": ("number", lambda value, size: value <= size, "at most"),
    "exclusiveMinimum": ("number", lambda value, size: value > size, "more"),
    "exclusiveMaximum": ("number", lambda value, size: value < size, "less"),
}
"""Keywords with a number: the type it is for, what it asks, and how that is said."""

LISTS = frozenset({"enum", "required"})
KNOWN = frozenset({"type", "const", "pattern", "uniqueItems", "$ref"}) | LISTS | SIZES.keys()
ACCEPTED = "accepted: an object with JSON Schema's keywords for data"


def load_schema(path: Path) -> dict[str, Any]:
    """Return the schema in a file.

    Raises:
        ConfigError: it cannot be read, is no schema, or asks for what could not be checked.
    """
    try:
        schema = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="--schema takes a file") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}", hint=ACCEPTED) from None
    problem = "it is no object"
    if isinstance(schema, dict):
        try:
            problem = next(_problems(schema, schema, ""), "")
        except RecursionError:
            problem = "it is too deep"
    if problem:
        raise ConfigError(
            f"{path} is no JSON Schema that answers can hold to: {problem}", hint=ACCEPTED
        )
    found: dict[str, Any] = schema
    return found


def _problems(schema: Any, whole: Schema, at: str) -> Iterator[str]:
    """Yield what is wrong with a schema."""
    where = at or "/"
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield f"{where} is neither an object nor true or false"
        return
    for name, value in schema.items():
        place = f"{at}/{name}"
        parts = _schemas_in(name, value)
        if parts is None:
            yield f"{place} does not hold schemas as it should"
        elif parts:
            for step, each in parts.items():
                yield from _problems(each, whole, f"{place}{step}")
        elif name in KNOWN:
            if problem := _problem(name, value, whole):
                yield f"{place} {problem}"
        elif name not in SAYINGS | NAMED:
            yield f"{where} has {name!r}, which is not checked here"


def _schemas_in(name: str, value: Any) -> dict[str, Any] | None:
    """Return the schemas in a keyword's value by their place; None where it should have some."""
    if name in ONE:
        return {"": value}
    if name in SEVERAL:
        listed = isinstance(value, list) and value
        return {f"/{number}": each for number, each in enumerate(value)} if listed else None
    if name in NAMED:
        named = isinstance(value, dict)
        return {f"/{key}": each for key, each in value.items()} if named else None
    return {}


def _problem(name: str, value: Any, whole: Schema) -> str:
    """Return what is wrong with the value of a keyword that holds no schema."""
    if name == "type":
        kinds = value if isinstance(value, list) and value else [value]
        if not all(isinstance(kind, str) and kind in TYPES for kind in kinds):
            return f"is none of {', '.join(TYPES)}"
    elif name in LISTS and not isinstance(value, list):
        return "is not a list"
    elif name == "required" and not all(isinstance(each, str) for each in value):
        return "is not a list of names"
    elif name == "uniqueItems" and not isinstance(value, bool):
        return "is neither true nor false"
    elif name in SIZES and not TYPES["number"](value):
        return "is not a number"
    elif name == "pattern":
        try:
            re.compile(value)
        except (re.error, TypeError) as error:
            return f"is no regular expression: {error}"
    elif name == "$ref":
        return _lost(value, whole)
    return ""


def _lost(reference: Any, whole: Schema) -> str:
    """Return why a reference leads nowhere; it may not lead to another one straight away."""
    seen: list[Any] = []
    while reference is not None:
        if reference in seen:
            return "leads to itself"
        seen.append(reference)
        try:
            found = referred(reference, whole)
        except (LookupError, ValueError, TypeError, AttributeError):
            return "leads nowhere: it has to be like #/$defs/name"
        reference = found.get("$ref") if isinstance(found, dict) else None
    return ""


def referred(reference: str, whole: Schema) -> Any:
    """Return the schema that a reference means.

    Raises:
        LookupError, ValueError, TypeError, AttributeError: there is none.
    """
    head, *names = unquote(reference).split("/")
    if head != "#":
        raise ValueError(reference)
    found: Any = whole
    for name in names:
        key = name.replace("~1", "/").replace("~0", "~")
        found = found[int(key)] if isinstance(found, list) else found[key]
    if not isinstance(found, dict | bool):
        raise TypeError(reference)
    return found
