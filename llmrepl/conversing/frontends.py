"""Front ends besides the line REPL: what entry points of two groups name.

One of `llmrepl.frontends` shows one session; one of `llmrepl.servers` starts llmrepl for others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from llmrepl.errors import LlmreplError, PluginError

if TYPE_CHECKING:
    from llmrepl.compose.opening import Wanted
    from llmrepl.config import Loaded

GROUP = "llmrepl.frontends"
SERVERS = "llmrepl.servers"


class Frontend(Protocol):
    """A front end."""

    def __call__(self, loaded: Loaded, wanted: Wanted) -> int:
        """Let a person chat in a session until they leave; return the exit code.

        Raises:
            LlmreplError: it could not begin.
        """
        ...


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens, and to how many.

    Attributes:
        host: the address of an interface.
        port: 0 for any that is free.
        names: names besides the address under which it is reached.
        certificate: a file in PEM; empty for no TLS.
        key: the file with its key; empty where that is in the same.
        without_tls: whether others may reach it without TLS.
        limit: how many sessions may be open at the same time.
        grace: seconds that a session goes on when nobody looks at it.
    """

    host: str
    port: int
    names: tuple[str, ...]
    certificate: str
    key: str
    without_tls: bool
    limit: int
    grace: float


class ServerOf(Protocol):
    """A server that gives everybody who may come a session of their own."""

    def __call__(self, listening: Listening, command: Sequence[str], wanted: Sequence[str]) -> int:
        """Serve until a signal ends it; return the exit code.

        Args:
            listening: where, and to how many.
            command: the program that shows a session, with its arguments.
            wanted: further ones, which choose the session that is shown first.

        Raises:
            LlmreplError: it could not begin.
        """
        ...


def frontend(name: str) -> Frontend:
    """Return the front end called `name`.

    Raises:
        PluginError: there is none, or it could not be loaded.
    """
    return cast("Frontend", _loaded(GROUP, name))


def server(name: str) -> ServerOf:
    """Return the server called `name`.

    Raises:
        PluginError: there is none, or it could not be loaded.
    """
    return cast("ServerOf", _loaded(SERVERS, name))


def _loaded(group: str, name: str) -> Any:
    from importlib.metadata import entry_points

    found = entry_points(group=group, name=name)
    if not found:
        raise PluginError(
            f"there is no front end {name!r}",
            hint="install llmrepl again; it brings `tui` and `web`",
        )
    (entry, *_) = found
    try:
        return entry.load()
    except LlmreplError:
        raise
    except Exception as error:
        raise PluginError(
            f"the front end {name} could not be loaded from {entry.value}: {error!r}",
            hint="update or remove the package that brings it",
        ) from error
