"""What the tests of displays start from."""

from tests.repl.conftest import chat, machine, serve, terminals

__all__ = ["chat", "machine", "serve", "terminals"]
