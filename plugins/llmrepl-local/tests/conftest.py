"""Every test here has a home of its own; those that run a model find llama.cpp where it was put."""

from pathlib import Path

import pytest
from tiny_models import HELLO, WORDS, recite

LLAMA = Path(__file__).parents[3] / ".venv" / "llama"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_DATA_HOME", "PYTHONPATH", "LLAMA_CPP_LIB_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def llama(monkeypatch):
    """What runs models, where a model's process finds it."""
    assert (LLAMA / "made-of").is_file(), "llama-cpp-python is not installed: .ci/llama"
    monkeypatch.setenv("PYTHONPATH", str(LLAMA))
    return LLAMA


@pytest.fixture(scope="session")
def greeter(tmp_path_factory):
    """A model that says hello."""
    return recite(tmp_path_factory.mktemp("greeter") / "greeter.gguf", *HELLO)


@pytest.fixture(scope="session")
def endless(tmp_path_factory):
    """A model that never stops, and has room for that."""
    file = tmp_path_factory.mktemp("endless") / "endless.gguf"
    return recite(file, *WORDS, endless=True, context=2**17)
