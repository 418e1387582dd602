"""Whoever removes blobs and whoever is about to name one keep out of each other's way."""

import subprocess
import sys
from pathlib import Path

import pytest

from llmrepl.sessions.blobs import Blobs
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.keeping.erasing import erase
from llmrepl.sessions.reader import LogReader
from tests.cli.machine import until
from tests.sessions.sample import notes, write
from tests.sessions.sealed import sealing

LARGE = "a large text " * 10_000

ERASE = """
import sys
from pathlib import Path
from llmrepl.sessions.keeping.erasing import erase
print(*erase(Path(sys.argv[1]), ["goes"]))
"""
WRITE = """
import sys
from pathlib import Path
from tests.sessions.sample import notes, write
from tests.sessions.test_blob_race import LARGE
for number in range(25):
    write(Path(sys.argv[1]), notes(1, LARGE), session_id=f"stays-{number}")
    print(number, flush=True)
"""


def waiting(process):
    """Return whether the process waits for the lock of a directory."""
    lines = map(str.split, Path("/proc/locks").read_text().splitlines())
    return any(line[1:3] == ["->", "FLOCK"] and line[5] == str(process.pid) for line in lines)


def is_whole(path):
    reader = LogReader(path)
    return [record.event.text for record in reader] == [LARGE] and reader.lost == []


def started(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_erasing_waits_for_the_line_that_is_about_to_name_a_blob(tmp_path):
    line = write(tmp_path / "elsewhere", notes(1, LARGE), session_id="stays").read_bytes()
    directory = tmp_path / "s"
    write(directory, notes(1, LARGE), session_id="goes")
    blobs = Blobs(directory)
    blobs.put(LARGE.encode())  # as a log does before it writes the line
    with started(ERASE, directory) as eraser:
        until(lambda: waiting(eraser) or eraser.poll() is not None)
        (directory / "stays.jsonl").write_bytes(line)
        blobs.let_go()
        assert eraser.wait(60) == 0
    assert not (directory / "goes.jsonl").exists()
    assert is_whole(directory / "stays.jsonl")


def test_no_session_loses_a_blob_to_the_erasing_of_others(tmp_path):
    for number in range(25):
        write(tmp_path, notes(1, LARGE), session_id=f"goes-{number}")
    with started(WRITE, tmp_path) as writer:
        for number, _ in enumerate(writer.stdout):
            assert len(list(erase(tmp_path, [f"goes-{number}"]))) == 1
    assert writer.returncode == 0
    paths = sorted(tmp_path.glob("*.jsonl"))
    assert [path.stem[:5] for path in paths] == ["stays"] * 25
    assert all(map(is_whole, paths))


@pytest.mark.parametrize("sealed", [False, True])
def test_a_fork_keeps_the_blobs_of_an_original_that_goes(tmp_path, sealed):
    if sealed:
        with sealing(tmp_path):
            _fork_and_erase(tmp_path / "s")
    else:
        _fork_and_erase(tmp_path / "s")


def _fork_and_erase(directory):
    write(directory, notes(1, LARGE), session_id="goes")
    copy = fork(directory, "goes")
    list(erase(directory, ["goes"]))
    assert is_whole(directory / f"{copy}.jsonl")
