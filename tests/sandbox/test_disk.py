"""What counts as a block's own on a disk that others use as well."""

from dataclasses import replace

import pytest

from llmrepl.executors.limits.disk import DiskMeter
from llmrepl.executors.policy import Limits

MOST = 50


@pytest.fixture
def meter(tmp_path):
    return DiskMeter(tmp_path, replace(Limits(), scratch_files=MOST))


def fill(directory, count, name="file"):
    for number in range(count):
        (directory / f"{name}-{number}").mkdir()


def nothing():
    return 0


def test_what_a_block_writes_before_it_is_looked_at_is_its_own(meter, tmp_path):
    meter.sent()
    fill(tmp_path, MOST + 10)
    meter.begin()
    assert meter.exceeded(nothing)


def test_a_block_that_stays_below_goes_on(meter, tmp_path):
    meter.sent()
    fill(tmp_path, MOST // 2)
    meter.begin()
    assert not meter.exceeded(nothing)


def test_a_block_may_clear_away_what_was_too_much_before_it(meter, tmp_path):
    fill(tmp_path, MOST + 10)
    meter.sent()
    meter.begin()
    assert not meter.exceeded(nothing)
    (tmp_path / "file-0").rmdir()
    assert not meter.exceeded(nothing)
    fill(tmp_path, MOST, "more")
    meter._count_soon = meter._count_after = meter._count_anyway = 0.0
    assert meter.exceeded(nothing)
