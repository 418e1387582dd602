"""A message that is arriving: chunks go in, events and at last the parts come out.

Pure. It holds the rule that what a model writes after its first helper block does not count: the
model has not seen the block's result. Calls that it makes by its service's own means come at once,
at the end of the message, and only where that is not broken off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import assert_never

from llmrepl.events import (
    BlockDelta,
    BlockOpened,
    Event,
    NoteAdded,
    ReasoningDelta,
    TextDelta,
    ToolRequested,
)
from llmrepl.parser import (
    Block,
    BlockParser,
    Check,
    Code,
    Forged,
    Ignored,
    Item,
    Opened,
    Prose,
    Thought,
    is_last_word,
)
from llmrepl.parts import Part, Reasoning, Text, ToolCall
from llmrepl.ports import CallChunk, Chunk, Finish, ReasoningChunk, TextChunk, written
from llmrepl.redaction import NOTHING, Redactor

BROKEN = frozenset({"cancelled", "error"})
"""Stops that break a message off in the middle; a block that was still open is then dropped."""

BROKEN_OFF = "Your message before this was broken off and is incomplete."
FORGED = (
    "You wrote <results> yourself, so your message was ended there. Nothing ran, and results come"
    " only from llmrepl: end your message after </helpers> and wait for them."
)
CUT = (
    "your message reached its limit before this call was certain to be whole, so it did not run:"
    " send it again, in smaller pieces where it is long"
)
SHOWN = (
    "Nothing ran, and your message ended there. To run the block, send it again in that form; if"
    " you only wanted to show it, go on with your answer."
)


class Draft:
    """One message of the model.

    Args:
        prefix: what the ids of its calls begin with.
        checks: per language, what tells whether a block's source compiles.
        redactor: takes secrets out before anything else sees the message.
    """

    def __init__(
        self,
        prefix: str,
        checks: Mapping[str, Check] | None = None,
        redactor: Redactor = NOTHING,
    ) -> None:
        self._prefix = prefix
        self._redactor = redactor
        self._said = redactor.stream()
        self._mused = redactor.stream()
        self._parser = BlockParser(checks)
        self._parts: list[Part] = []
        self._text: list[str] = []
        self._thought: list[str] = []
        self._sent_thought: list[str] = []
        self._called: list[ToolCall] = []
        self._received: list[str] = []
        self._parsed: list[str] = []
        self._ignored: list[Ignored] = []
        self._forged = False
        self._calls = 0

    @property
    def done(self) -> bool:
        """Whether nothing that is still to come would count."""
        return self._calls > 0 or self._forged

    @property
    def received(self) -> str:
        """Everything the model sent, reasoning included, without secrets."""
        return "".join(self._received)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The message's parts, complete once it is closed."""
        return tuple(self._parts)

    def take(self, chunk: Chunk) -> Iterator[Event]:
        """Take the next chunk, which is not the last; yield what became certain."""
        match chunk:
            case TextChunk(text):
                yield from self.text(text)
            case ReasoningChunk(text, seal):
                yield from self.reasoning(text, seal)
            case CallChunk(call):
                self._called.append(call)
            case Finish():
                raise AssertionError("the last chunk ends a message")
            case _:
                assert_never(chunk)

    def text(self, text: str) -> Iterator[Event]:
        """Take more of the answer; yield what became certain."""
        if text:
            yield from self._take(
                self._thinking(self._mused.close()) + self._heard(self._said.feed(text))
            )

    def reasoning(self, text: str, seal: str = "") -> Iterator[Event]:
        """Take more of the reasoning, in which nothing is a helper block; `seal` ends a thought."""
        if text:
            said = self._heard(self._said.close())
            self._sent_thought.append(text)
            yield from self._take(said + self._thinking(self._mused.feed(text)))
        if seal:
            yield from self._take(self._thinking(self._mused.close()))
            self._sealed(seal)

    def _sealed(self, seal: str) -> None:
        """End a thought with its seal, which is worth nothing where it is not as it was sent."""
        self._flush(self._text)
        thought = "".join(self._thought)
        whole = thought == "".join(self._sent_thought)
        self._thought.clear()
        self._sent_thought.clear()
        if not self.done and (thought or whole):
            self._parts.append(Reasoning(thought, seal if whole else ""))

    def close(self, stop: str) -> Iterator[Event]:
        """End the message for `stop`; yield the rest."""
        yield from self._take(self._thinking(self._mused.close()) + self._heard(self._said.close()))
        items = self._parser.close(cut=stop in BROKEN or stop == "max_tokens")
        if stop in BROKEN:
            items = [item for item in items if isinstance(item, Prose | Thought)]
        yield from self._take(items)
        self._flush()
        if not self.done and stop not in BROKEN:
            yield from self._natively(cut=stop == "max_tokens")

    def _natively(self, *, cut: bool) -> Iterator[Event]:
        """Yield what comes of the calls that were made by the service's own means."""
        for number, call in enumerate(self._called, 1):
            whole = not cut or number < len(self._called)
            made = call if whole or call.problem else replace(call, problem=CUT)
            code = self._redactor.redact(str(made.arguments.get("code") or written(made)))
            self._received.append(f"{made.name} {code}")
            yield BlockOpened(language=made.language)
            yield BlockDelta(text=code)
            yield self._requested(made, "native")

    def stop(self, stop: str) -> str:
        """Return why the message ended, for what it holds: its calls, or nothing that is final."""
        if self._calls and stop not in BROKEN:
            return "tool_calls"
        message = "".join(self._parsed)
        refused = any(is_last_word(message, ignored.span[0]) for ignored in self._ignored)
        return "unfinished" if stop == "end_turn" and (self._forged or refused) else stop

    def notes(self, stop: str) -> Iterator[NoteAdded]:
        """Yield what the model is to be told of a message that ended for `stop`."""
        if stop in BROKEN and self._parts:
            yield NoteAdded(text=BROKEN_OFF, audience="model")
        if self._forged:
            yield NoteAdded(text=FORGED, audience="model")
        for ignored in self._ignored:
            after = f". {SHOWN}" if stop == "unfinished" else ""
            yield NoteAdded(text=f"{ignored.reason}{after}", audience="model")

    def _heard(self, text: str) -> list[Item]:
        if not text:
            return []
        self._received.append(text)
        self._parsed.append(text)
        return self._parser.feed(text)

    def _thinking(self, text: str) -> list[Item]:
        if not text:
            return []
        self._received.append(text)
        return [Thought(text)]

    def _take(self, items: Iterable[Item]) -> Iterator[Event]:
        for item in items:
            if self.done:
                return
            match item:
                case Prose(text):
                    self._flush(self._thought)
                    self._text.append(text)
                    yield TextDelta(text=text)
                case Thought(text):
                    self._flush(self._text)
                    self._thought.append(text)
                    yield ReasoningDelta(text=text)
                case Opened(language):
                    yield BlockOpened(language=language)
                case Code(text):
                    yield BlockDelta(text=text)
                case Block():
                    yield from self._request(item)
                case Ignored():
                    self._ignored.append(item)
                case Forged():
                    self._forged = True
                case _:
                    assert_never(item)

    def _request(self, block: Block) -> Iterator[ToolRequested]:
        self._flush()
        for call in block.calls:
            made = ToolCall("", call.name, call.language, call.arguments, call.problem)
            yield self._requested(made, "block", block.span, ambiguous=call.ambiguous)

    def _requested(
        self, call: ToolCall, origin: str, span: tuple[int, ...] = (), *, ambiguous: bool = False
    ) -> ToolRequested:
        self._calls += 1
        call = replace(call, call_id=f"{self._prefix}.{self._calls}", origin=origin)
        self._parts.append(call)
        return ToolRequested(
            call_id=call.call_id,
            name=call.name,
            language=call.language,
            arguments=call.arguments,
            origin=origin,
            span=span,
            ambiguous=ambiguous,
            problem=call.problem,
        )

    def _flush(self, only: list[str] | None = None) -> None:
        """Turn the text gathered so far into a part, or only that of one kind."""
        for gathered, kind in ((self._thought, Reasoning), (self._text, Text)):
            if gathered and (only is None or gathered is only):
                self._parts.append(kind("".join(gathered)))
                gathered.clear()
                if gathered is self._thought:
                    self._sent_thought.clear()
