"""From the code in a block to calls, and from a call back to its block."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from llmrepl.parser.checks import MOST_READINGS, read_json
from llmrepl.parser.grammar import BLANK, LONGEST_FENCE, Opening, is_closing, read_fence
from llmrepl.parser.items import ParsedCall
from llmrepl.parts import ToolCall

OPTIONS = "_options"
"""The key of a tool call's arguments that holds its `retry`, `condition`, `onError`, `timeout`.

It is there only if the block gave one of them.
"""

EMPTY = "the block is empty; write the code on the lines between <helpers> and </helpers>"
NOT_ALONE = "nothing of this block ran, because another part of it is malformed"

_FORM = 'write {"tool": NAME, "params": {…}} or a list of such objects'
_KEYS: dict[str, tuple[type, str]] = {
    "tool": (str, "a string"),
    "params": (dict, "an object"),
    "retry": (dict, "an object"),
    "condition": (object, "anything"),
    "onError": (dict, "an object"),
}
_RUN = ("python", "bash", "tool")


@dataclass(frozen=True, slots=True)
class Action:
    """Code as read from a block, with what is known of its end."""

    language: str
    code: str
    ambiguous: bool = False
    problem: str = ""


def make_calls(
    actions: Sequence[Action], opening: Opening, problem: str = ""
) -> tuple[ParsedCall, ...]:
    """Return the calls of a block: at least one.

    Nothing of a block runs if a part of it is malformed: then every call has a problem.

    Args:
        actions: what the body holds, in order.
        opening: the block's tag.
        problem: why the whole block is refused, beyond what its tag says.
    """
    calls: list[ParsedCall] = []
    for action in actions or (Action(opening.language, ""),):
        calls += _make(action, opening.timeout, problem or opening.problem)
    if any(call.problem for call in calls):
        calls = [replace(c, ambiguous=False, problem=c.problem or NOT_ALONE) for c in calls]
    return tuple(calls)


def _make(action: Action, timeout: float | None, problem: str) -> list[ParsedCall]:
    language, code = action.language, action.code
    problem = problem or ("" if code.strip() else EMPTY) or action.problem
    if not problem and language not in _RUN:
        form = "write ```python, ```bash or ```tool"
        problem = f"{language[:40]!r} is not a language that runs here; {form}"
    if not problem and language == "tool":
        calls, problem = _read_tools(code, timeout)
        if calls:
            return calls
    arguments = {"code": code} if timeout is None else {"code": code, "timeout": timeout}
    return [ParsedCall(language, language, arguments, action.ambiguous, problem)]


def check_tool(source: str) -> str:
    """Return "" if `source` is a tool call or a list of them, else what is wrong, in one line."""
    return _read_tools(source, None)[1]


def _read_tools(source: str, timeout: float | None) -> tuple[list[ParsedCall], str]:
    """Return the tool calls of `source`, or none and why it is not accepted."""
    value, problem = read_json(source)
    if problem:
        return [], f"{problem}; {_FORM}"
    items = value if isinstance(value, list) else [value]
    calls = []
    for number, item in enumerate(items, 1):
        if problem := _misshapen(item):
            return [], f"tool call {number}: {problem}; {_FORM}"
        options = {key: item[key] for key in ("retry", "condition", "onError") if key in item}
        if timeout is not None:
            options["timeout"] = timeout
        arguments = {**item.get("params", {}), **({OPTIONS: options} if options else {})}
        calls.append(ParsedCall("tool", item["tool"], arguments))
    return calls, "" if calls else f"the list of tool calls is empty; {_FORM}"


def _misshapen(item: Any) -> str:
    """Return what is wrong with one tool call, or ""."""
    if not isinstance(item, dict):
        return "it is not an object"
    for key, value in item.items():
        if key not in _KEYS:
            return f"unknown key {key[:40]!r}, accepted are {', '.join(_KEYS)}"
        kind, name = _KEYS[key]
        if not isinstance(value, kind):
            return f"{key} is not {name}"
    if not item.get("tool", "").strip():
        return "it names no tool"
    return f"{OPTIONS} is not a parameter" if OPTIONS in item.get("params", ()) else ""


def render_call(call: ToolCall) -> str:
    """Return the canonical helper block for `call`, without a newline at its end.

    The parser reads the same call from it, and code that compiles byte for byte, except that CRLF
    becomes LF and a byte order mark at the beginning goes. (Bash code with a line like a closing
    tag needs a parser that has a check for bash.) Code of blanks alone cannot be written.
    """
    arguments = dict(call.arguments)
    if call.language == "tool" and not call.problem:
        options = dict(arguments.pop(OPTIONS, {}))
        timeout = options.pop("timeout", None)
        item = {"tool": call.name, "params": arguments, **options}
        body = json.dumps(item, ensure_ascii=False)
    else:
        timeout = arguments.get("timeout")
        body = _body(str(arguments.get("code", "")), call.language)
    lang = "" if call.language == "python" else f' lang="{call.language}"'
    limit = "" if timeout is None else f' timeout="{str(timeout).removesuffix(".0")}"'
    return f"<helpers{lang}{limit}>\n{body}\n</helpers>"


def _body(code: str, language: str) -> str:
    """Return `code` as a block's body, in a fence where it would not be read back without one."""
    lines = code.split("\n")
    first = next((line for line in lines if line.strip(BLANK)), "")
    if read_fence(first) is None and sum(map(is_closing, lines)) < MOST_READINGS:
        return code
    runs = (len(text) for line in lines if not (text := line.strip(BLANK)).strip("`"))
    fence = "`" * min(LONGEST_FENCE, max(3, 1 + max(runs, default=0)))
    return f"{fence}{language}\n{code}\n{fence}"
