"""What messages are made of: immutable parts with a `kind`, and their codec.

Parts hold JSON-ready data only and know nothing about how they will be shown.
A kind this version does not know decodes to `UnknownPart` and encodes back unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, ClassVar, Literal

Stream = Literal["stdout", "stderr", "value", "error"]
"""Where an output came from. `value` is a Python block's last expression; `error` a traceback."""

Status = Literal["ok", "error", "timeout", "denied", "cancelled", "limit", "unknown"]
"""How a tool call ended. `unknown`: it started, and a crash hid whether it finished."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text as the person or the model wrote it."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What the model thought before it answered; never parsed for helper blocks.

    `seal` is what its service wants back with it, as it came.
    """

    kind: ClassVar[str] = "reasoning"
    text: str
    seal: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model made, at its place in the message.

    `arguments` is `{"code": str, "timeout"?: float}` for python and bash, else the tool's own
    parameters. `problem` says why a malformed call was refused; such a call never runs. `origin`
    is `block`, or `native` where the model called by its service's own means; `seal` is what that
    service wants back with it, as it came.
    """

    kind: ClassVar[str] = "tool_call"
    call_id: str
    name: str
    language: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    origin: str = "block"
    seal: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """What a call wrote to one stream; `dropped` bytes were cut out of its middle."""

    kind: ClassVar[str] = "output"
    stream: str
    text: str
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Image:
    """An image: base64 `data` of `media_type`, or a `path` to it."""

    kind: ClassVar[str] = "image"
    media_type: str
    data: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model is told of a finished call. `ms` is wall time in milliseconds.

    `ran` are the call's arguments where they are not those that the model sent: a person changed
    them, or the person `typed` the call.
    """

    kind: ClassVar[str] = "tool_result"
    call_id: str
    name: str
    status: str
    parts: tuple[Part, ...] = ()
    exit_code: int | None = None
    ms: float = 0.0
    reason: str = ""
    ran: Mapping[str, Any] = field(default_factory=dict)
    typed: bool = False


@dataclass(frozen=True, slots=True)
class UnknownPart:
    """A part from a newer version or a plugin: kept as it came."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


Part = Text | Reasoning | ToolCall | Output | Image | ToolResult | UnknownPart

_KINDS: dict[str, Any] = {
    cls.kind: cls for cls in (Text, Reasoning, ToolCall, Output, Image, ToolResult)
}
_UNUSUAL: dict[str, Any] = {"origin": "block", "seal": ""}
"""Fields that are written only where they differ from this."""
_WORDS = frozenset({"name", "language", "status", "stream"})
"""Fields that hold one of a few words."""
_FIELDS: dict[type, tuple[str, ...]] = {
    cls: tuple(f.name for f in fields(cls)) for cls in _KINDS.values()
}


@lru_cache(maxsize=256)
def _kept(text: str) -> str:
    return text


def word(value: Any) -> Any:
    """Return a text that is the same object for most that are alike; what is no text as it is.

    For the names that a session has in every step: one of each is enough to keep.
    """
    return _kept(value) if isinstance(value, str) else value


def encode_part(part: Part) -> dict[str, Any]:
    """Return `part` as JSON-ready data with its `kind`."""
    if isinstance(part, UnknownPart):
        return {"kind": part.kind, **part.data}
    data: dict[str, Any] = {"kind": part.kind}
    for name in _FIELDS[type(part)]:
        value = getattr(part, name)
        if name not in _UNUSUAL or value != _UNUSUAL[name]:
            data[name] = value
    if isinstance(part, ToolResult):
        data["parts"] = encode_parts(part.parts)
    return data


def decode_part(data: Mapping[str, Any]) -> Part:
    """Return the part that `encode_part` made `data` from.

    Raises:
        KeyError: `data` has no `kind`.
        TypeError: a field that the kind needs is missing.
    """
    cls = _KINDS.get(data["kind"])
    if cls is None:
        return UnknownPart(data["kind"], {k: v for k, v in data.items() if k != "kind"})
    known = {k: word(v) if k in _WORDS else v for k, v in data.items() if k in _FIELDS[cls]}
    if cls is ToolResult:
        known["parts"] = decode_parts(data.get("parts", ()))
    part: Part = cls(**known)
    return part


def encode_parts(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Return each of `parts` as JSON-ready data."""
    return [encode_part(part) for part in parts]


def decode_parts(data: Iterable[Mapping[str, Any]]) -> tuple[Part, ...]:
    """Return the parts that `encode_parts` made `data` from."""
    return tuple(decode_part(item) for item in data)


def text_of(parts: Iterable[Part]) -> str:
    """Return the text parts of `parts`, joined as they stand."""
    return "".join(part.text for part in parts if isinstance(part, Text))
