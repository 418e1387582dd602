"""A short soak; a long one is `python -m tests.soak`."""

import pytest

from tests.soak.driving import Soak
from tests.soak.judging import judge, missed


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    """A soak in which every kind of fault happens."""
    soak = Soak(
        tmp_path_factory.mktemp("soak"), 60, 0.65, seed=6, window=6000, kills=4, patience=0.3
    )
    soak.run()
    return soak


@pytest.fixture(scope="module")
def verdict(soak):
    return judge(soak)


def test_every_fault_has_happened(soak):
    assert missed(soak) == []
    assert soak.killed == 4


def test_no_turn_is_lost_and_each_call_is_counted_once_as_its_service_counted_it(verdict):
    assert verdict.wrong == []


def test_most_turns_are_answered_all_the_same(soak, verdict):
    assert verdict.outcomes["end_turn"] > soak.turns / 2
    assert verdict.blocks > 10
    assert verdict.told > soak.turns / 2
