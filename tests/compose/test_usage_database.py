"""Whatever is wrong with the usage database, the chat goes on and says so once."""

import json
import multiprocessing
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from llmrepl.accounting import Call, Calls
from llmrepl.config.paths import usage_database
from llmrepl.content import Content
from tests.compose.spoilt import story

ROOT = Path(__file__).parents[2]
CALL = Call("openai", "test:latest", 9, 9, 1, Content(9), 9)


def keep(path, count=1):
    """Keep so many calls, and close the file."""
    calls = Calls(path)
    for _ in range(count):
        calls.add(CALL)
    calls.close()


@contextmanager
def locked(path):
    keep(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def of_a_newer_version(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    yield


@contextmanager
def of_an_older_shape(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE calls (id INTEGER PRIMARY KEY, provider, model, tokens)")
    yield


@contextmanager
def torn(path):
    keep(path, 200)
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    yield


@contextmanager
def garbled(path):
    keep(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE calls SET content = '[1, [2, 3], 4, 5]', estimated = 'many'")
    yield


@contextmanager
def a_directory(path):
    path.mkdir()
    yield


@pytest.mark.parametrize(
    ("spoilt", "hint"),
    [
        (locked, "another program holds it"),
        (of_a_newer_version, "a newer llmrepl has written it"),
        (of_an_older_shape, "move it away"),
        (torn, "move it away"),
        (garbled, "move it away"),
        (a_directory, "make it writable"),
    ],
)
def test_a_spoilt_database_is_told_once_and_the_chat_goes_on(tmp_path, spoilt, hint):
    path = usage_database({"HOME": str(tmp_path)})
    path.parent.mkdir(parents=True)
    with spoilt(path):
        came = story(tmp_path)
    assert came["reasons"] == ["end_turn"]
    (told,) = came["told"]
    assert str(path) in told
    assert hint in told


@pytest.mark.parametrize(
    ("disk", "hint"),
    [(("--ro-bind", "{0}"), "make it writable"), (("--size", "200000", "--tmpfs"), "free some")],
)
def test_so_it_is_on_a_disk_that_is_full_or_read_only(tmp_path, disk, hint):
    state = tmp_path / ".local" / "state"
    state.mkdir(parents=True)
    mounted = [*(word.format(state) for word in disk), str(state)]
    told = subprocess.run(
        [
            *("bwrap", "--dev-bind", "/", "/", *mounted, "--"),
            *(sys.executable, "-m", "tests.compose.spoilt", str(tmp_path)),
            *(["full"] if "--tmpfs" in disk else []),
        ],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    came = json.loads(told.stdout)
    assert came["reasons"] == ["end_turn"]
    (said,) = came["told"]
    assert hint in said


def _write(path, ready, count):
    ready.wait()
    keep(path, count)


def test_processes_that_make_it_at_the_same_moment_lose_nothing(tmp_path):
    start = multiprocessing.get_context("fork")
    for number in range(20):
        path = tmp_path / str(number) / "usage.db"
        ready = start.Barrier(4)
        writers = [start.Process(target=_write, args=(path, ready, 3)) for _ in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert [writer.exitcode for writer in writers] == [0] * 4
        with closing(Calls(path)) as calls:
            assert calls.models() == [("openai", "test:latest", 12)]
