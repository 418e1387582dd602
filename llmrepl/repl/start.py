"""Makes ready what a chat's turns need, while the first prompt is already up."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from functools import partial

from llmrepl.compose import Assembly, assemble
from llmrepl.compose.again import show_again
from llmrepl.compose.opening import Wanted
from llmrepl.config import Loaded
from llmrepl.conversing.attention import Attention
from llmrepl.conversing.looking import glance
from llmrepl.conversing.warming import warm
from llmrepl.displays.opening import open_display, surface_for
from llmrepl.ports import Surface, Themed
from llmrepl.repl.approve import AskPerson
from llmrepl.repl.paging import Paging
from llmrepl.repl.panel import RESERVED, Panel

REST = "/show {call}"
"""What shows all of an output that is folded."""


async def start(loaded: Loaded, session: tuple[str, bool, str, str], panel: Panel) -> Assembly:
    """Assemble a chat, and start its sandbox and its meter in the background.

    Args:
        loaded: the configuration.
        session: what to resume, whether to continue the last one, a session's id, and what to fork.
        panel: the prompt, which steps aside for questions, and shows what is staged.

    Raises:
        LlmreplError: something does not fit.
    """
    ui = loaded.config.ui
    look = panel.look
    surface = surface_for(sys.stdout, look.theme, os.environ, words=ui.screen_reader)
    look.suppose(surface.theme)
    attention = Attention(sys.__stdout__ or sys.stdout, os.environ, bell=ui.bell, title=ui.title)
    person = AskPerson(panel.aside, attention.asks)
    look.follow(person.dress)
    assembly = await assemble(loaded.config, wanted=Wanted(*session), person=person)
    assembly.words = surface.words
    assembly.look = look
    assembly.front = Paging(lambda: look.theme, ui.display)
    try:
        if assembly.opened and (assembly.opened.records or assembly.opened.log.repaired):
            show_again(assembly.opened, ui.display, replace(surface, rest=REST))
        spent = assembly.runtime.state.session_spend
        live = replace(surface, spent=spent, rest=REST, asks=True)
        if panel.live:
            live = replace(live, stage=panel.stage, size=lambda: _above_prompt(surface))
        else:
            live = replace(live, prompts=False)  # the prompt stands above the answer already
        # In a thread, because a plugin's modules would hold up the keys being typed.
        assembly.display = await asyncio.to_thread(open_display, ui.display, live)
        if isinstance(assembly.display, Themed):
            look.follow(partial(setattr, assembly.display, "theme"))
    except BaseException:
        await assembly.close()
        raise
    await asyncio.to_thread(assembly.views.load)
    assembly.runtime.subscribe(assembly.display)
    assembly.runtime.subscribe(person)
    assembly.runtime.subscribe(assembly.context_size)
    assembly.runtime.subscribe(attention)
    assembly.readiness.begin()
    assembly.warming = asyncio.ensure_future(warm(assembly))
    assembly.looking = asyncio.ensure_future(glance(assembly))
    return assembly


def _above_prompt(surface: Surface) -> tuple[int, int]:
    columns, rows = surface.size()
    return columns, max(RESERVED, rows - RESERVED)
