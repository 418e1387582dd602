"""What can happen in a conversation: immutable facts in the past tense, and their codec.

An event holds only data that can be written as JSON, knows nothing of clocks or of how it will be
shown, and never changes once appended. *Transient* events drive live displays; the durable ones
alone rebuild the conversation. A type this version does not know becomes `Unknown` and encodes
back unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar

from llmrepl.figures import duration
from llmrepl.parts import Part, decode_parts, encode_parts, word
from llmrepl.usage import Cost, Usage, decode_cost, decode_usage, encode_cost, encode_usage

TYPES: dict[str, type[Event]] = {}
"""Every event class by its wire name."""

PERSON = "person"
"""Who gave what no executor or model gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base class. `type` is the wire name; `durable` says whether the log keeps it."""

    type: ClassVar[str] = ""
    durable: ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # super() without arguments breaks here: slots=True makes a second class.
        super(Event, cls).__init_subclass__(**kwargs)
        if "type" in cls.__dict__:
            TYPES[cls.type] = cls


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted(Event):
    """The person spoke. `source` is who: `person`, or the name of what spoke for them."""

    type = "turn.started"
    prompt: tuple[Part, ...]
    source: str = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSet(Event):
    """From here on each request begins with this system prompt, the tools it tells of included."""

    type = "system.set"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(Event):
    """A request went to the model. `estimated_tokens` is our count of what was sent.

    Where `provider` is `person`, no request went anywhere: a person wrote the message that follows.
    A step has more than one where requests failed before the first word. `tools` are those that
    were offered by the service's own means; where there are none, the model writes helper blocks.
    `schema` is the JSON Schema that the answer was to hold to, where there was one.
    """

    type = "step.started"
    provider: str
    model: str
    estimated_tokens: int = 0
    tools: tuple[str, ...] = ()
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChosen(Event):
    """Among the models of a chain this one is asked from now on, and `reason` says why.

    `purpose` is `main`, or what else it is asked for. `passed` are those before it in the chain,
    each as a line with what speaks against it.
    """

    type = "model.chosen"
    provider: str
    model: str
    purpose: str = "main"
    reason: str = ""
    passed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFailed(Event):
    """A request failed before the model's first word, and `next` is asked in the same step.

    `next` is a provider/model, which may be the same again, asked `wait` seconds later. `kind` is
    the error's class name. The request took `ms` milliseconds, and no tokens that are counted.
    """

    type = "request.failed"
    provider: str
    model: str
    kind: str
    message: str
    hint: str = ""
    next: str
    wait: float = 0.0
    ms: float = 0.0

    @property
    def name(self) -> str:
        """What failed, as provider/model."""
        return f"{self.provider}/{self.model}"

    @property
    def going_on(self) -> str:
        """What follows, as a line."""
        if self.next != self.name:
            return f"{self.next} is asked instead"
        if self.kind == "ToolsRefused":
            return f"{self.name} is asked again, with helper blocks"
        return f"{self.name} is asked again, {duration(self.wait * 1000)} later"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta(Event):
    """More of the model's text."""

    type = "text.delta"
    durable = False
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta(Event):
    """More of the model's reasoning."""

    type = "reasoning.delta"
    durable = False
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOpened(Event):
    """The model began a helper block."""

    type = "block.opened"
    durable = False
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockDelta(Event):
    """More of the helper block's body."""

    type = "block.delta"
    durable = False
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequested(Event):
    """The model asked for a call, or between two turns the person did.

    `arguments` is `{"code": str, "timeout"?: seconds}` for python and bash, else the tool's
    parameters. `origin` is `block` or `native` where the model asked, `person` where the person
    typed the call, and `aside` where they keep it from the model. `span` is the block's character
    range in the message. `ambiguous` blocks run only if a person says so. A call with a `problem`
    never runs: the problem goes back to the model.
    """

    type = "tool.requested"
    call_id: str
    name: str
    language: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "block"
    span: tuple[int, ...] = ()
    ambiguous: bool = False
    problem: str = ""


TYPED = frozenset({"person", "aside"})
"""The origins of calls that the person typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFinished(Event):
    """The model's message ended, for whatever reason `stop` gives; times in milliseconds.

    `cost` is None when nobody knows the model's price. `pace` says when its characters, those of
    blocks included, came, if not at once: milliseconds since the step started and how many, again
    and again.
    """

    type = "message.finished"
    parts: tuple[Part, ...]
    stop: str
    usage: Usage = Usage()
    cost: Cost | None = None
    first_token_ms: float | None = None
    total_ms: float = 0.0
    pace: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested(Event):
    """A call waits for somebody's word.

    `dangers` and `touches` say in words what it would do, as far as that can be told without
    running it; a person should see the dangers first. `rules` are what the options `session` and
    `always` would add.
    """

    type = "approval.requested"
    call_id: str
    question: str
    options: tuple[str, ...] = ("once", "deny")
    dangers: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDecided(Event):
    """The word was given: `decision` is one of the options, `by` is `person`, `rule` or `mode`.

    `once`, `session`, `always` and `edit` let the call run; everything else does not. `rules` are
    those that decided, or that the person added. `arguments` are what runs instead of the model's
    where a person edited the call.
    """

    type = "approval.decided"
    call_id: str
    decision: str
    by: str = "person"
    rules: tuple[str, ...] = ()
    reason: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted(Event):
    """A call was handed to the executor. After this record it is never run again."""

    type = "tool.started"
    call_id: str
    executor: str
    policy: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutput(Event):
    """More of what a running call writes."""

    type = "tool.output"
    durable = False
    call_id: str
    stream: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRequested(Event):
    """Something in the sandbox asked the proxy for a host.

    `call_id` names the call that ran then, "" where none did. `method` and `host` are empty, and
    `port` is 0, where it was no request at all. `decision` is `allow`, which does not say that the
    host answered, or `deny`; `rule` is the one that allowed the host's name, `address` the first of
    its addresses that was judged so, and `reason` explains a refusal in one line.
    """

    type = "network.requested"
    call_id: str = ""
    method: str = ""
    host: str = ""
    port: int = 0
    address: str = ""
    decision: str
    rule: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished(Event):
    """A call ended.

    `parts` is what the model sees, `display` what people see where that differs. `reason` explains
    any status but ok in one line. `dropped_bytes` of output were cut. `artifacts` are paths of
    files the call left for the person. `pace` says when its output came, if not at the end:
    milliseconds since the call started, the index in `parts`, and how many characters, again and
    again. `versions` are those of Python and of the packages that a block was the first to import.
    `by` is `person` where a person gave the result and nothing ran.
    """

    type = "tool.finished"
    call_id: str
    status: str
    parts: tuple[Part, ...] = ()
    display: str = ""
    exit_code: int | None = None
    ms: float = 0.0
    reason: str = ""
    dropped_bytes: int = 0
    artifacts: tuple[str, ...] = ()
    pace: tuple[int, ...] = ()
    versions: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""

    @property
    def given(self) -> str:
        """In a line, that this is no result of a run; empty where it is one."""
        return f"given by a {self.by}: it did not run" if self.by else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished(Event):
    """The message and all its calls are done; `ms` covers both."""

    type = "step.finished"
    usage: Usage = Usage()
    cost: Cost | None = None
    ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFinished(Event):
    """The turn ended for `reason` (a stop reason); usage and cost are the turn's sums."""

    type = "turn.finished"
    reason: str
    usage: Usage = Usage()
    cost: Cost | None = None
    ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextTrimmed(Event):
    """Long outputs gave way to their head and tail, in what is sent; the log keeps them whole.

    In the first `messages` messages no output is longer than `characters`. It made `outputs`
    shorter, by `dropped` characters.
    """

    type = "context.trimmed"
    messages: int
    characters: int
    outputs: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextCompacting(Event):
    """A model is asked for a summary of this many messages, which may take a while."""

    type = "context.compacting"
    durable = False
    messages: int
    tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextCompacted(Event):
    """The first `replaced` messages gave way to `summary`, all but those whose places are `kept`.

    `by` is `person`, between two turns, or `size`, before a request. `provider` and `model` wrote
    the summary, which took `usage`, `cost` and `ms` milliseconds; `focus` is what the person asked
    it to keep in mind. With a `problem` nothing gave way.
    """

    type = "context.compacted"
    summary: str
    replaced: int
    tokens_before: int = 0
    tokens_after: int = 0
    kept: tuple[int, ...] = ()
    by: str = "person"
    focus: str = ""
    provider: str = ""
    model: str = ""
    usage: Usage = Usage()
    cost: Cost | None = None
    ms: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextRestored(Event):
    """What the last compaction or trimming took from the context is sent again."""

    type = "context.restored"
    tokens_before: int = 0
    tokens_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextPinned(Event):
    """The person wants every summary to have this text word for word, or no longer."""

    type = "context.pinned"
    text: str
    pinned: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChanged(Event):
    """A setting changed while the session was open."""

    type = "config.changed"
    key: str
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRaised(Event):
    """Something failed: `kind` is the error's class name, `hint` how to mend it."""

    type = "error.raised"
    kind: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinished(Event):
    """A health check ended: `status` is ok, warning or failed."""

    type = "check.finished"
    name: str
    status: str
    message: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded(Event):
    """A remark for the `audience`: `person`, `model` (with the next request or prompt) or `both`.

    `call_id` names the unfinished call it is about, where it is about one.
    """

    type = "note.added"
    text: str
    audience: str = "person"
    call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom(Event):
    """Anything a plugin wants to record. The core never interprets it."""

    type = "custom"
    name: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """An event of a type this version does not know, kept as it came."""

    name: str
    data: Mapping[str, Any] = field(default_factory=dict)


Codec = tuple[Callable[[Any], Any], Callable[[Any], Any]]


def _same(value: Any) -> Any:
    return value


_PARTS: Codec = (encode_parts, decode_parts)
_LIST: Codec = (list, tuple)
_WORD: Codec = (_same, word)
_BY_NAME: dict[str, Codec] = {
    # A field's name means the same in every event, so its codec goes by name.
    "prompt": _PARTS,
    "parts": _PARTS,
    **dict.fromkeys(("name", "language", "status"), _WORD),
    "usage": (encode_usage, decode_usage),
    "cost": (encode_cost, decode_cost),
    "span": _LIST,
    "options": _LIST,
    "dangers": _LIST,
    "touches": _LIST,
    "rules": _LIST,
    "artifacts": _LIST,
    "kept": _LIST,
    "passed": _LIST,
    "tools": _LIST,
    "pace": _LIST,
}
_PLAIN: Codec = (_same, _same)


def _default_of(spec: Field[Any]) -> Any:
    if spec.default_factory is not MISSING:
        return spec.default_factory()
    return spec.default


_SHAPES: dict[type[Event], tuple[tuple[str, Any, Codec], ...]] = {}


def _shape(cls: type[Event]) -> tuple[tuple[str, Any, Codec], ...]:
    """Return (name, default, codec) of each field of `cls`."""
    shape = _SHAPES.get(cls)
    if shape is None:
        shape = tuple((f.name, _default_of(f), _BY_NAME.get(f.name, _PLAIN)) for f in fields(cls))
        _SHAPES[cls] = shape
    return shape


def encode(event: Event) -> dict[str, Any]:
    """Return `event` as JSON-ready data: `type`, and the fields that differ from the default."""
    if isinstance(event, Unknown):
        return {**event.data, "type": event.name}
    data: dict[str, Any] = {"type": event.type}
    for name, default, (to_json, _) in _shape(type(event)):
        value = getattr(event, name)
        if value != default:
            data[name] = to_json(value)
    return data


def decode(data: Mapping[str, Any]) -> Event:
    """Return the event that `encode` made `data` from.

    An unknown type becomes `Unknown`; an unknown field of a known type is ignored.

    Raises:
        KeyError: `data` has no `type`.
        TypeError: a field that the type needs is missing.
    """
    name = data["type"]
    cls = TYPES.get(name)
    if cls is None:
        return Unknown(name=name, data={k: v for k, v in data.items() if k != "type"})
    known = {
        n: data[n] if codec is _PLAIN else codec[1](data[n])  # a call less for most
        for n, _, codec in _shape(cls)
        if n in data
    }
    return cls(**known)
