"""The session format as a JSON Schema (draft 2020-12), made from the classes that write it.

It describes one line: a header, a record or a sealed one. Types, kinds and fields that it does not
name are allowed, as a reader has to pass over them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, Field, fields
from typing import Any

from llmrepl import parts
from llmrepl.events import TYPES
from llmrepl.sessions.blobs import FIELD
from llmrepl.sessions.format import KIND, SEALED
from llmrepl.sessions.sealed.keys import FIELD as KEY
from llmrepl.sessions.sealed.sealing import SEALED as INSIDE
from llmrepl.usage import Cost, Price, Usage

Schema = dict[str, Any]

KINDS = (parts.Text, parts.Reasoning, parts.ToolCall, parts.Output, parts.Image, parts.ToolResult)
"""The parts that have a kind of their own."""

_DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_BASE64: Schema = {"type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/]+=*$"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NULL: Schema = {"type": "null"}

_TYPES: dict[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]},
    "bool": {"type": "boolean"},
    "None": _NULL,
    "Any": {},
    "Decimal": {"$ref": "#/$defs/money"},
    "Mapping[str, Any]": {"type": "object"},
    "tuple[str, ...]": {"type": "array", "items": {"type": "string"}},
    "tuple[int, ...]": {"type": "array", "items": {"type": "integer"}},
    "tuple[Part, ...]": {"type": "array", "items": {"$ref": "#/$defs/part"}},
    "Usage": {"$ref": "#/$defs/usage"},
    "Cost": {"$ref": "#/$defs/cost"},
    "Price": {"$ref": "#/$defs/price"},
}
"""What a field's annotation is in JSON."""


def schema() -> Schema:
    """Return the schema of any line of a session."""
    durable = {name: cls for name, cls in TYPES.items() if cls.durable}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:llmrepl:session:{SEALED}",
        "title": "A line of a session of llmrepl",
        "if": {"required": ["llmrepl"]},
        "then": {"$ref": "#/$defs/header"},
        "else": {
            "if": {"required": [INSIDE]},
            "then": {"$ref": "#/$defs/sealed"},
            "else": {"$ref": "#/$defs/record"},
        },
        "$defs": {
            "header": _header(),
            "record": _record(durable),
            "sealed": _sealed(),
            "part": _told_apart("kind", (cls.kind for cls in KINDS), "#/$defs/part.{}"),
            "blob": {
                "description": "Where a large text is that stands in the line with its beginning.",
                "type": "object",
                "required": ["sha256", "bytes"],
                "properties": {"sha256": _DIGEST, "bytes": _COUNT},
            },
            "money": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$"},
            "usage": _object(Usage),
            "cost": _object(Cost, every=True, without=["price"]),
            "price": _object(Price, every=True, without=["reasoning"]),
            **{f"part.{cls.kind}": _object(cls) for cls in KINDS},
            **{f"data.{name}": _object(cls) for name, cls in durable.items()},
        },
    }


def _header() -> Schema:
    origin = {
        "type": "object",
        "required": ["id", "seq"],
        "properties": {"id": {"type": "string"}, "seq": _COUNT},
    }
    seal = {
        "description": "How a sealed session is opened: `key` is a file of age's.",
        "type": "object",
        "required": ["id", "key", "cwd"],
        "properties": {
            "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "key": _BASE64,
            "cwd": _BASE64,
        },
    }
    return {
        "description": "The first line: which session this is.",
        "type": "object",
        "required": ["llmrepl", "version", "id", "created", "forked_from", "cwd"],
        "properties": {
            "llmrepl": {"const": KIND},
            "version": {"enum": list(range(1, SEALED + 1))},
            "id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"},
            "created": {"type": "integer"},
            "forked_from": {"anyOf": [_NULL, origin]},
            "cwd": {"type": "string"},
        },
        "if": {"properties": {"version": {"const": SEALED}}},
        "then": {"required": [KEY], "properties": {KEY: seal, "cwd": {"const": ""}}},
    }


def _sealed() -> Schema:
    named = {"type": "object", "required": ["sha256"], "properties": {"sha256": _DIGEST}}
    return {
        "description": "A line of a sealed session: what a record has besides, nobody sees.",
        "type": "object",
        "required": ["prev", "seq", INSIDE],
        "properties": {
            "prev": _DIGEST,
            "seq": {"type": "integer", "minimum": 1},
            INSIDE: _BASE64,
            FIELD: {"type": "array", "items": named},
        },
    }


def _record(names: Iterable[str]) -> Schema:
    return {
        "description": "Any other line: what happened, and when.",
        "type": "object",
        "required": ["prev", "seq", "at", "turn", "step", "type", "data"],
        "properties": {
            "prev": _DIGEST,
            "seq": {"type": "integer", "minimum": 1},
            "at": {"type": "integer"},
            "turn": _COUNT,
            "step": _COUNT,
            "type": {"type": "string"},
            "data": {"type": "object"},
            FIELD: {"type": "object", "additionalProperties": {"$ref": "#/$defs/blob"}},
        },
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}},
                "then": {"properties": {"data": {"$ref": f"#/$defs/data.{name}"}}},
            }
            for name in names
        ],
    }


def _told_apart(field: str, names: Iterable[str], place: str) -> Schema:
    """Return the schema of an object whose `field` says which other schema it has to meet."""
    return {
        "type": "object",
        "required": [field],
        "properties": {field: {"type": "string"}},
        "allOf": [
            {"if": {"properties": {field: {"const": name}}}, "then": {"$ref": place.format(name)}}
            for name in names
        ],
    }


def _object(cls: type, *, every: bool = False, without: Iterable[str] = ()) -> Schema:
    """Return the schema of what is written of an instance of a data class.

    Args:
        cls: the data class.
        every: whether fields with a default have to be there as well.
        without: fields that may be left out all the same.
    """
    shown: tuple[Field[Any], ...] = fields(cls)
    needed = [f.name for f in shown if (every or _has_no_default(f)) and f.name not in without]
    return {
        "description": " ".join((cls.__doc__ or "").split()),
        "type": "object",
        **({"required": needed} if needed else {}),
        "properties": {f.name: _field(str(f.type)) for f in shown},
    }


def _has_no_default(spec: Field[Any]) -> bool:
    return spec.default is MISSING and spec.default_factory is MISSING


def _field(annotation: str) -> Schema:
    choices = [_TYPES[name] for name in annotation.split(" | ")]
    return choices[0] if len(choices) == 1 else {"anyOf": choices}
