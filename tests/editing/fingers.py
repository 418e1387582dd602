"""The line editor with keys from a pipe and no screen."""

import asyncio
from contextlib import contextmanager
from pathlib import Path

from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from llmrepl.config import load
from llmrepl.repl.editing.session import prompt_session

ENTER, ALT_ENTER, CTRL_J, CTRL_C, CTRL_D = "\r", "\x1b\r", "\n", "\x03", "\x04"
CTRL_R, UP, DOWN, RIGHT, TAB = "\x12", "\x1b[A", "\x1b[B", "\x1b[C", "\t"


def paste(text):
    return f"\x1b[200~{text}\x1b[201~"


@contextmanager
def editor(home, text="", **options):
    """An editor with what is configured, and the pipe that it reads."""
    file = home / "config.toml"
    file.write_text(text)
    config = load({}, {"HOME": str(home)}, Path.cwd(), user_file=file).config
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield prompt_session(config, input=pipe, output=DummyOutput(), **options), pipe


LASTING = ("_poll_output_size", "auto_flush_input")
"""Tasks of the editor that only watch the clock."""


async def settled(app):
    """Wait until what runs beside the keys is done: loading the history, suggesting, editing."""
    while running := [
        task
        for task in app._background_tasks
        if not task.done() and task.get_coro().__name__ not in LASTING
    ]:
        _, left = await asyncio.wait(running, timeout=20)
        assert not left


def entered(home, *keys, text="", pause=0.0, **options):
    """Press keys, with pauses between them, and return what was sent."""

    async def run():
        with editor(home, text, **options) as (session, pipe):
            reading = asyncio.ensure_future(session.prompt_async())
            for key in keys:
                pipe.send_text(key)
                await asyncio.sleep(pause)
                await settled(session.app)
            return await asyncio.wait_for(reading, 20), session

    return asyncio.run(run())
