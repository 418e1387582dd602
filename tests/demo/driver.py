"""Runs the assistant the way the runtime does: real parser, real rendering, real execution.

The blocks are the assistant's own code, so they run in plain processes.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from llmrepl.context.render import chat_message
from llmrepl.conversation import Message
from llmrepl.parser import Block, BlockParser
from llmrepl.parts import Output, ToolResult
from llmrepl.ports import ChatMessage, Finish, Request
from llmrepl.providers.demo import Assistant

MOST_STEPS = 8
COMMANDS = {
    "python": [sys.executable, "-I", "-X", "utf8", "-c"],
    "bash": ["bash", "--noprofile", "--norc", "-c"],
}


@dataclass
class Chat:
    """A chat with the assistant in `folder`.

    `forced` are results by the number of the block in the turn, instead of running it.
    """

    folder: Path
    messages: list[ChatMessage] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    forced: Mapping[int, ToolResult] = field(default_factory=dict)

    def ask(self, question: str) -> str:
        """Return the answer; `blocks` are then the turn's."""
        self.messages.append(ChatMessage("user", question))
        self.blocks = []
        for _ in range(MOST_STEPS):
            text = said(self.messages)
            self.messages.append(ChatMessage("assistant", text))
            found = blocks_of(text)
            assert len(found) <= 1, "one block per message"
            if not found:
                return text
            self.blocks += found
            forced = self.forced.get(len(self.blocks))
            result = forced or execute(found[0], self.folder)
            self.messages.append(chat_message(Message("tool", (result,))))
        raise AssertionError(f"no answer after {MOST_STEPS} steps: {text}")

    @property
    def sources(self) -> list[str]:
        """The code of the turn's blocks."""
        return [block.calls[0].arguments["code"] for block in self.blocks]


def said(messages: list[ChatMessage]) -> str:
    """Return the assistant's next message."""

    async def collect() -> str:
        request = Request("assistant", "be helpful", messages)
        chunks = [chunk async for chunk in Assistant(delay=0).stream(request)]
        assert chunks[-1] == Finish()
        return "".join(chunk.text for chunk in chunks[:-1])

    return asyncio.run(collect())


def blocks_of(text: str) -> list[Block]:
    """Return the helper blocks in a message; each must be one that may run."""
    parser = BlockParser()
    items = [*parser.feed(text), *parser.close()]
    found = [item for item in items if isinstance(item, Block)]
    calls = [call for block in found for call in block.calls]
    assert all(not call.problem and not call.ambiguous for call in calls)
    assert len(calls) == len(found)
    return found


def execute(block: Block, folder: Path) -> ToolResult:
    """Run a block in `folder`, and return what the model would be told."""
    language = block.calls[0].language
    done = subprocess.run(
        [*COMMANDS[language], block.calls[0].arguments["code"]],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    errors = "error" if language == "python" else "stderr"
    outputs = {"stdout": done.stdout, errors: done.stderr}
    parts = tuple(
        Output(stream, written.decode("utf-8", "replace"))
        for stream, written in outputs.items()
        if written
    )
    status = "error" if done.returncode else "ok"
    return ToolResult("c1", language, status, parts, done.returncode, 12.0)
