"""What the tests of health checks start from."""

from tests.cli.conftest import machine, serve

__all__ = ["machine", "serve"]
