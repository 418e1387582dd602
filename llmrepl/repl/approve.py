"""Asks the person whether a call may run, and shows what there is to know about it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from llmrepl.conversing.drafting.external import in_editor
from llmrepl.conversing.questions import (
    KEYS,
    RULE,
    SUFFIXES,
    WHY_NOT,
    code_of,
    decided,
    edited,
    options_of,
    parsed,
    question,
    refused,
    suggested,
    told,
    with_rules,
)
from llmrepl.displays.paint import Paint
from llmrepl.errors import LlmreplError
from llmrepl.events import ApprovalDecided, ApprovalRequested, ToolRequested
from llmrepl.record import Record
from llmrepl.repl.choice import INTERRUPT, choose
from llmrepl.repl.keys import lent
from llmrepl.sanitise import clean

ENDED = 2.0
"""Seconds that an interrupt may take to end a question."""

ACCEPTS = "Alt-Enter takes the change, Ctrl-C goes back to the question"


class AskPerson:
    """Asks on the terminal, and is shown every record to know which code is on the screen.

    Args:
        aside: leaves the terminal to the question while it is asked.
        called: is called when a question is about to be asked.
    """

    def __init__(
        self,
        aside: Callable[[], AbstractAsyncContextManager[None]],
        called: Callable[[], None],
    ) -> None:
        self._paint = Paint("none")
        self._aside = aside
        self._called = called
        self._shown: object = None

    def dress(self, theme: str) -> None:
        """Ask in the colours of a theme from now on."""
        self._paint = Paint(theme)

    def show(self, record: Record) -> None:
        """Note which call's code was shown last."""
        if isinstance(record.event, ToolRequested):
            self._shown = record.event.arguments

    async def review(self, request: ToolRequested, asked: ApprovalRequested) -> ApprovalDecided:
        """Return the person's decision."""
        async with self._aside():
            return await self._ask(request, asked)

    async def _ask(self, request: ToolRequested, asked: ApprovalRequested) -> ApprovalDecided:
        self._show(request, asked)
        self._called()
        options = options_of(request, asked)
        while True:
            option = await self._choose(request, options)
            try:
                decision = await self._decided(request, asked, option)
            except (EOFError, KeyboardInterrupt):
                continue  # back to the question
            if decision is not None:
                return decision

    def _show(self, request: ToolRequested, asked: ApprovalRequested) -> None:
        lines = []
        code = code_of(request)
        if code is not None and self._shown != request.arguments:
            bar = self._paint("│ ", "cyan")
            painted = self._paint.code(clean(code), request.language)
            lines += [bar + line for line in painted.split("\n")]
            self._shown = request.arguments
        for lead, text, style in told(asked):
            lines += self._told(lead, text, *filter(None, (style,)))
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()

    def _told(self, lead: str, text: str, *style: str) -> list[str]:
        """Return the lines of something said, broken between words."""
        columns = shutil.get_terminal_size().columns
        rows = textwrap.wrap(
            clean(text),
            max(columns - 1, len(lead) + 10),
            initial_indent=lead,
            subsequent_indent=" " * len(lead),
            break_on_hyphens=False,
        )
        return [self._paint(row, *style) if style else row for row in rows or [lead.rstrip()]]

    async def _choose(self, request: ToolRequested, options: list[str]) -> str:
        first = question(request)
        named = [(KEYS[o][0], KEYS[o][1]) for o in options]

        def line(columns: int) -> str:
            plain = [first, *(f"{key} {what}" for key, what in named)]
            painted = [first, *(f"{self._paint(key, 'bold')} {what}" for key, what in named)]
            return _packed(plain, painted, columns)

        option = await choose({KEYS[option][0]: option for option in options}, line)
        if option == INTERRUPT:
            signal.raise_signal(signal.SIGINT)  # Ctrl-C is meant for the whole turn,
            await asyncio.sleep(ENDED)  # which ends this with the rest of it
        return option

    async def _decided(
        self, request: ToolRequested, asked: ApprovalRequested, option: str
    ) -> ApprovalDecided | None:
        """Return the decision that `option` makes, None where the person thought better of it."""
        match option:
            case "always" | "never":
                rules = await _rules(suggested(asked, option))
                return with_rules(request.call_id, option, rules)
            case "edit":
                code = str(request.arguments["code"])
                return edited(request, await _edited(code, SUFFIXES.get(request.language, "")))
            case "reason":
                return refused(request, await _line(WHY_NOT))
            case _:
                return decided(request, asked, option)


def _packed(plain: Sequence[str], painted: Sequence[str], columns: int) -> str:
    """Return what can be chosen, with as many a line as it has room for, and none broken."""
    text, used = painted[0], len(plain[0])
    for bare, item in zip(plain[1:], painted[1:], strict=True):
        fits = used + 2 + len(bare) < columns
        text += ("  " if fits else "\n  ") + item
        used = used + 2 + len(bare) if fits else 2 + len(bare)
    return text


async def _rules(suggested: Sequence[str]) -> list[str]:
    """Let the person change the suggested rules, and return those that are left.

    Raises:
        EOFError, KeyboardInterrupt: the person thought better of it.
    """
    rules = []
    for line in suggested:
        text = line
        while text := (await _line(RULE, text)).strip():
            try:
                rules.append(parsed(text))
                break
            except LlmreplError as error:
                sys.stdout.write(f"{clean(error.message)}\n  {clean(error.hint)}\n")
    return rules


async def _line(message: str, default: str = "", *, multiline: bool = False) -> str:
    from prompt_toolkit import PromptSession

    session: PromptSession[str] = PromptSession()
    return await session.prompt_async(
        message,
        default=default,
        multiline=multiline,
        bottom_toolbar=ACCEPTS if multiline else None,
        handle_sigint=False,
    )


async def _edited(code: str, suffix: str) -> str:
    """Return what the person makes of `code`: in their editor, or in place where they have none."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        return await _line("", code, multiline=True)
    return await asyncio.to_thread(_in_editor, code, editor, suffix)


def _in_editor(code: str, editor: str, suffix: str) -> str:
    try:
        with lent(sys.stdin):
            return in_editor(code, f"block{suffix}", editor)
    except LlmreplError as error:
        sys.stdout.write(f"{clean(error.message)}\n")
        return code
