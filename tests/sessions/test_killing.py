"""Sessions are killed at random moments; at many more by `python -m tests.sessions.killing`."""

import random

import pytest

from tests.sessions.killed import KINDS
from tests.sessions.killing import RUN, Moment, once

SEED = random.randrange(10**6)
SIZES = {"large": 900_000, "import": 200_000}
"""About how many bytes a session of a kind comes to, where it is more than others."""


@pytest.mark.parametrize("number", range(12))
def test_what_was_acknowledged_outlives_a_kill_and_no_call_runs_twice(number):
    dice = random.Random(f"{SEED}-{number}")
    kind = (RUN, *KINDS, "undo", "fork", "import")[number]
    size = dice.randrange(1, SIZES.get(kind, 25_000))
    moment = Moment(dice.uniform(0, 0.004), size, dice.random() < 0.5)
    assert not once(kind, moment).wrong, f"seed {SEED}-{number}: {kind} at {moment}"
