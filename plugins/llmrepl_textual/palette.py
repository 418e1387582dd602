"""The command palette: screens, themes, and everything that can be typed after a slash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

from textual.command import DiscoveryHit, Hit, Hits, Provider

from llmrepl_textual.desk import Desk


class Deed(NamedTuple):
    """Something that can be done: what it is called, what it is for, and what does it."""

    name: str
    purpose: str
    do: Callable[[], object]


@runtime_checkable
class Doing(Protocol):
    """What the app does for the palette."""

    desk: Desk

    def type(self, command: str, argument: str) -> None:
        """Enter a command, or put it into the prompt for the rest of it."""
        ...

    def switch_mode(self, mode: str) -> object:
        """Show another screen."""
        ...


class Deeds(Provider):
    """Searches what can be done."""

    async def discover(self) -> Hits:
        """Yield all of it, before anything is searched."""
        for deed in self._deeds():
            yield DiscoveryHit(deed.name, deed.do, help=deed.purpose)

    async def search(self, query: str) -> Hits:
        """Yield what has the letters of `query`, in the name or in what it is for."""
        matcher = self.matcher(query)
        for deed in self._deeds():
            score = max(matcher.match(deed.name), matcher.match(deed.purpose) / 2)
            if score > 0:
                yield Hit(score, matcher.highlight(deed.name), deed.do, help=deed.purpose)

    def _deeds(self) -> Iterator[Deed]:
        from llmrepl.conversing.commands.table import COMMANDS
        from llmrepl_textual.screens import SCREENS
        from llmrepl_textual.themes import TEXTUAL

        app = self.app
        assert isinstance(app, Doing)
        for row in SCREENS.values():
            yield Deed(
                row.title, f"{row.key.upper()}: {row.purpose}", partial(_show, app, row.name)
            )
        for name, command in COMMANDS.items():
            usage = f"/{name} {command.argument}".rstrip()
            yield Deed(usage, command.purpose, partial(app.type, f"/{name}", command.argument))
        for theme in TEXTUAL:
            do = partial(app.desk.work.enter, f"/theme {theme}")
            yield Deed(f"Theme: {theme}", "the colours of everything", do)


def _show(app: Doing, name: str) -> None:
    app.switch_mode(name)
