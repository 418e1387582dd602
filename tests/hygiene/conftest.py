"""What the tests of imports start from."""

from tests.repl.conftest import chat, machine, serve, terminals

__all__ = ["chat", "machine", "serve", "terminals"]
