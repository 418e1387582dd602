"""What is offered while somebody types: commands, their arguments, and `@path`.

Blocking, for threads; what it needs is imported there, and the first prompt waits for none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llmrepl.conversing.drafting.mentions import begun, mention

if TYPE_CHECKING:
    from llmrepl.config import Config
    from llmrepl.conversing.drafting.arguments import Arguments
    from llmrepl.conversing.drafting.files import ProjectFiles

MOST = 50
"""Rows of a menu."""


class Offer(NamedTuple):
    """A text that can stand in place of the last `length` characters before the cursor.

    `shown` is what a menu calls it, and `about` what it is.
    """

    text: str
    length: int
    shown: str
    about: str = ""


def worth_completing(before: str) -> bool:
    """Return whether something is offered for what stands before the cursor without being asked."""
    return before.startswith("/") or begun(before) is not None


class _Sources(NamedTuple):
    files: ProjectFiles
    arguments: Arguments


class Offers:
    """Knows what can be completed.

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

    def offered(self, before: str) -> Iterator[Offer]:
        """Yield what can stand at the cursor behind `before`, the best first."""
        if mentioned := begun(before):
            yield from self._files(*mentioned, len(before))
        elif before.startswith("/") and "\n" not in before:
            name, space, rest = before[1:].partition(" ")
            yield from self._arguments(name, rest) if space else self._commands(name)

    @property
    def _sources(self) -> _Sources:
        if self._made is None:
            from llmrepl.conversing.drafting.arguments import Arguments
            from llmrepl.conversing.drafting.files import ProjectFiles

            self._made = _Sources(
                ProjectFiles(self._directory),
                Arguments(self._config, self._environ, self._directory, self._others),
            )
        return self._made

    def _files(self, typed: str, start: int, end: int) -> Iterator[Offer]:
        from llmrepl.conversing.drafting.fuzzy import best

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
            yield Offer(text, end - start, shown, folder)

    def _commands(self, typed: str) -> Iterator[Offer]:
        from llmrepl.conversing.commands.table import COMMANDS
        from llmrepl.conversing.drafting.fuzzy import best

        begin = [name for name in COMMANDS if name.startswith(typed)]
        others = best(typed, (name for name in COMMANDS if name not in begin), MOST)
        for name in (*begin, *others):
            command = COMMANDS[name]
            shown = f"/{name} {command.argument}".rstrip()
            yield Offer(f"/{name}", len(typed) + 1, shown, command.purpose)

    def _arguments(self, name: str, typed: str) -> Iterator[Offer]:
        from llmrepl.conversing.commands.table import COMMANDS
        from llmrepl.conversing.drafting.fuzzy import best

        command = COMMANDS.get(name)
        if command is None:
            return
        word = typed.rpartition(" ")[2]
        usage = command.completes or command.argument
        choices = {choice.text: choice for choice in self._sources.arguments.choices(usage, typed)}
        begin = [text for text in choices if text.startswith(word)]
        others = best(word, (text for text in choices if text not in begin), MOST)
        for text in (*begin, *others)[:MOST]:
            yield Offer(text, len(word), text, choices[text].about)
