"""Messages as they are sent, each counted once: what is new costs what it is, and no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llmrepl.content import Content, Contents
from llmrepl.context.render import IMAGES, KINDS, images_of
from llmrepl.context.telling import Telling
from llmrepl.conversation import Message
from llmrepl.vector import Vector

ONE = Content(messages=1)
"""What a message takes besides its text."""


class Tally:
    """The messages of one conversation, and what they take.

    It can be made in a thread, as long as nobody else uses it.

    Args:
        weigh: counts a text.
        tools: the names of the tools that are offered.

    Attributes:
        telling: the messages as they are sent.
        parts: what they take, by what it is.
        contents: what each of them takes.
        answers: how many the model wrote.
    """

    def __init__(self, weigh: Callable[[str], Content], tools: Sequence[str] = ()) -> None:
        self._weigh = weigh
        self._source: Vector[Message] = Vector()
        self.tools = tools
        self.telling = Telling(tools)
        self.parts = dict.fromkeys(KINDS, Content())
        self.contents = Contents()
        self.answers = 0

    def fits(self, messages: Vector[Message]) -> bool:
        """Return whether these are what was taken in, or begin with that."""
        return messages.extends(self._source)

    def behind(self, messages: Vector[Message]) -> int:
        """Return how many of these were not taken in."""
        return len(messages) - (len(self.contents) if self.fits(messages) else 0)

    def take_in(self, messages: Vector[Message], enough: Callable[[], bool] = bool) -> None:
        """Append what is new of messages that fit.

        Args:
            messages: all of them.
            enough: is asked after each whether to leave it at that.
        """
        self._source = messages
        for message in messages.since(len(self.contents)):
            self._add(message)
            if enough():
                break

    def _add(self, message: Message) -> None:
        whole = images = Content(images=len(images_of(message)))
        for pieces in self.telling.add(message):
            for number, (kind, text) in enumerate(pieces):
                piece = self._weigh(text) if number else self._weigh(text) + ONE
                self.parts[kind] += piece
                whole += piece
        self.parts[IMAGES] += images
        self.contents.append(whole)
        self.answers += message.role == "assistant"
