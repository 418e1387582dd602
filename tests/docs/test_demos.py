"""The recorded demonstrations are sound, finished, and free of what is one person's own."""

import re

import pytest

from llmrepl.conversation import Phase
from llmrepl.runtime import fold
from llmrepl.sessions.reader import LogReader
from tests.docs.console import ROOT

DEMOS = sorted((ROOT / "sessions/demos").glob("*.jsonl"))
README = (ROOT / "sessions/README.md").read_text()


@pytest.fixture(params=DEMOS, ids=lambda path: path.stem)
def demo(request):
    return request.param


def test_a_demonstration_is_sound_and_finished(demo):
    reader = LogReader(demo)
    state = fold(reader)
    assert reader.problem is None
    assert (state.phase, state.turn) == (Phase.IDLE, 1)


def test_a_demonstration_names_no_place_of_one_machine(demo):
    assert re.findall(r"/(?:home|root|work)/\w+", demo.read_text()) == []


def test_a_demonstration_is_explained(demo):
    assert f"| `{demo.stem}` |" in README


def test_there_are_demonstrations():
    assert len(DEMOS) >= 4
