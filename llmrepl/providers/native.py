"""Calls that a model made by its service's own means, as the helper block that they stand for.

We offer services no tools, yet some models call one all the same. Calls are told apart by id and
order, since an index may be 0 for all of them; arguments come as an object, as text, or in pieces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmrepl.parser import render_call
from llmrepl.parts import ToolCall

LANGUAGES = {"python": "python", "code_interpreter": "python", "bash": "bash", "shell": "bash"}
"""Names that models call the two languages by; all other names are those of tools."""

CODE = ("code", "command", "cmd", "input")
"""Where models put the code."""

_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)\n\s*```", re.DOTALL)
_TAGGED = re.compile(r"(?:<function=)?([\w.-]+)>?\s*(\{.*\})\s*(?:</function>)?", re.DOTALL)
_WRAPPED = re.compile(r"<(tool[-_](?:use|call))>(.*?)(?:</\1>|$)", re.DOTALL)
_RUNS = re.compile("`+")


@dataclass(slots=True)
class _Call:
    id: str = ""
    index: int = 0
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    arguments: Mapping[str, Any] | None = None

    def read(self) -> ToolCall:
        """Return the call, with its text as code where it is no JSON."""
        raw = "".join(self.pieces)
        found = _json(raw) if self.arguments is None else self.arguments
        name = self.name.rpartition(".")[2]
        language = LANGUAGES.get(name, "tool")
        if language == "tool":
            params = found if isinstance(found, Mapping) else {"arguments": raw} if raw else {}
            return ToolCall("", name, language, params)
        code: Any = raw
        if isinstance(found, Mapping):
            code = next((found[key] for key in CODE if found.get(key)), "")
        if isinstance(code, list):
            code = code[-1] if code else ""
        return ToolCall("", language, language, {"code": str(code)})


class Calls:
    """Gathers the calls of one message from what arrives of them."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def add(self, pieces: Iterable[Mapping[str, Any]]) -> None:
        """Take whole calls, or the next pieces of some."""
        for piece in pieces:
            function = piece.get("function") or piece
            call = self._meant(piece, str(function.get("name") or ""))
            arguments = function.get("arguments")
            if isinstance(arguments, Mapping):
                call.arguments = arguments
            elif arguments:
                call.pieces.append(str(arguments))

    def _meant(self, piece: Mapping[str, Any], name: str) -> _Call:
        """Return the call that a piece belongs to: an id or a name without one begins another."""
        key, index = str(piece.get("id") or ""), piece.get("index") or 0
        for call in reversed(self._calls):
            if (key and call.id == key) or (not key and not name and call.index == index):
                return call
        self._calls.append(_Call(key, index, name))
        return self._calls[-1]

    def block(self) -> str:
        """Return the helper block that makes these calls; nothing where there are none."""
        return block_of([call.read() for call in self._calls if call.name])


def block_of(calls: Sequence[ToolCall]) -> str:
    """Return one helper block with all of `calls`, since a message ends with its first."""
    if not calls:
        return ""
    if len(calls) == 1:
        return f"\n{render_call(calls[0])}\n"
    return "\n".join(["", "<helpers>", *map(_fenced, calls), "</helpers>", ""])


def _fenced(call: ToolCall) -> str:
    item = {"tool": call.name, "params": dict(call.arguments)}
    tool = call.language == "tool"
    body = json.dumps(item, ensure_ascii=False) if tool else str(call.arguments["code"])
    ticks = "`" * max(3, 1 + max(map(len, _RUNS.findall(body)), default=0))
    return f"{ticks}{call.language}\n{body}\n{ticks}"


def recovered(error: Mapping[str, Any]) -> str | None:
    """Return what the model wrote, from the error of a service that could not read it as a call.

    It is a helper block where it can be read, else the model's own words; "" where the service does
    not say what they were, and None where that is not the error.
    """
    if error.get("code") != "tool_use_failed" and "failed_generation" not in error:
        return None
    said = str(error.get("failed_generation") or "").strip()
    calls = Calls()
    calls.add(_written(said))
    return calls.block() or said


def _written(text: str) -> list[Mapping[str, Any]]:
    """Return the calls in a text, in any of the forms in which models write them."""
    if wrapped := _WRAPPED.search(text):
        text = wrapped[2].strip()
    if fenced := _FENCED.search(text):
        text = fenced[1].strip()
    found = _json(text)
    if found is None and (tagged := _TAGGED.fullmatch(text)):
        found = {"name": tagged[1], "arguments": tagged[2]}
    if isinstance(found, Mapping):
        found = found.get("tool_calls") or [found]
    if not isinstance(found, list):
        return []
    calls = [call for call in found if isinstance(call, Mapping)]
    return [_with_arguments(call) for call in calls if call.get("name") or call.get("function")]


def _with_arguments(call: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"arguments": call.get("parameters"), **call} if "parameters" in call else call


def _json(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return None
