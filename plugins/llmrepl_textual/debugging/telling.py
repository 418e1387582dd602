"""What is told of a turn that is stepped through: what waits, the state that led to it, the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmrepl.compose import Assembly
from llmrepl.compose.sent import Sent
from llmrepl.context.telling import Telling
from llmrepl.conversation import Call, Conversation, Spend
from llmrepl.figures import counted, duration, money, spent, tokens
from llmrepl.loop import CallModel, FinishStep, FinishTurn, Limits, Work
from llmrepl.parts import Output, Part, Text, ToolResult, text_of
from llmrepl.stepping import source_of
from llmrepl_textual.debugging.breakpoints import about
from llmrepl_textual.debugging.stepper import Done, Pause
from llmrepl_textual.debugging.words import because, title
from llmrepl_textual.inspecting.facets import WORDS, Section, told_of

IDLE = (
    "No turn waits. A turn pauses before each action once p is pressed, and at breakpoints, which b"
    " adds. What it is about to do then stands here, with what led to it."
)
NEWEST = 40
"""Messages of a request that are told: the last."""

RUNNING = "The turn runs. p lets it pause before its next action, x ends it."


def waiting(pause: Pause, assembly: Assembly) -> list[Section]:
    """Return what waits: the action, why the loop wants it, and what it is about."""
    state, action = pause.state, pause.action
    lines = f"{because(state, action)}\npaused: {pause.why}"
    name = f"next: {title(action)} · {type(action).__name__}"
    return [Section(name, lines, WORDS), *_matter(state, action, assembly)]


def _matter(state: Conversation, action: Work, assembly: Assembly) -> Iterable[Section]:
    match action:
        case CallModel():
            return _request(state, assembly)
        case FinishStep():
            return [Section(*_ended(result)) for result in state.results]
        case FinishTurn():
            answer = text_of(state.messages[-1].parts)
            return [Section("the last message", answer, "markdown")] if answer else []
        case _:
            calls = (state.call(request.call_id) for request in about(action))
            return [_call(call) for call in calls]


def _call(call: Call) -> Section:
    request = call.request
    text, language = source_of(request.arguments, request.language)
    told = [request.name, request.call_id, call.progress.value]
    told += ["edited"] * call.edited + ["ambiguous"] * request.ambiguous
    return Section(" · ".join(told), text, language)


def _ended(result: ToolResult) -> tuple[str, str]:
    parts = (_plain(part) for part in result.parts)
    return f"{result.name} {result.call_id} · {result.status}", "\n".join(filter(None, parts))


def _plain(part: Part) -> str:
    return part.text if isinstance(part, Output | Text) else ""


def _request(state: Conversation, assembly: Assembly) -> list[Section]:
    """Return the request as it would go out now."""
    window, count = assembly.window, assembly.meter.count
    request = window.request(state)
    telling = Telling(tuple(tool.name for tool in request.tools))
    pieces = [
        piece for message in state.messages for told in telling.add(message) for piece in told
    ]
    step = f"{state.turn}.{state.step + 1}"
    sent = Sent(step, assembly.edges.provider.name, request.system, request.messages, pieces)
    told = [
        assembly.model,
        counted(len(request.messages), "message"),
        tokens(request.estimated_tokens, estimated=True) + " tokens",
        *([f"tools: {', '.join(tool.name for tool in request.tools)}"] if request.tools else []),
    ]
    messages = told_of(sent, count)
    newest = messages[: -NEWEST - 1 : -1]
    earlier = len(messages) - len(newest)
    if earlier:
        newest.append(Section("", f"and {counted(earlier, 'message')} before that", WORDS))
    name = "the request, its newest message first"
    return [Section(name, " · ".join(told), WORDS), *newest]


def standing(
    state: Conversation, limits: Limits, steering: Sequence[str], history: Sequence[Done]
) -> list[Section]:
    """Return the state of the loop, and what was done in the turn, the last first."""
    lines = [
        f"turn {state.turn} · step {state.step} of {limits.max_steps} · {state.phase.value}",
        f"the last message ended: {state.stop or '-'}",
        f"turn: {_spend(state.turn_spend)}",
        f"session: {_spend(state.session_spend)}",
    ]
    if limits.budget is not None:
        lines.append(f"budget: {money(limits.budget)}")
    lines.append(
        f"a turn may take {duration(limits.turn_seconds * 1000)}; the same call is warned about"
        f" at {limits.repeat_warn}, ends it at {limits.repeat_stop} (now {state.most_repeats})"
    )
    lines += (f"waits for the model: {text}" for text in (*state.notes, *steering))
    sections = [Section("state", "\n".join(lines), WORDS)]
    if state.calls:
        sections.append(Section("calls", "\n".join(map(_progress, state.calls))))
    if history:
        sections.append(
            Section("done in this turn", "\n".join(map(_done, reversed(history))), WORDS)
        )
    return sections


def _progress(call: Call) -> str:
    times = f" · {call.repeats} times" if call.repeats > 1 else ""
    return f"{call.request.call_id} {call.request.name} · {call.progress.value}{times}"


def _spend(spend: Spend) -> str:
    sent, said = spend.usage.input_tokens, spend.usage.output_tokens
    return f"↑{tokens(sent)} ↓{tokens(said)} · {spent(spend.cost, spend.unpriced)}"


def _done(done: Done) -> str:
    return f"{done.step} {done.what}" + (f"\n→ {done.came}" if done.came else "")
