"""What a person wants to come instead of an action: it is asked for above the debugger's screen."""

from __future__ import annotations

from collections.abc import Mapping

from textual.screen import Screen

from llmrepl.errors import LlmreplError
from llmrepl.events import ToolRequested
from llmrepl.loop import CallModel
from llmrepl.parts import text_of
from llmrepl.stepping import (
    GIVEN,
    SKIPPED,
    Answer,
    Edit,
    Give,
    Instead,
    Skip,
    Tell,
    source,
    why_not,
    with_source,
)
from llmrepl_textual.debugging.breakpoints import (
    FORMS,
    LOOKED_AT,
    SECONDS,
    Breakpoint,
    about,
    parsed,
)
from llmrepl_textual.debugging.stepper import Pause
from llmrepl_textual.debugging.writing import Writing
from llmrepl_textual.widgets.dialogs import Ask, Pick


def can(wish: str, pause: Pause) -> bool:
    """Return whether there is something that a wish can be about: edit, inject, message, skip."""
    calls = about(pause.action)
    match wish:
        case "message":
            return not why_not(Tell(""), pause.state, pause.action)
        case "skip":
            skips = (Skip(request.call_id) for request in calls)
            return any(not why_not(skip, pause.state, pause.action) for skip in skips)
        case _:
            return bool(calls) or isinstance(pause.action, CallModel)


class Wishes:
    """Asks for them.

    Args:
        screen: what they stand above.
        environ: the environment variables, which name the person's editor.
    """

    def __init__(self, screen: Screen[None], environ: Mapping[str, str]) -> None:
        self._screen = screen
        self._environ = environ

    async def edit(self, pause: Pause) -> Instead | None:
        """Ask what a call is to run, or what the model is to be told; None for no change."""
        if isinstance(pause.action, CallModel):
            return await self.message(pause)
        request = await self._call(pause)
        if request is None:
            return None
        call = pause.state.call(request.call_id)
        if problem := why_not(Edit(request.call_id, {}), pause.state, pause.action):
            raise LlmreplError(f"{request.call_id} cannot be edited: {problem}")
        code, language = source(call)
        told = "It runs as you change it, if the rules allow that."
        text = await self._written(f"{request.name} {request.call_id}", told, code, language)
        return None if text is None else with_source(call, text)

    async def prompt(self, pause: Pause) -> str:
        """Ask for another prompt of a turn that has just begun; empty for none."""
        prompt = text_of(pause.state.messages[-1].parts)
        told = "The turn is taken back, and begins again with this."
        text = await self._written("The prompt", told, prompt, "markdown") or ""
        return text if text.strip() and text != prompt else ""

    async def inject(self, pause: Pause) -> Instead | None:
        """Ask for a call's result, or for the model's answer."""
        if isinstance(pause.action, CallModel):
            told = "Nobody is asked: this is the model's message. It may have helper blocks."
            answer = await self._written("In the model's stead", told, language="markdown")
            return Answer(answer) if answer and answer.strip() else None
        request = await self._call(pause)
        if request is None:
            return None
        ways = Pick(f"How does {request.name} {request.call_id} end?", dict.fromkeys(GIVEN, ""))
        status = await self._screen.app.push_screen_wait(ways)
        if not status:
            return None
        told = "It does not run: this is what the model sees of it."
        text = await self._written(f"The result of {request.name} {request.call_id}", told)
        return None if text is None else Give(request.call_id, text, status)

    async def message(self, _: Pause) -> Instead | None:
        """Ask what the model is to be told with its next request."""
        told = "It goes with the next request; the turn stays paused."
        text = await self._written("To the model", told, language="markdown")
        return Tell(text) if text and text.strip() else None

    async def skip(self, pause: Pause) -> Instead | None:
        """Ask why a call is not to run."""
        request = await self._call(pause)
        if request is None:
            return None
        asked = Ask(f"Why not {request.name} {request.call_id}?", (), empty=SKIPPED)
        answer = await self._screen.app.push_screen_wait(asked)
        return Skip(request.call_id, answer.strip() or SKIPPED) if answer else None

    async def breakpoint(self) -> Breakpoint | None:
        """Ask for a breakpoint."""
        width = max(len(form) for form, _ in FORMS)
        forms = [f"{form:{width}}  {told}".rstrip() for form, told in FORMS]
        bound = f"Patterns: {LOOKED_AT} characters of a text, for {SECONDS} s."
        text, problem = "", ""
        while True:
            told = tuple(filter(None, (*forms, bound, problem)))
            asked = Ask("Where is a turn to pause?", told, value=text)
            text = (await self._screen.app.push_screen_wait(asked))[1:].strip()
            if not text:
                return None
            try:
                return parsed(text)
            except LlmreplError as error:
                problem = f"{error.message}; {error.hint}"

    async def _written(
        self, title: str, told: str, text: str = "", language: str = ""
    ) -> str | None:
        """Return what a person writes; None where they do not."""
        writing = Writing(title, (told,), self._environ, text=text, language=language)
        answer = await self._screen.app.push_screen_wait(writing)
        return answer[1:] if answer else None

    async def _call(self, pause: Pause) -> ToolRequested | None:
        """Return the call that an action is about: where there are several, a person picks it."""
        requests = {request.call_id: request for request in about(pause.action)}
        if len(requests) == 1:
            return next(iter(requests.values()))
        codes = {name: source(pause.state.call(name))[0].strip() for name in requests}
        things = {name: " ".join(code.split()) for name, code in codes.items()}
        picked = await self._screen.app.push_screen_wait(Pick("Which call?", things))
        return requests.get(picked)
