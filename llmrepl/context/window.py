"""The context as it is sent: a stable prefix that grows by what is new.

Rendering and counting happen once per message. What was sent before is never changed, so a
provider's prompt cache can hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llmrepl.context.digest import INSTRUCTION, instruction
from llmrepl.context.render import IMAGES, KINDS, chat_message, rendered
from llmrepl.conversation import Conversation, Message
from llmrepl.ports import ChatMessage, Meter, Request
from llmrepl.relief import Budget, Compact
from llmrepl.vector import Vector

STOP_SEQUENCES = ("\n</helpers>", "\n<results>")
"""The end of a block, and results that only llmrepl can know.

With the newline, so that a tag quoted inside a line of code does not end the message.
"""

MESSAGE_TOKENS = 4
"""What a message costs beyond its text: role and separators (3 to 4 by OpenAI's own account)."""

IMAGE_TOKENS = 765
"""What an image takes, about: a picture of 1024 x 1024 by OpenAI's own account.

Other services say from 85 to 1,600 for it, or more.
"""

SYSTEM = "system prompt"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model is asked to write; None leaves it to the provider."""

    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None


class Window:
    """Turns conversations into requests (`llmrepl.ports.Bounded`).

    `takes` returns how many tokens the model takes at once, or None; it may be set.

    Args:
        model: the model's name without its provider; may be changed between turns.
        system: the system prompt.
        meter: counts tokens.
        sampling: how the model is asked to write.
    """

    def __init__(
        self, model: str, system: str, meter: Meter, sampling: Sampling | None = None
    ) -> None:
        self.model = model
        self.system = system
        self._meter = meter
        self._sampling = sampling or Sampling()
        self.takes: Callable[[], int | None] = lambda: None
        self._system_tokens = -1
        self._forget()

    def _forget(self) -> None:
        self._source: Vector[Message] = Vector()
        self._messages: Vector[ChatMessage] = Vector()
        self._tokens = dict.fromkeys(KINDS, 0)
        self._sizes: list[int] = []
        self._answers = 0

    def _add(self, message: Message) -> None:
        """Append a message; two of the same role in a row, which some models refuse, become one."""
        chat, pieces = rendered(message)
        size = MESSAGE_TOKENS
        for number, (kind, text) in enumerate(pieces):
            taken = self._meter.count(text)
            self._tokens[kind] += taken + (0 if number else MESSAGE_TOKENS)
            size += taken
        self._tokens[IMAGES] += IMAGE_TOKENS * len(chat.images)
        self._sizes.append(size + IMAGE_TOKENS * len(chat.images))
        self._answers += message.role == "assistant"
        self._messages = joined(self._messages, chat)

    def use_system(self, system: str) -> None:
        """Send another system prompt from now on."""
        self.system = system
        self._system_tokens = -1

    @property
    def system_tokens(self) -> int:
        """How many tokens the system prompt takes."""
        if self._system_tokens < 0:
            self._system_tokens = self._meter.count(self.system) + MESSAGE_TOKENS
        return self._system_tokens

    def parts(self, conversation: Conversation) -> Mapping[str, int]:
        """Return the tokens of the next request by what they are; `KINDS` after the system prompt.

        Costs what the new messages cost.
        """
        self._take_in(conversation)
        return {SYSTEM: self.system_tokens, **self._tokens}

    def tokens(self, conversation: Conversation) -> int:
        """Return the tokens of the next request; costs what the new messages cost."""
        self._take_in(conversation)
        return self.system_tokens + sum(self._tokens.values())

    def sizes(self, conversation: Conversation) -> Sequence[int]:
        """Return the tokens of each message; costs what the new messages cost."""
        self._take_in(conversation)
        return self._sizes

    @property
    def budget(self) -> Budget | None:
        """What there is room for; None where nobody knows what the model takes."""
        window = self.takes()
        if window is None:
            return None
        return Budget(window, self.system_tokens, self._sampling.max_tokens)

    def digest(self, conversation: Conversation, plan: Compact, focus: str = "") -> Request:
        """Return the request for a summary of what gives way.

        It begins as the requests before it did, so that a prompt cache serves it. Where all of that
        is too much for the model, the oldest of it is left out, and the request says so.
        """
        sizes, budget = self.sizes(conversation), self.budget
        total = self.system_tokens + sum(sizes[: plan.replaced]) + self._meter.count(INSTRUCTION)
        first = 0
        while budget is not None and total > budget.room and first < plan.replaced - 1:
            total -= sizes[first]
            first += 1
        messages: Vector[ChatMessage] = Vector()
        for place in range(first, plan.replaced):
            messages = joined(messages, chat_message(conversation.messages[place]))
        return Request(
            model=self.model,
            system=self.system,
            messages=joined(messages, ChatMessage("user", instruction(focus, first))),
            stop=STOP_SEQUENCES,
            max_tokens=self._sampling.max_tokens,
            temperature=self._sampling.temperature,
            seed=self._sampling.seed,
            estimated_tokens=total,
            purpose="compact",
            answered=conversation.answered + self._answers,
        )

    def request(self, conversation: Conversation) -> Request:
        """Return the next request; costs what the new messages cost."""
        estimated = self.tokens(conversation)
        return Request(
            model=self.model,
            system=self.system,
            messages=self._messages,
            stop=STOP_SEQUENCES,
            max_tokens=self._sampling.max_tokens,
            temperature=self._sampling.temperature,
            seed=self._sampling.seed,
            estimated_tokens=estimated,
            answered=conversation.answered + self._answers if conversation.folds else None,
        )

    def _take_in(self, conversation: Conversation) -> None:
        """Render and count what is new."""
        if not conversation.messages.extends(self._source):
            self._forget()
        for message in conversation.messages.since(len(self._source)):
            self._add(message)
        self._source = conversation.messages


def joined(messages: Vector[ChatMessage], chat: ChatMessage) -> Vector[ChatMessage]:
    """Return both; two of a role in a row, which some models refuse, become one."""
    last = messages[-1] if len(messages) else None
    if last is not None and last.role == chat.role:
        text = f"{last.text}\n\n{chat.text}"
        chat = ChatMessage(chat.role, text, (*last.images, *chat.images))
        messages = messages[:-1]
    return messages.append(chat)


def messages_of(conversation: Conversation) -> Vector[ChatMessage]:
    """Return the messages that a request of this conversation sends."""
    messages: Vector[ChatMessage] = Vector()
    for message in conversation.messages:
        messages = joined(messages, chat_message(message))
    return messages
