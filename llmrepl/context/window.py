"""The context as it is sent: a stable prefix that grows by what is new.

Counting happens once per message. What was sent before is never changed, so a provider's prompt
cache can hold it. No text is kept that the conversation has: a message is rendered when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, overload

from llmrepl.content import Content
from llmrepl.context.digest import INSTRUCTION, instruction
from llmrepl.context.tally import ONE, Tally
from llmrepl.context.telling import messages_of
from llmrepl.conversation import Conversation, Message
from llmrepl.parts import Text
from llmrepl.ports import Calibrated, Meter, Request, Tool
from llmrepl.relief import Budget, Compact

STOP_SEQUENCES = ("\n</helpers>", "\n<results>")
"""The end of a block, and results that only llmrepl can know.

With the newline, so that a tag quoted inside a line of code does not end the message.
"""

SYSTEM = "system prompt"

_lineages = count(1)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model is asked to write; None leaves it to the provider."""

    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None


class Window:
    """Turns conversations into requests (`llmrepl.ports.Bounded`).

    `takes` returns how many tokens the model takes at once, or None; it may be set. `native` says
    whether tools are offered by the service's own means (`llmrepl.ports.Native`), `schema` what
    answers have to hold to: with one, no tools are offered.

    Args:
        model: the model's name without its provider; may be changed between turns.
        system: the system prompt.
        meter: counts tokens.
        sampling: how the model is asked to write.
        tools: what is offered where that is native.
        native_system: the system prompt there; None for the same.
    """

    def __init__(
        self,
        model: str,
        system: str,
        meter: Meter,
        sampling: Sampling | None = None,
        *,
        tools: Sequence[Tool] = (),
        native_system: str | None = None,
    ) -> None:
        self.model = model
        self._systems = (system, system if native_system is None else native_system)
        self._tools = tuple(tools)
        self._native = False
        self._schema: Mapping[str, Any] | None = None
        self._meter = meter
        self._calibrated = meter if isinstance(meter, Calibrated) else None
        self._sampling = sampling or Sampling()
        self.takes: Callable[[], int | None] = lambda: None
        self._system: Content | None = None
        self._forget()

    def _forget(self) -> None:
        self._lineage = next(_lineages)
        self._tally = self.tally()

    def tally(self) -> Tally:
        """Return an empty tally, to be made where nobody waits, and adopted."""
        return Tally(self._weighed, [tool.name for tool in self._offered])

    def adopt(self, tally: Tally) -> None:
        """Go on with a tally of the same conversation, unless other tools are offered by now."""
        if tally.tools == self._tally.tools:
            self._lineage = next(_lineages)
            self._tally = tally

    @property
    def native(self) -> bool:
        """Whether tools are offered by the service's own means; changing it renders all anew."""
        return self._native

    @native.setter
    def native(self, native: bool) -> None:
        self._native = native
        self._system = None
        self._forget()

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON Schema of the next answers; changing it renders all anew."""
        return self._schema

    @schema.setter
    def schema(self, schema: Mapping[str, Any] | None) -> None:
        self._schema = schema
        self._system = None
        self._forget()

    @property
    def _calls(self) -> bool:
        """Whether the model calls by the service's own means in the next request."""
        return self._native and self._schema is None

    @property
    def _offered(self) -> tuple[Tool, ...]:
        return self._tools if self._calls else ()

    @property
    def system(self) -> str:
        """The system prompt as it is sent."""
        return self._systems[self._calls]

    def use_system(self, system: str, native_system: str | None = None) -> None:
        """Send another system prompt from now on; see the arguments of this class."""
        self._systems = (system, system if native_system is None else native_system)
        self._system = None
        self._lineage = next(_lineages)

    @property
    def system_tokens(self) -> int:
        """How many tokens the system prompt takes."""
        return self._size(self._system_content)

    @property
    def _system_content(self) -> Content:
        if self._system is None:
            tools = "".join(json.dumps(asdict(tool)) for tool in self._offered)
            schema = json.dumps(self._schema) if self._schema is not None else ""
            self._system = self._weighed(self.system + tools + schema) + ONE
        return self._system

    def _weighed(self, text: str) -> Content:
        meter = self._calibrated
        return meter.content(text) if meter else Content(self._meter.count(text))

    def _size(self, content: Content) -> int:
        return self._calibrated.size(content) if self._calibrated else content.total

    def behind(self, conversation: Conversation) -> int:
        """Return how many messages have not been counted."""
        return self._tally.behind(conversation.messages)

    def parts(self, conversation: Conversation) -> Mapping[str, int]:
        """Return the tokens of the next request by what they are; `KINDS` after the system prompt.

        Costs what the new messages cost.
        """
        self._take_in(conversation)
        sizes = {kind: self._size(content) for kind, content in self._tally.parts.items()}
        return shared(self.tokens(conversation), {SYSTEM: self.system_tokens, **sizes})

    def tokens(self, conversation: Conversation) -> int:
        """Return the tokens of the next request; costs what the new messages cost."""
        self._take_in(conversation)
        whole = self._whole
        if self._calibrated:
            return self._calibrated.estimate(whole, self._lineage)
        return whole.total

    @property
    def _whole(self) -> Content:
        return sum(self._tally.parts.values(), self._system_content)

    def sizes(self, conversation: Conversation) -> Sequence[int]:
        """Return the tokens of each message; costs what the new messages cost."""
        self._take_in(conversation)
        return Sizes(self._tally.contents, self._size)

    @property
    def budget(self) -> Budget | None:
        """What there is room for; None where nobody knows what the model takes."""
        window = self.takes()
        if window is None:
            return None
        return Budget(window, self.system_tokens, self._sampling.max_tokens)

    def digest(self, conversation: Conversation, plan: Compact, focus: str = "") -> Request:
        """Return the request for a summary of what gives way.

        It is text alone, and begins as the requests before it did, so that a prompt cache serves it
        where these were text, too. Where all of that is too much for the model, the oldest of it is
        left out, and the request says so.
        """
        sizes, budget = self.sizes(conversation), self.budget
        asked = self._weighed(INSTRUCTION)
        total = self.system_tokens + sum(sizes[: plan.replaced]) + self._size(asked)
        first = 0
        while budget is not None and total > budget.room and first < plan.replaced - 1:
            total -= sizes[first]
            first += 1
        last = Message("user", (Text(instruction(focus, first)),))
        return Request(
            model=self.model,
            system=self._systems[0],
            messages=messages_of((*conversation.messages[first : plan.replaced], last)),
            stop=STOP_SEQUENCES,
            max_tokens=self._sampling.max_tokens,
            temperature=self._sampling.temperature,
            seed=self._sampling.seed,
            estimated_tokens=total,
            purpose="compact",
            answered=conversation.answered + self._tally.answers,
            content=None
            if self._offered
            else sum(self._tally.contents[first : plan.replaced], self._system_content + asked),
        )

    def request(self, conversation: Conversation) -> Request:
        """Return the next request; costs what the new messages cost."""
        estimated = self.tokens(conversation)
        return Request(
            model=self.model,
            system=self.system,
            messages=self._tally.telling.messages,
            stop=() if self._offered or self._schema is not None else STOP_SEQUENCES,
            max_tokens=self._sampling.max_tokens,
            temperature=self._sampling.temperature,
            seed=self._sampling.seed,
            estimated_tokens=estimated,
            answered=conversation.answered + self._tally.answers if conversation.folds else None,
            content=self._whole,
            tools=self._offered,
            schema=self._schema,
            lineage=self._lineage,
        )

    def _take_in(self, conversation: Conversation) -> None:
        """Render and count what is new."""
        if not self._tally.fits(conversation.messages):
            self._forget()
        self._tally.take_in(conversation.messages)


class Sizes(Sequence[int]):
    """The tokens of messages, each estimated when it is asked for."""

    def __init__(self, contents: Sequence[Content], size: Callable[[Content], int]) -> None:
        self._contents = contents
        self._size = size

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> Sizes: ...
    def __getitem__(self, place: int | slice) -> int | Sizes:
        if isinstance(place, slice):
            return Sizes(self._contents[place], self._size)
        return self._size(self._contents[place])

    def __len__(self) -> int:
        return len(self._contents)


def shared(total: int, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return whole numbers in the proportions of `sizes` whose sum is `total`."""
    parts, before = {}, 0
    whole = sum(sizes.values()) or 1
    for name, size in sizes.items():
        parts[name] = round(total * (before + size) / whole) - round(total * before / whole)
        before += size
    return parts
