"""What is offered while somebody types: commands, their arguments, and `@path`.

It works in threads, and imports what it needs there: the first prompt waits for none of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from llmrepl.repl.editing.mentions import begun, mention

if TYPE_CHECKING:
    from llmrepl.config import Config
    from llmrepl.repl.editing.arguments import Arguments
    from llmrepl.repl.editing.files import ProjectFiles

MOST = 50
"""Rows of a menu."""


class _Sources(NamedTuple):
    files: ProjectFiles
    arguments: Arguments


class Completions(Completer):
    """Completes a prompt.

    Args:
        config: what is configured.
        environ: the environment variables.
        directory: the current one.
        others: as `Arguments` takes it.
    """

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        directory: Path,
        others: Mapping[str, Callable[[], Iterable[tuple[str, str]]]] | None = None,
    ) -> None:
        self._config = config
        self._environ = environ
        self._directory = directory
        self._others = others
        self._made: _Sources | None = None

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """Yield what can stand at the cursor, the best first. Blocking."""
        del complete_event
        before = document.text_before_cursor
        if mentioned := begun(before):
            yield from self._files(*mentioned, len(before))
        elif before.startswith("/") and "\n" not in before:
            name, space, rest = before[1:].partition(" ")
            yield from self._arguments(name, rest) if space else self._commands(name)

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Yield the same from a thread; whoever waits no longer does not wait for its end."""
        found = self.get_completions(document, complete_event)
        for completion in await asyncio.to_thread(list, found):
            yield completion

    @property
    def _sources(self) -> _Sources:
        if self._made is None:
            from llmrepl.repl.editing.arguments import Arguments
            from llmrepl.repl.editing.files import ProjectFiles

            self._made = _Sources(
                ProjectFiles(self._directory),
                Arguments(self._config, self._environ, self._directory, self._others),
            )
        return self._made

    def _files(self, typed: str, start: int, end: int) -> Iterator[Completion]:
        from llmrepl.repl.editing.fuzzy import best

        outside = typed.startswith(("/", "~", "../"))
        if outside:
            named = [choice.text for choice in self._sources.arguments.paths(typed)]
            names = [name for name in named if name.startswith(typed)][:MOST]
        else:
            names = best(typed, self._sources.files.paths(), MOST)
        for name in names:
            folder, _, last = name.removesuffix("/").rpartition("/")
            # A directory is gone on with, so its quotes stay open.
            text = mention(name)
            text = text.removesuffix('"') if name.endswith("/") else text
            shown = last + "/" * name.endswith("/")
            yield Completion(text, start - end, display=shown, display_meta=folder)

    def _commands(self, typed: str) -> Iterator[Completion]:
        from llmrepl.repl.commands.table import COMMANDS
        from llmrepl.repl.editing.fuzzy import best

        begin = [name for name in COMMANDS if name.startswith(typed)]
        others = best(typed, (name for name in COMMANDS if name not in begin), MOST)
        for name in (*begin, *others):
            command = COMMANDS[name]
            shown = f"/{name} {command.argument}".rstrip()
            yield Completion(f"/{name}", -len(typed) - 1, shown, command.purpose)

    def _arguments(self, name: str, typed: str) -> Iterator[Completion]:
        from llmrepl.repl.commands.table import COMMANDS
        from llmrepl.repl.editing.fuzzy import best

        command = COMMANDS.get(name)
        if command is None:
            return
        word = typed.rpartition(" ")[2]
        usage = command.completes or command.argument
        choices = {choice.text: choice for choice in self._sources.arguments.choices(usage, typed)}
        begin = [text for text in choices if text.startswith(word)]
        others = best(word, (text for text in choices if text not in begin), MOST)
        for text in (*begin, *others)[:MOST]:
            yield Completion(text, -len(word), display_meta=choices[text].about)
