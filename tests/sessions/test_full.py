"""A disk fills up while a session is written, and there is room again."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("story", ["runs_and_commands", "one_process"])
def test_on_a_full_disk_nothing_acknowledged_is_lost_it_is_told_and_it_goes_on(tmp_path, story):
    small, roomy = tmp_path / "small", tmp_path / "roomy"
    small.mkdir()
    roomy.mkdir()
    disk = ("bwrap", "--dev-bind", "/", "/", "--size", "400000", "--tmpfs", str(small), "--")
    told = subprocess.run(
        [*disk, sys.executable, "-m", "tests.sessions.full", story, str(small), str(roomy)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert told.stdout == "all well\n"
