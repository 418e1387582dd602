"""Every test here runs with no key and no address set, and with a proxy that nobody listens at."""

import pytest

VARIABLES = (
    "GROQ_API_KEY",
    "GROQ_BASE_URL",
    "OLLAMA_API_KEY",
    "OLLAMA_HOST",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.fixture(params=["ollama", "groq", "openai"])
def kind(request):
    return request.param
