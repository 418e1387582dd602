"""Calls that a model made by its service's own means.

They are calls where tools were offered; where none were, and some models call one all the same,
they are the helper block that they stand for. Calls are told apart by id and order, since an index
may be 0 for all of them; arguments come as an object, as text, or in pieces.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmrepl.parser import render_call
from llmrepl.parts import ToolCall
from llmrepl.ports import CallChunk, Chunk, TextChunk, Tool
from llmrepl.providers.taking import TooLarge

LANGUAGES = {"python": "python", "code_interpreter": "python", "bash": "bash", "shell": "bash"}
"""Names that models call the two languages by; all other names are those of tools."""

CODE = ("code", "command", "cmd", "input")
"""Where models put the code."""

NO_ID = "null"
"""What Mistral writes where a call has no id."""

MOST_CALLS, MOST_PIECES = 500, 5000
"""Calls of a message, and pieces of a call that is looked at for another one behind it."""

NAMELESS = "a call has to name its tool: {}"
UNREADABLE = "its arguments are not one JSON object: send the call again with such"
CODELESS = 'it has no code: send the call again with {"code": …}'

STARTS = ("{", "[", "<tool", "<function=", "```json")
"""How a message begins in which a model may have written a call instead of making it."""

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
    problem: str = ""
    seal: str = ""

    def is_other(self, name: str, index: int, arguments: Any) -> bool:
        """Return whether what came with this call's id is another call all the same."""
        if not (name and self.name):
            return False
        if name != self.name or index != self.index:
            return True
        return bool(arguments) and (self.arguments is not None or self._is_whole())

    def _is_whole(self) -> bool:
        """Return whether what came in pieces is an object by now."""
        if not (self.pieces and self.pieces[-1].rstrip().endswith("}")):
            return False
        return len(self.pieces) < MOST_PIECES and isinstance(_json("".join(self.pieces)), Mapping)

    def made(self, offered: Iterable[str]) -> ToolCall:
        """Return the call, with a problem where it cannot be read."""
        call, raw = self.read(), "".join(self.pieces).strip()
        found = _json(raw) if self.arguments is None else self.arguments
        arguments, problem = dict(call.arguments), ""
        if call.language == "tool":
            arguments = dict(found) if isinstance(found, Mapping) else {}
        elif isinstance(found, str):
            arguments = {"code": found}
        elif isinstance(found, Mapping) and (limit := _seconds(found.get("timeout"))):
            arguments["timeout"] = limit
        unreadable = bool(raw) and not isinstance(found, Mapping | str)
        if self.problem:
            problem, arguments = self.problem, {}
        elif not call.name:
            problem = NAMELESS.format(" or ".join(offered))
        elif unreadable and (call.language == "tool" or raw[0] in "{["):
            problem, arguments = UNREADABLE, {}
        elif call.language != "tool" and not str(arguments["code"]).strip():
            problem, arguments = CODELESS, {}
        return ToolCall(
            "", call.name, call.language, arguments, problem, origin="native", seal=self.seal
        )

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
        self.all: list[_Call] = []

    def add(self, pieces: Any) -> None:
        """Take whole calls, or the next pieces of some; what is none is passed over.

        Raises:
            ValueError: these are more than any model makes.
        """
        found = pieces if isinstance(pieces, Iterable) else ()
        for piece in (each for each in found if isinstance(each, Mapping)):
            function = piece.get("function")
            function = function if isinstance(function, Mapping) else piece
            call = self._meant(piece, function, str(function.get("name") or ""))
            arguments = function.get("arguments")
            call.seal = str(piece.get("seal") or call.seal)
            call.problem = str(piece.get("problem") or call.problem)
            if isinstance(arguments, Mapping):
                call.arguments = arguments
            elif arguments:
                call.pieces.append(str(arguments))

    def _meant(self, piece: Mapping[str, Any], function: Mapping[str, Any], name: str) -> _Call:
        """Return the call that a piece belongs to.

        An id begins another, and so does a name without one. Some servers give all calls the same
        id: then a name begins another, once the call before is whole.
        """
        key, index = str(piece.get("id") or ""), piece.get("index") or 0
        if key == NO_ID:
            key = ""
        for call in reversed(self.all):
            if key and call.id == key:
                if call.is_other(name, index, function.get("arguments")):
                    break
                call.name = call.name or name
                return call
            if not key and not name and call.index == index:
                return call
        if len(self.all) == MOST_CALLS:
            raise TooLarge(f"more than {MOST_CALLS} calls came in one message")
        self.all.append(_Call(key, index, name))
        return self.all[-1]

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.all)

    def chunks(self, offered: Sequence[Tool]) -> Iterator[Chunk]:
        """Yield these calls, or a helper block where no tools were offered."""
        if offered:
            names = [tool.name for tool in offered]
            yield from (CallChunk(call.made(names)) for call in self.all)
        elif block := self.block():
            yield TextChunk(block)

    def block(self) -> str:
        """Return the helper block that makes these calls; nothing where there are none."""
        return block_of([call.read() for call in self.all if call.name and not call.problem])


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


class Spoken:
    """The text of a message, in which some models write a call that they ought to make.

    Where tools were offered, what may be a call is held back until the end.

    Args:
        offered: the tools.
    """

    def __init__(self, offered: Sequence[Tool]) -> None:
        self._names = frozenset(tool.name for tool in offered)
        self._holding = bool(offered)
        self._held: list[str] = []
        self._start = ""

    def feed(self, text: str) -> str:
        """Return what is surely text."""
        if not self._holding:
            return text
        self._held.append(text)
        if len(self._start) < len(max(STARTS, key=len)):
            self._start = (self._start + text).lstrip()[: len(max(STARTS, key=len))]
            near = (s for s in STARTS if s.startswith(self._start) or self._start.startswith(s))
            self._holding = not self._start or next(near, None) is not None
        return "" if self._holding else self._all()

    def close(self, calls: Calls) -> str:
        """Return the rest of the text; what is calls, of tools that were offered, goes to those."""
        text = self._all()
        if not text.strip() or calls:
            return text
        found = Calls()
        found.add(_written(text.strip()))
        if not found or {call.read().name for call in found.all} - self._names:
            return text
        calls.all += found.all
        return ""

    def _all(self) -> str:
        text = "".join(self._held)
        self._held.clear()
        return text


def recovered(error: Mapping[str, Any], offered: Sequence[Tool] = ()) -> list[Chunk] | None:
    """Return what the model wrote, from the error of a service that could not read it as a call.

    It is calls where it can be read, else the model's own words; nothing where the service does not
    say what they were, and None where that is not the error.
    """
    if error.get("code") != "tool_use_failed" and "failed_generation" not in error:
        return None
    said = str(error.get("failed_generation") or "").strip()
    calls = Calls()
    calls.add(_written(said))
    return list(calls.chunks(offered)) or ([TextChunk(said)] if said else [])


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


def _seconds(value: Any) -> float | None:
    """Return a time limit, if that is one."""
    if isinstance(value, str):
        value = _json(value)
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    return value if fits and 0 < value < math.inf else None


def _json(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):  # a model may write a bracket over and over
        return None
