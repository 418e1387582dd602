"""What the tests of the command line start from."""

import pytest

from llmrepl.testing import ModelServer
from tests.cli.machine import Machine


@pytest.fixture
def machine(tmp_path):
    """A machine of its own for each test."""
    return Machine(tmp_path)


@pytest.fixture
def serve(machine):
    """Start a model server that every provider of the machine talks to; it ends with the test."""
    servers = []

    def start(*script, **options):
        server = ModelServer(script, **options).__enter__()
        servers.append(server)
        machine.env |= {
            "OLLAMA_HOST": server.url,
            "GROQ_BASE_URL": server.url,
            "GROQ_API_KEY": "gsk_of_the_test",
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "OPENAI_API_KEY": "sk_of_the_test",
        }
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)
