"""What the runtime needs from the outside world: Protocols, and the values that cross them.

Each port is a few lines on purpose; contract tests for them are in `llmrepl.testing`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TextIO, runtime_checkable

from llmrepl.content import Content
from llmrepl.conversation import Conversation, Spend
from llmrepl.errors import ProviderError
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    NetworkRequested,
    ToolFinished,
    ToolOutput,
    ToolRequested,
)
from llmrepl.parts import Image, Reasoning, ToolCall
from llmrepl.record import Record
from llmrepl.relief import Budget, Compact
from llmrepl.usage import Cost, Usage


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as a model is offered it; `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a model is told of a call it made by its service's own means."""

    call: ToolCall
    text: str
    images: tuple[Image, ...] = ()
    failed: bool = False


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message as a provider sends it; `role` is user, assistant or tool.

    `calls` are those that an assistant made by its service's own means, `thoughts` what it thought
    before. A tool's message has no text but `results`: those of all calls of the message before.
    """

    role: str
    text: str
    images: tuple[Image, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    thoughts: tuple[Reasoning, ...] = ()
    results: tuple[CallResult, ...] = ()

    @property
    def told(self) -> str:
        """All that it says, calls and results included, for people."""
        calls = (f"{call.name}({written(call)})" for call in self.calls)
        results = (f"{result.call.name}: {result.text}" for result in self.results)
        return "\n".join(filter(None, (self.text, *calls, *results)))


def written(call: ToolCall) -> str:
    """Return a call's arguments as JSON."""
    return json.dumps(dict(call.arguments), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a model.

    `stop` are strings the provider should stop at. None means the provider's own default.
    `estimated_tokens` is our count of everything sent. `purpose` is `main`, or `compact` where a
    summary is asked for. `answered` counts the model's messages in the conversation, those that
    are not sent any more included; None for those that are sent. `content` is what was counted for
    the estimate; requests of one `lineage` other than 0 only ever grow at their end. `tools` are
    offered by the service's own means: without them there are no calls in `messages`, and a call
    that the model makes so is a helper block in its text. With a `schema`, a JSON Schema, the
    answer is to be JSON of it, and there are no tools.
    """

    model: str
    system: str
    messages: Sequence[ChatMessage]
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    estimated_tokens: int = 0
    purpose: str = "main"
    answered: int | None = None
    content: Content | None = None
    tools: tuple[Tool, ...] = ()
    schema: Mapping[str, Any] | None = None
    lineage: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TextChunk:
    """More of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningChunk:
    """More of the model's reasoning.

    With a `seal`, a thought ends here, and this is what the service wants back with it.
    """

    text: str
    seal: str = ""


@dataclass(frozen=True, slots=True)
class CallChunk:
    """A call that the model made by its service's own means, whole; it has no id yet."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class Finish:
    """The last chunk: `stop` is end_turn, max_tokens or refusal; `usage` as the provider says.

    `note` is what a person has to know of how the service answered.
    """

    stop: str = "end_turn"
    usage: Usage | None = None
    note: str = ""


Chunk = TextChunk | ReasoningChunk | CallChunk | Finish


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model a provider offers; sizes in tokens, None where the provider does not say.

    Of its `details`, `note` is shown where models are listed, and `problem` says why it cannot be
    used now.
    """

    name: str
    context: int | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a service still gives of `kind` (requests or tokens): `left` of `most`.

    All of it is there `again` in so many seconds; None where the service does not say.
    """

    kind: str
    left: int
    most: int
    again: float | None = None


@runtime_checkable
class Rationed(Protocol):
    """A provider whose service says what is left of its limits."""

    @property
    def allowances(self) -> Sequence[Allowance]:
        """What is left, as far as the last answer said; empty where nobody knows."""
        ...


@runtime_checkable
class Sized(Protocol):
    """A provider that asks its service for a context of a certain size."""

    @property
    def context(self) -> int | None:
        """How many tokens it asks for; None where it leaves that to the service."""
        ...


@runtime_checkable
class TakesTools(Protocol):
    """A provider that can offer tools by its service's own means."""

    async def takes_tools(self, model: str) -> bool | None:
        """Return whether a model takes them; None where nobody knows. Raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a model; None is what nobody knows.

    `here` says that nothing that is sent to it leaves this machine, `images` that it sees them.
    """

    here: bool = False
    images: bool | None = None


@runtime_checkable
class Described(Protocol):
    """A provider that can say of a model what decides whether it may be asked."""

    def describe(self, model: str) -> Traits:
        """Return what is known by now, without asking anybody."""
        ...


@runtime_checkable
class Learns(Described, Protocol):
    """A provider whose service says of its models what is not known before."""

    async def learn(self, model: str) -> None:
        """Ask the service about a model, once. Raises nothing."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A provider that can do beforehand what the first request to a model would wait for."""

    async def prepare(self, model: str, /) -> None:
        """Import what is needed and ask what has to be known. Raises nothing."""
        ...


@runtime_checkable
class TakesSchema(Protocol):
    """A provider that can ask its service to hold an answer to a JSON Schema."""

    @property
    def takes_schema(self) -> bool:
        """Whether there is a way to ask for it; the service may still not follow."""
        ...


class Provider(Protocol):
    """Something that produces the next message of a conversation.

    `local` providers run on the person's own machine and cost nothing.
    """

    name: str
    local: bool

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Yield chunks as they arrive, a `Finish` last; closing the iterator ends the request.

        Raises:
            ProviderError: and nothing else, whatever the service does.
        """
        ...

    async def models(self) -> Sequence[ModelInfo]:
        """Return what this provider offers; raises ProviderError."""
        ...

    async def close(self) -> None:
        """Give back connections. May be called twice."""
        ...


@runtime_checkable
class TakesFiles(Provider, Protocol):
    """A provider whose models are files on this machine, which a person adds."""

    def add(self, file: str, name: str = "") -> ModelInfo:
        """Add the model in a file; without a name it is called as the file is.

        Raises:
            ConfigError: the file holds no model, or the name is taken or cannot be one.
        """
        ...

    def remove(self, name: str) -> str:
        """Forget a model, and return the path of its file, which stays.

        Raises:
            ConfigError: there is none of this name.
        """
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """A model to ask; `model` is its name without the provider's.

    `reason` says why it is asked, where its place in the chain is not reason enough; `passed` are
    lines about those before it.
    """

    provider: Provider
    model: str
    reason: str = ""
    passed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The model as provider/model."""
        return f"{self.provider.name}/{self.model}"


class Ways(Protocol):
    """Knows how models call: by their services' own means, or by helper blocks."""

    async def native(self, provider: Provider, model: str) -> bool:
        """Return whether a model is offered tools by its service's own means."""
        ...

    def refused(self, provider: Provider, model: str) -> None:
        """Take note that a service refused them: from now on it is helper blocks."""
        ...


class Router(Protocol):
    """Knows which models may be asked, and learns from what comes of it.

    `patience` is how many seconds a step may wait for a model that is busy.
    """

    patience: float

    async def choices(self, request: Request, without: Sequence[str] = ()) -> Sequence[Choice]:
        """Return whom to ask, the best first; empty only where `without` leaves nobody.

        Args:
            request: what is asked; its purpose and what it needs decide.
            without: models that have failed, as provider/model.

        Raises:
            ConfigError: nobody may be asked.
        """
        ...

    def failed(self, choice: Choice, error: ProviderError) -> None:
        """Take note that a model failed."""
        ...

    def answered(self, choice: Choice, ms: float) -> None:
        """Take note that a model gave a whole message, in so many milliseconds."""
        ...


ToolEvent = ToolOutput | NetworkRequested | ToolFinished
"""What comes of a call."""


class Executor(Protocol):
    """Something that runs calls. `policy` says in a few words what they may touch."""

    name: str
    policy: str

    async def start(self) -> None:
        """Make ready, so that the first call does not wait; may be called again.

        Raises:
            SandboxUnavailable: nothing can run here; the message and hint say why and the fix.
        """
        ...

    def run(self, request: ToolRequested) -> AsyncIterator[ToolEvent]:
        """Run the call: any number of other events, then one `ToolFinished`.

        A failure of the code, a timeout or a limit is a status of `ToolFinished`.

        Raises:
            ExecutorError: the executor itself failed.
        """
        ...

    async def interrupt(self) -> None:
        """End what is running: its `run` finishes with status `cancelled` and the output so far."""
        ...

    async def close(self) -> None:
        """End everything that was started. May be called twice."""
        ...


class Approver(Protocol):
    """Rules, and somebody who answers where they do not: they say whether a call may run."""

    async def concern(self, request: ToolRequested) -> ApprovalRequested | ApprovalDecided | None:
        """Return what has to be answered before the call may run, a decision, or None.

        It is asked before every run of a call that is not approved, so it takes microseconds where
        there is nothing to look at, and may be asked again about the same call.
        """
        ...

    async def review(self, request: ToolRequested, asked: ApprovalRequested) -> ApprovalDecided:
        """Return the answer to what was asked about the call."""
        ...


class Context(Protocol):
    """Turns the conversation into what is sent."""

    def request(self, conversation: Conversation) -> Request:
        """Return the next request. Costs what the newest message costs, not what all do."""
        ...


@runtime_checkable
class Native(Context, Protocol):
    """A context that can offer tools by a service's own means; `native` says whether it does."""

    native: bool


@runtime_checkable
class Bounded(Context, Protocol):
    """A context that knows how much fits into it, and what its parts take."""

    @property
    def budget(self) -> Budget | None:
        """What there is room for; None where nobody knows."""
        ...

    def tokens(self, conversation: Conversation) -> int:
        """Return the tokens of the next request. Costs what the newest message costs."""
        ...

    def sizes(self, conversation: Conversation) -> Sequence[int]:
        """Return the tokens of each message."""
        ...

    def digest(self, conversation: Conversation, plan: Compact, focus: str) -> Request:
        """Return the request for a summary; `focus` is what the person wants kept in mind."""
        ...


class Meter(Protocol):
    """Counts tokens and knows prices."""

    def count(self, text: str) -> int:
        """Return the (estimated) number of tokens of `text`, without blocking."""
        ...

    async def cost(self, provider: Provider, model: str, usage: Usage) -> Cost | None:
        """Return what `usage` costs, or None where nobody knows the price."""
        ...


@runtime_checkable
class Calibrated(Meter, Protocol):
    """A meter that learns from the counts of services how these count; none of it blocks."""

    def content(self, text: str) -> Content:
        """Return what counts of `text`."""
        ...

    def size(self, content: Content) -> int:
        """Return the tokens of a part of a request, by the count of the model in use."""
        ...

    def estimate(self, content: Content, lineage: int) -> int:
        """Return the tokens of a whole request; see `Request` for its lineage."""
        ...

    def learn(self, provider: str, request: Request, usage: Usage) -> str:
        """Take in what a service counted; return what a person has to know, or nothing."""
        ...


class Accounts(Protocol):
    """Keeps what calls cost within the budgets, and tells a person of what is left of them."""

    async def reserve(self, choice: Choice, request: Request, state: Conversation) -> None:
        """Hold what a call may cost, until `settle`; may wait for other calls to end.

        Raises:
            BudgetExceeded: the call may not be made.
        """
        ...

    async def settle(self, state: Conversation) -> Sequence[str]:
        """Let go what is held, after the records of what it took; return what a person is told."""
        ...


class Store(Protocol):
    """Keeps the durable records of one session."""

    def append(self, record: Record, *, sync: bool = False) -> None:
        """Add one record. With `sync` it has reached the disk when this returns.

        Raises:
            SessionError: it could not be written.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """What a display draws on, and what it is there for; a display is made with one.

    `live` says that `stream` is a terminal whose lines can be redrawn, `links` that it shows
    links. `theme` is `dark`, `light`, `contrast` or `none`, which is without any colour or shape.
    `size` returns columns and rows. `answers` says whether to show the model's text, or only the
    work around it, and `prompts` whether to show the person's. `spent` is what the session has cost
    before. `stage` shows the text that is staged, lines with colours, in place of the one before;
    where it is given, a display does not draw that on the stream itself.
    `words` asks for words instead of signs and boxes, for a screen reader. `rest` is what a
    person does to see all of an output that is folded, `{call}` standing for the call's id; it is
    empty where there is no way. `asks` says that the person is asked for approvals on this very
    terminal, so that the questions stand there already.
    """

    stream: TextIO
    live: bool = False
    links: bool = False
    theme: str = "none"
    size: Callable[[], tuple[int, int]] = lambda: (80, 24)
    answers: bool = True
    prompts: bool = True
    spent: Spend = Spend()
    stage: Callable[[str], None] | None = None
    words: bool = False
    rest: str = ""
    asks: bool = False


class Display(Protocol):
    """Shows records. It only reads; one that raises is switched off and the loop goes on."""

    def show(self, record: Record) -> None:
        """Show one record, durable or transient."""
        ...


@runtime_checkable
class Settles(Display, Protocol):
    """A display that redraws what it showed last."""

    def settle(self) -> None:
        """Leave the terminal to others, until the next record."""
        ...


@runtime_checkable
class Themed(Display, Protocol):
    """A display whose theme can be changed while it shows; see `Surface` for their names."""

    theme: str


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> int:
        """Return Unix time in milliseconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...
