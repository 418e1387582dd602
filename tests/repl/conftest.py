"""What the tests of the chat start from."""

import pytest

from tests.cli.conftest import machine, serve
from tests.repl.terminal import PROMPT, Terminal

__all__ = ["chat", "machine", "serve", "terminals"]


@pytest.fixture
def terminals(machine):
    """Start llmrepl in terminals; what still runs at the end is killed."""
    started = []

    def start(*args, **env):
        started.append(Terminal(machine, *args, **env))
        return started[-1]

    yield start
    for terminal in started:
        terminal.kill()


@pytest.fixture
def chat(terminals):
    """Start chats, each at its first prompt."""

    def start(*args, **env):
        terminal = terminals(*args, **env)
        terminal.wait("Ctrl-D to leave", PROMPT)
        return terminal

    return start
