"""What the tests of the full screen start from."""

import pytest

from llmrepl_textual.tests.host import Machine


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Machine(tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def _keys(request):
    """See to it that a test presses the keys that it is said to press."""
    from llmrepl_textual.tests.keys import Watched, check

    Watched.pressed = set()
    yield
    check(f"{request.path.name}::{request.node.name}", Watched.pressed)
