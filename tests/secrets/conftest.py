"""What the tests of secrets start from."""

from tests.repl.conftest import chat, machine, serve, terminals

__all__ = ["chat", "machine", "serve", "terminals"]
