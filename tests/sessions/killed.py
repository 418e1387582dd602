"""Lives through a scripted session of one kind, to be killed in the middle of it.

Arguments: the kind, the model. Every record is printed the moment it is in a log, behind the
session's id; `import` prints the id of each session it has made, and `branch` that of a named fork.
That a summary is asked for is printed, too.
"""

import asyncio
import os
import sys
from pathlib import Path

from llmrepl.compose import assemble
from llmrepl.compose.importing import imported
from llmrepl.compose.opening import Wanted
from llmrepl.compose.rewinding import go_on_in_fork, take_back
from llmrepl.config import load
from llmrepl.config.paths import search_index
from llmrepl.events import ContextCompacted, ContextCompacting, ContextTrimmed
from llmrepl.parts import Image, Text
from llmrepl.redaction import NOTHING
from llmrepl.sessions.search.index import SearchIndex

WORD = "needle"
"""Stands in every prompt, and is what the index is asked for."""

CONVERSATIONS = 12


def acknowledge(*words):
    os.write(1, b" ".join(words) + b"\n")


class Life:
    """The steps that a kind of session is made of; each is a method."""

    def __init__(self, assembly):
        self.assembly = assembly
        self.turns = 0
        assembly.opened.log.on_line = self.tell  # a session that is gone on with takes it over
        assembly.runtime.subscribe(self)

    def show(self, record):
        if isinstance(record.event, ContextCompacting):
            acknowledge(b"compacting", self.assembly.session_id.encode())

    def tell(self, line):
        acknowledge(self.assembly.session_id.encode(), line)

    async def turn(self):
        self.turns += 1
        await self.assembly.runtime.turn((Text(f"{WORD} {self.turns}"),))

    async def picture(self):
        self.turns += 1
        image = Image("image/png", data="iVBORw0K" * 40_000)
        await self.assembly.runtime.turn((Text(f"{WORD} {self.turns}"), image))

    async def command(self):
        place = os.environ["LLMREPL_SANDBOX_WRITE"]
        await self.assembly.runtime.command(f"echo typed >> {place}/effects")

    async def fork(self):
        go_on_in_fork(self.assembly)

    async def branch(self):
        go_on_in_fork(self.assembly, "branch")
        acknowledge(b"forked", self.assembly.session_id.encode())

    async def undo(self):
        await take_back(self.assembly, files=False)

    async def compact(self):
        runtime = self.assembly.runtime
        runtime.record(ContextTrimmed(messages=len(runtime.state.messages), characters=200))
        await runtime.compact(WORD)

    async def shorten(self):
        """Let a summary stand for all that nobody was asked for, and that is longer than a page."""
        runtime = self.assembly.runtime
        kept = len(runtime.state.messages)
        runtime.record(ContextCompacted(summary=f"{WORD} " * 2000, replaced=kept - 1))

    async def uncompact(self):
        self.assembly.runtime.restore()

    async def search(self):
        for _ in range(3):
            self.assembly.search_sessions(WORD, 10)

    async def imports(self):
        directory = self.assembly.config.sessions.directory
        for made in imported(Path("chats.json"), "openai", directory, "", NOTHING):
            acknowledge(b"imported", made.id.encode())
            with SearchIndex(directory, search_index(os.environ, directory)) as index:
                index.update()


KINDS = {
    "turn": (Life.turn,),
    "command": (Life.turn, Life.command, Life.turn, Life.command),
    "fork": (Life.turn, Life.fork, Life.turn, Life.branch, Life.turn),
    "undo": (Life.turn, Life.turn, Life.undo, Life.turn, Life.undo, Life.turn),
    "compact": (
        *(Life.turn, Life.turn, Life.compact, Life.turn),
        *(Life.uncompact, Life.compact, Life.shorten, Life.turn),
    ),
    "tight": (Life.turn, Life.turn, Life.turn, Life.turn),
    "search": (Life.turn, Life.search, Life.turn, Life.search),
    "large": (Life.picture, Life.turn, Life.picture),
    "import": (Life.imports, Life.turn),
    "sealed": (Life.turn, Life.fork, Life.picture, Life.search, Life.turn),
}
"""What happens in a session of each kind."""


async def main(kind, model):
    loaded = load({"model": model}, os.environ, Path.cwd())
    assembly = await assemble(loaded.config, wanted=Wanted(session="first"))
    life = Life(assembly)
    for step in KINDS[kind]:
        await step(life)
    await assembly.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
