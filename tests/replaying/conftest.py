from tests.cli.conftest import machine, serve

__all__ = ["machine", "serve"]
