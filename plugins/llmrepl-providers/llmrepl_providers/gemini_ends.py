"""Why a reply of Gemini's ended, in words, and the calls that it could not read.

A model may write a call as Python, which the service does not take for one but shows.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any

WHOLE = {"STOP": "end_turn", "MAX_TOKENS": "max_tokens", "CONTINUATION": "max_tokens"}

REFUSED = {
    "SAFETY": "its filter for harmful content ended it",
    "RECITATION": "it was about to repeat somebody's text word for word",
    "LANGUAGE": "it was in a language that it does not take",
    "BLOCKLIST": "it held a word of a list of blocked ones",
    "PROHIBITED_CONTENT": "its filter for prohibited content ended it",
    "SPII": "it may have held personal data",
    "MODEL_ARMOR": "the filter Model Armor ended it",
    "ESCALATION": "one of its rules against misuse ended it",
    "PUP_LIMITED_DISABLED": "the account is limited, for misuse",
    "IMAGE_SAFETY": "its filter for harmful images ended it",
    "IMAGE_PROHIBITED_CONTENT": "its filter for prohibited images ended it",
    "IMAGE_RECITATION": "it was about to repeat somebody's image",
}
"""Reasons for which a reply is a refusal, whatever came of it."""

UNREADABLE = {
    "MALFORMED_FUNCTION_CALL": "the model made a call that it could not read",
    "UNEXPECTED_TOOL_CALL": "the model made a call of what was not offered",
    "MALFORMED_RESPONSE": "the model wrote what it could not read",
    "TOO_MANY_TOOL_CALLS": "the model made too many calls",
}
"""Reasons for which a reply is of no use, but the next one may be."""

BROKEN = {
    "OTHER": "it does not say why",
    "FINISH_REASON_UNSPECIFIED": "it does not say why",
    "MISSING_THOUGHT_SIGNATURE": "a thought that it wants back was not sent",
    "IMAGE_OTHER": "it made no image, and does not say why",
    "NO_IMAGE": "it made no image",
}

AGAIN = "{}: {}. Send it again as a call."
_NAMED = re.compile(r"\b(?:default_api[.:]|call:(?:default_api:)?)?(\w+)\s*[({]")


def unreadable(reason: str, message: str, offered: Collection[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the calls in a message about one that could not be read, as `Calls` gathers them.

    Where they are not certain, it is one call with a problem, which the model is told.

    Args:
        reason: why the reply ended.
        message: what the service says of it, which may be nothing.
        offered: the names of the tools.
    """
    written = message.partition("call:")[2].strip() or message
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the compiler thinks of its style
            calls = [_call(line) for line in ast.parse(written).body]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        calls = []
    if calls and all(call and call["name"] in offered for call in calls):
        yield from ({"function": call} for call in calls)
        return
    named = (name for name in _NAMED.findall(message) if name in offered)
    problem = AGAIN.format(UNREADABLE[reason], message or reason)
    yield {"id": reason, "function": {"name": next(named, "")}, "problem": problem}


def _call(line: ast.stmt) -> dict[str, Any] | None:
    """Return what a line calls with arguments that are plain data; None for anything else."""
    call = line.value if isinstance(line, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print":
        call = call.args[0] if len(call.args) == 1 else None
    if not isinstance(call, ast.Call) or call.args:
        return None
    name = {ast.Attribute: "attr", ast.Name: "id"}.get(type(call.func))
    arguments = {
        word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg is not None
    }
    if name is None or len(arguments) != len(call.keywords):
        return None
    return {"name": getattr(call.func, name), "arguments": arguments}
