"""What is wrong with an answer that has to be JSON of a schema.

Where several things are, the first is enough to ask again with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from llmrepl.answers.schema import SIZES, TYPES, Schema, referred

FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*)\n```", re.DOTALL)


def json_in(text: str) -> str:
    """Return the JSON in an answer: all of it, or what it has between the marks of code."""
    text = text.strip()
    match = FENCE.fullmatch(text)
    return match[1].strip() if match else text


def fault_of(text: str, schema: Schema) -> str:
    """Return what is wrong with an answer, in a line; empty where it is JSON of the schema."""
    if not text:
        return "there is no answer"
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        return next(_faults(value, schema, schema, ""), "")
    except ValueError as error:
        return f"it is not JSON: {error}"
    except RecursionError:
        return "it is too deep"


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    return float(text) if isfinite(float(text)) else _no_number(text)


def _faults(value: Any, schema: Any, whole: Schema, at: str) -> Iterator[str]:
    """Yield what keeps a value from being one of the schema; `at` is its place in the answer."""
    where = at or "the whole"
    if isinstance(schema, bool):
        if not schema:
            yield f"{where} must not be there"
        return
    if "$ref" in schema:
        yield from _faults(value, referred(schema["$ref"], whole), whole, at)
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    if kinds and not any(TYPES[kind](value) for kind in kinds):
        yield f"{where} is not of type {' or '.join(kinds)}"
        return
    yield from _of_itself(value, schema, where)
    if isinstance(value, dict):
        yield from _in_object(value, schema, whole, at)
    if isinstance(value, list):
        yield from _in_list(value, schema, whole, at)
    yield from _of_several(value, schema, whole, at)


def _of_itself(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if "const" in schema and not same(value, schema["const"]):
        yield f"{where} is not {json.dumps(schema['const'])}"
    if "enum" in schema and not any(same(value, each) for each in schema["enum"]):
        yield f"{where} is none of {json.dumps(schema['enum'])}"
    for name, (kind, holds, said) in SIZES.items():
        if name in schema and TYPES[kind](value) and not holds(value, schema[name]):
            yield f"{where} has to be {said}: {schema[name]}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where} does not match {schema['pattern']}"


def _in_object(value: Mapping[str, Any], schema: Schema, whole: Schema, at: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at or 'the whole'} lacks {name!r}"
    for name, each in value.items():
        place = f"{at}/{name}"
        if name in properties:
            yield from _faults(each, properties[name], whole, place)
        else:
            yield from _faults(each, schema.get("additionalProperties", True), whole, place)


def _in_list(value: Sequence[Any], schema: Schema, whole: Schema, at: str) -> Iterator[str]:
    first = schema.get("prefixItems", [])
    for number, each in enumerate(value):
        wanted = first[number] if number < len(first) else schema.get("items", True)
        yield from _faults(each, wanted, whole, f"{at}/{number}")
    if schema.get("uniqueItems") and len(set(map(_key, value))) < len(value):
        yield f"{at or 'the whole'} has an item twice"


def _of_several(value: Any, schema: Schema, whole: Schema, at: str) -> Iterator[str]:
    where = at or "the whole"

    def fits(each: Any) -> bool:
        return next(_faults(value, each, whole, at), None) is None

    for each in schema.get("allOf", ()):
        yield from _faults(value, each, whole, at)
    if "anyOf" in schema and not any(map(fits, schema["anyOf"])):
        yield f"{where} is none of what anyOf allows"
    if "oneOf" in schema and sum(map(fits, schema["oneOf"])) != 1:
        yield f"{where} is not exactly one of what oneOf allows"
    if "not" in schema and fits(schema["not"]):
        yield f"{where} is what it must not be"


def _key(value: Any) -> Hashable:
    """Return what two values have in common if, and only if, they are the same to JSON."""
    if isinstance(value, list):
        return ("list", *map(_key, value))
    if isinstance(value, dict):
        return ("object", frozenset((name, _key(each)) for name, each in value.items()))
    return (isinstance(value, bool), value)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same to JSON, to which true is no number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return bool(one == other)
