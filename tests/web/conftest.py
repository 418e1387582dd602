"""What the tests of `llmrepl web` start from."""

import pytest

from tests.cli.conftest import machine
from tests.cli.machine import Machine
from tests.web.serving import Server, Tab, Visitor

__all__ = ["machine"]


@pytest.fixture
def serving(machine):
    """Start servers; they end with the test."""
    started = []

    def start(*args, model="demo/assistant", **env):
        started.append(Server(machine, "--model", model, *args, **env))
        return started[-1]

    yield start
    for server in started:
        server.close()
        assert server.sessions() == []


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that all tests of a module share: those in which nobody gets to a session."""
    shared = Server(Machine(tmp_path_factory.mktemp("shared")), "--model", "demo/assistant")
    yield shared
    shared.close()


@pytest.fixture
def visitor(server):
    """Somebody who used an address of the shared server."""
    return Visitor(server, server.another())


@pytest.fixture
def tabs(tmp_path):
    """Open browsers, each a Chromium of its own, at an address."""
    opened = []

    def show(address):
        opened.append(Tab(tmp_path / f"chromium-{len(opened)}"))
        opened[-1].open(address)
        return opened[-1]

    yield show
    for tab in opened:
        tab.close()
