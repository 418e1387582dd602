"""A short soak; a long one is `python -m tests.soak`."""

import pytest

from tests.soak.driving import Soak
from tests.soak.judging import judge, missed

pytestmark = pytest.mark.timeout(300)  # it takes some ten seconds where nothing else runs


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    """A soak in which every kind of fault happens."""
    soak = Soak(
        tmp_path_factory.mktemp("soak"), 60, 0.65, seed=6, window=4000, kills=4, patience=0.3
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
    assert verdict.outcomes["end_turn"] > soak.turns / 3
    assert verdict.blocks > 5
    assert verdict.compactions > 0
    assert verdict.told > soak.turns / 3
