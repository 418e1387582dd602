"""Conversations as lists of messages in the shape of OpenAI's chat API.

Accepted are a list of messages, an object with `messages`, a list of such objects, and lines of
them, each with its own conversation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmrepl.exchange.foreign import Foreign, Said, Unreadable, language_of
from llmrepl.parts import Image, Output, Part, Reasoning, Text, ToolCall, ToolResult

ACCEPTED = 'a list of {"role": …, "content": …}, or {"messages": [such a list]}'
_DATA_URL = re.compile(r"data:(image/[\w.+-]+);base64,([A-Za-z0-9+/=\s]+)")


def conversations(content: bytes) -> Iterator[Foreign]:
    """Yield each conversation in `content`.

    Raises:
        Unreadable: it is not JSON of one of the accepted shapes.
    """
    for number, data in enumerate(_each(_loaded(content)), 1):
        messages = data.get("messages") if isinstance(data, Mapping) else data
        if not isinstance(messages, list) or not _are_messages(messages):
            raise Unreadable(
                f"conversation {number} has no list of messages", hint=f"accepted: {ACCEPTED}"
            )
        about: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
        foreign = Foreign("openai", str(about.get("id") or ""))
        for message in messages:
            said = _said(message, foreign, str(about.get("model") or ""))
            if said is not None:
                foreign.said.append(said)
        yield foreign


def _loaded(content: bytes) -> Any:
    try:
        text = content.decode("utf-8-sig")
        try:
            return json.loads(text)
        except ValueError:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as exc:
        raise Unreadable(f"it is not JSON: {exc}", hint=f"accepted: {ACCEPTED}") from None


def _each(data: Any) -> Iterable[Any]:
    if isinstance(data, list) and data and not _are_messages(data):
        return data
    return [data]


def _are_messages(data: Any) -> bool:
    return isinstance(data, list) and all(isinstance(m, Mapping) and "role" in m for m in data)


def _said(message: Mapping[str, Any], foreign: Foreign, model: str) -> Said | None:
    role = message["role"]
    if role in ("system", "developer"):
        return Said("system", list(_content(message.get("content"), foreign)))
    if role == "user":
        return Said("user", list(_content(message.get("content"), foreign)))
    if role in ("tool", "function"):
        call_id = str(message.get("tool_call_id") or message.get("name") or "")
        content = tuple(_content(message.get("content"), foreign))
        parts = tuple(Output("value", p.text) if isinstance(p, Text) else p for p in content)
        name = str(message.get("name") or "tool")
        return Said("tool", [ToolResult(call_id, name, "ok", parts)])
    if role == "assistant":
        return Said("assistant", list(_answer(message, foreign)), model=model)
    foreign.lost[f"messages of the role {str(role)[:40]!r}"] += 1
    return None


def _answer(message: Mapping[str, Any], foreign: Foreign) -> Iterator[Part]:
    thought = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thought, str) and thought:
        yield Reasoning(thought)
    yield from _content(message.get("content"), foreign)
    if isinstance(message.get("refusal"), str):
        yield Text(message["refusal"])
    if message.get("audio"):
        foreign.lost["audio"] += 1
    calls = [call for call in message.get("tool_calls") or () if isinstance(call, Mapping)]
    if isinstance(legacy := message.get("function_call"), Mapping):
        calls.append({"id": legacy.get("name"), "function": legacy})
    for call in calls:
        function = call.get("function")
        if not isinstance(function, Mapping):
            foreign.lost["calls that are not of functions"] += 1
            continue
        name = str(function.get("name") or "tool")
        arguments = arguments_of(function.get("arguments"), foreign)
        call_id = str(call.get("id") or name)
        yield ToolCall(call_id, name, language_of(name, arguments), arguments)


def arguments_of(given: Any, foreign: Foreign) -> dict[str, Any]:
    """Return a call's arguments, which may be an object or JSON of one."""
    if isinstance(given, str):
        try:
            given = json.loads(given or "{}")
        except (ValueError, RecursionError):
            foreign.lost["the form of arguments that are not JSON"] += 1
            return {"arguments": given}
    if isinstance(given, Mapping):
        return dict(given)
    return {} if given is None else {"arguments": given}


def _content(content: Any, foreign: Foreign) -> Iterator[Part]:
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    for item in content if isinstance(content, list) else ():
        kind = item.get("type") if isinstance(item, Mapping) else None
        if kind in ("text", "input_text", "output_text") and isinstance(item.get("text"), str):
            yield Text(item["text"])
        elif kind == "refusal" and isinstance(item.get("refusal"), str):
            yield Text(item["refusal"])
        elif kind in ("image_url", "input_image") and (image := _image(item.get("image_url"))):
            yield image
        else:
            foreign.lost[f"content of the type {str(kind)[:40]!r}"] += 1


def _image(given: Any) -> Image | None:
    """Return an image that is in the message itself; one elsewhere is not fetched."""
    url = given.get("url") if isinstance(given, Mapping) else given
    found = _DATA_URL.fullmatch(url) if isinstance(url, str) else None
    return Image(found[1], data="".join(found[2].split())) if found else None
