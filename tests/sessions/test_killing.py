"""Sessions are killed at random moments; at many more by `python -m tests.sessions.killing`."""

import os
import random
import signal

import pytest

from tests.cli.machine import until
from tests.sessions.killed import KINDS
from tests.sessions.killing import RUN, Moment, World, looked_at, once, summaries

SEED = random.randrange(10**6)
SIZES = {"large": 900_000, "import": 200_000, "sealed": 40_000}
"""About how many bytes a session of a kind comes to, where it is more than others."""


@pytest.mark.parametrize("number", range(14))
def test_what_was_acknowledged_outlives_a_kill_and_no_call_runs_twice(number):
    dice = random.Random(f"{SEED}-{number}")
    kind = (RUN, *KINDS, "undo", "fork", "import")[number]
    size = dice.randrange(1, SIZES.get(kind, 25_000))
    moment = Moment(dice.uniform(0, 0.004), size, dice.random() < 0.5)
    assert not once(kind, moment).wrong, f"seed {SEED}-{number}: {kind} at {moment}"


@pytest.mark.parametrize("kind", ["compact", "tight"])
def test_a_session_that_is_killed_while_a_summary_arrives_is_summarised_when_it_goes_on(
    kind, tmp_path
):
    world = World(tmp_path, kind)
    process = world.begin()
    printed = tmp_path / "printed"
    until(lambda: process.poll() is not None or b"compacting" in printed.read_bytes(), 60)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    lines, words = world.printed()
    assert ("compacting", "first") in words
    assert not looked_at(world, lines, words, None)
    assert summaries(world) or kind == "compact"  # which a person would ask for again
