"""Every test here runs with no key and no address set, and with a proxy that nobody listens at."""

import pytest


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for vendor in ("ANTHROPIC", "GEMINI", "MISTRAL"):
        for what in ("API_KEY", "BASE_URL"):
            monkeypatch.delenv(f"{vendor}_{what}", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@pytest.fixture(params=["anthropic", "gemini", "mistral"])
def kind(request):
    return request.param
