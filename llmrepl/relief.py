"""Decide what of a context gives way when it grows too large. Pure: counts in, a plan out.

Old outputs are trimmed first. Then the beginning gives way to a summary, all but the first prompt
and the one that is being answered; the last turns stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmrepl.conversation import Conversation, Message, Phase
from llmrepl.parts import Output, ToolResult

OLD_OUTPUT = 2000
"""Characters that stay of an output that is trimmed."""

_FULL = 0.8
_TAIL = 0.3
_ANSWER = 0.2


@dataclass(frozen=True, slots=True)
class Budget:
    """How many tokens there are for what.

    Args:
        window: what the model takes at once, its answer included.
        system: what the system prompt takes.
        answer: what the answer may take; None where nothing limits it.
    """

    window: int
    system: int = 0
    answer: int | None = None

    @property
    def room(self) -> int:
        """What a request can take so that there is room for an answer."""
        most = int(self.window * _ANSWER)
        return self.window - min(most, most if self.answer is None else self.answer)

    @property
    def full(self) -> int:
        """What a request takes before something gives way."""
        return min(self.room, int(self.window * _FULL))

    @property
    def tail(self) -> int:
        """What the last turns may take that stay as they are."""
        return max(0, int((self.full - self.system) * _TAIL))


@dataclass(frozen=True, slots=True)
class Trim:
    """Cut the outputs in the first `messages` messages to so many characters."""

    messages: int
    characters: int
    outputs: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Compact:
    """Let a summary stand for the first `replaced` messages but those at the places `kept`.

    `tokens` is what all that gives way takes.
    """

    replaced: int
    kept: tuple[int, ...]
    tokens: int


def relief(
    state: Conversation, sizes: Sequence[int], total: int, budget: Budget
) -> Trim | Compact | None:
    """Return what gives way before the next request; None where it fits, or nothing can.

    What a person has brought back stays as long as it fits.

    Args:
        state: the conversation.
        sizes: the tokens of each of its messages.
        total: the tokens of the request.
        budget: what there is room for.
    """
    if total <= (budget.room if state.restored else budget.full):
        return None
    messages, tail = state.messages, budget.tail
    if old := trim(messages, _cut(state, sizes, tail)):
        return old
    overflows = total > budget.room
    plan = compact(state, sizes, tail, least=1 if overflows else tail // 2)
    if overflows and (plan is None or total - plan.tokens > budget.full):
        return trim(messages, len(messages)) or plan
    return plan


def trim(messages: Sequence[Message], first: int, characters: int = OLD_OUTPUT) -> Trim | None:
    """Return how to trim outputs in the `first` messages; None where none is too long."""
    long = [
        len(part.text) - characters
        for place in range(first)
        for part in _outputs(messages[place])
        if len(part.text) > characters
    ]
    return Trim(first, characters, len(long), sum(long)) if long else None


def compact(
    state: Conversation, sizes: Sequence[int], tail: int, *, least: int = 1
) -> Compact | None:
    """Return what a summary is to stand for; None where that would win too little.

    Args:
        state: the conversation.
        sizes: the tokens of each of its messages.
        tail: the tokens that the last turns, and any prompt that is kept, may take.
        least: the tokens that have to give way.
    """
    messages = state.messages
    replaced = _cut(state, sizes, tail)
    prompts = [place for place in range(replaced) if messages[place].role == "user"]
    wanted = dict.fromkeys(prompts[:1])
    if state.phase is not Phase.IDLE and not _has_prompt(messages, replaced):
        wanted |= dict.fromkeys(prompts[-1:])
    kept = tuple(place for place in wanted if sizes[place] <= tail)
    gone = [place for place in range(replaced) if place not in kept]
    tokens = sum(sizes[place] for place in gone)
    if tokens < least or all(messages[place].role == "summary" for place in gone):
        return None
    return Compact(replaced, kept, tokens)


def _cut(state: Conversation, sizes: Sequence[int], tail: int) -> int:
    """Return how many messages may give way, so that the rest takes no more than `tail` tokens.

    The rest begins with a prompt where it can, and never with results that lack their call. Where
    even the last of it is too large, that stays; between two turns, it is the whole last turn.
    """
    messages = state.messages
    last = prompt = step = 0
    for place in range(len(messages) - 1, 0, -1):
        tail -= sizes[place]
        role = messages[place].role
        if role == "tool":
            continue
        if not last and (state.phase is not Phase.IDLE or role == "user"):
            last = place
        if tail < 0:
            if last:
                break
        elif role == "user":
            prompt = place
        elif role == "assistant":
            step = place
    if state.phase is Phase.IDLE:
        return prompt or last
    return prompt or step or last


def _has_prompt(messages: Sequence[Message], start: int) -> bool:
    return any(messages[place].role == "user" for place in range(start, len(messages)))


def _outputs(message: Message) -> Iterable[Output]:
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield from (inner for inner in part.parts if isinstance(inner, Output))
