"""A conversation as the messages of a request, for models that call either way.

With `tools` offered, calls and results go as the services have them, those of helper blocks
included; a call of anything that is not offered goes as text, since services refuse its name.
Without, all of it is text. What was sent before stays as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import NamedTuple

from llmrepl.context.render import (
    ANSWERS,
    BLOCKS,
    RESULTS,
    Piece,
    chat_message,
    images_in,
    prose,
    rendered,
    result_alone,
    role_of,
)
from llmrepl.conversation import Message
from llmrepl.parts import Reasoning, Text, ToolCall, ToolResult
from llmrepl.ports import CallResult, ChatMessage, written
from llmrepl.vector import Mapped, Vector

ENDED = "(The turn ended here.)"
"""Stands for an answer where results were the last of a turn: a prompt may not follow them."""

TEXT, CALLS, RESULTS_OF, PARTED = "text", "calls", "results", "parted"
ROLES = {CALLS: "assistant", RESULTS_OF: "tool", PARTED: "assistant"}
"""How messages are sent, and the roles of those that are not text."""


class Run(NamedTuple):
    """Messages that are sent as one, and how: some models refuse two of the same role in a row."""

    way: str
    messages: tuple[Message, ...] = ()

    @property
    def role(self) -> str:
        """The role that it is sent in."""
        return role_of(self.messages[-1]) if self.way == TEXT else ROLES[self.way]


class Telling:
    """The messages of a request. No text is kept: each is rendered when it is read.

    Args:
        tools: the names of the tools that are offered.
    """

    def __init__(self, tools: Collection[str] = ()) -> None:
        self._tools = frozenset(tools)
        self._runs: Vector[Run] = Vector()

    @property
    def messages(self) -> Mapped[Run, ChatMessage]:
        """What is sent of all that was added."""
        return Mapped(chat_of, self._runs)

    def add(self, message: Message) -> list[list[Piece]]:
        """Append a message; return its text in pieces by what they are, for each that is sent."""
        last = self._runs[-1] if len(self._runs) else None
        if last is not None and last.way == CALLS:
            called = last.messages[-1]
            if results := _results(called, message):
                self._runs = self._runs.append(Run(RESULTS_OF, (called, message)))
                return [[(RESULTS, result.text)] for result in results]
            # Nothing came of its calls, so that they have to be text.
            last = Run(TEXT, last.messages)
            self._runs = self._runs[:-1].append(last)
        pieces: list[list[Piece]] = []
        if self._tools and (chat := _with_calls(message)) and not _names(chat) - self._tools:
            calls = [(BLOCKS, f"{call.name} {written(call)}") for call in chat.calls]
            run, said = Run(CALLS, (message,)), [(ANSWERS, chat.text), *calls]
        else:
            run, said = Run(TEXT, (message,)), rendered(message)[1]
        if last is not None and last.way == RESULTS_OF and run.role == "user":
            last = Run(PARTED)
            self._runs = self._runs.append(last)
            pieces = [[(ANSWERS, ENDED)]]
        if last is not None and last.way == TEXT and last.role == run.role:
            run = Run(run.way, (*last.messages, message))
            self._runs = self._runs[:-1]
        self._runs = self._runs.append(run)
        return [*pieces, said]


def chat_of(run: Run) -> ChatMessage:
    """Return a run as a provider sends it."""
    if run.way == PARTED:
        return ChatMessage("assistant", ENDED)
    if run.way == RESULTS_OF:
        return ChatMessage("tool", "", results=_results(*run.messages))
    *before, last = run.messages
    chats = list(map(chat_message, before))
    chat = (_with_calls(last) if run.way == CALLS else None) or chat_message(last)
    if not chats:
        return chat
    text = "\n\n".join(each.text for each in chats)
    text = f"{text}\n\n{chat.text}" if chat.text or not chat.calls else text
    images = tuple(image for each in (*chats, chat) for image in each.images)
    return replace(chat, text=text, images=images)


def _with_calls(message: Message) -> ChatMessage | None:
    """Return a message with its calls; None where it has none."""
    calls = tuple(part for part in message.parts if isinstance(part, ToolCall))
    if message.role != "assistant" or not calls:
        return None
    thoughts = tuple(part for part in message.parts if isinstance(part, Reasoning))
    return ChatMessage("assistant", prose(message.parts), calls=calls, thoughts=thoughts)


def _names(chat: ChatMessage) -> set[str]:
    return {call.name for call in chat.calls}


def _results(called: Message, message: Message) -> tuple[CallResult, ...]:
    """Return what came of the calls in a message; nothing where that is not what follows it."""
    calls = {part.call_id: part for part in called.parts if isinstance(part, ToolCall)}
    found = {part.call_id: part for part in message.parts if isinstance(part, ToolResult)}
    if message.role != "tool" or calls.keys() != found.keys():
        return ()
    results = [
        CallResult(
            call,
            result_alone(found[call_id]),
            images_in(found[call_id].parts),
            failed=found[call_id].status != "ok",
        )
        for call_id, call in calls.items()
    ]
    notes = [part.text for part in message.parts if isinstance(part, Text)]
    results[-1] = replace(results[-1], text="\n".join([results[-1].text, *notes]))
    return tuple(results)


def messages_of(
    messages: Iterable[Message], tools: Collection[str] = ()
) -> Mapped[Run, ChatMessage]:
    """Return `messages` as a request has them.

    Args:
        messages: those of a conversation.
        tools: the names of the tools that are offered.
    """
    telling = Telling(tools)
    for message in messages:
        telling.add(message)
    return telling.messages
