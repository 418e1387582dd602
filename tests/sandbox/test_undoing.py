"""What is kept of a directory that blocks write, and what is looked at in it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from llmrepl.errors import ConfigError
from llmrepl.executors.policy import Policy
from llmrepl.executors.walls.interpreter import Interpreter
from llmrepl.executors.walls.layout import Layout
from llmrepl.executors.writing.area import Area
from llmrepl.executors.writing.real_writes import RealWrites
from llmrepl.executors.writing.snapshots import Store
from llmrepl.executors.writing.undoing import History
from llmrepl.executors.writing.watch import Watch


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    (top / "d").mkdir(parents=True)
    (top / "file").write_text("0")
    return top


def settled(top: Path, store: Store) -> Area:
    area = Area(top, top, (), store)
    area.settle()
    return area


def test_the_oldest_blocks_give_way_when_little_room_is_left(top, tmp_path):
    store = Store(tmp_path / "kept", most=1000)
    area, history = settled(top, store), History(store)
    for number in range(1, 9):
        (top / "file").write_text(str(number) * 200)
        history.add(f"1.{number}", area, area.settle())
        assert store.held <= 1000
    assert 1 < len(history.last(99)) < 6
    undone = history.undo(history.last(99))
    assert (undone.done, undone.conflicts, undone.refused) == (("file",), (), ())
    assert (top / "file").read_text()[:1] in "3456"
    assert store.held == 200
    area.close()


def wrote(history, area, top, call_id):
    (top / "file").write_text(f"{call_id} {time.monotonic_ns()}")
    history.add(call_id, area, area.settle())


def test_calls_that_the_conversation_has_left_are_not_mistaken_for_those_that_follow(top, tmp_path):
    store = Store(tmp_path / "kept")
    area, history = settled(top, store), History(store)
    for call_id in ("1.1.1", "2.1.1"):
        wrote(history, area, top, call_id)
    history.leave({"2.1.1"})
    assert history.since({"2.1.1"}) == []
    wrote(history, area, top, "2.1.1")
    assert [block.call_id for block in history.last(None)] == ["2.1.1"]
    assert [block.call_id for block in history.since({"2.1.1"})] == ["2.1.1"]
    area.close()


def test_going_back_before_a_call_takes_back_what_was_left_since_too(top, tmp_path):
    store = Store(tmp_path / "kept")
    area, history = settled(top, store), History(store)
    for call_id in ("1.1.1", "2.1.1"):
        wrote(history, area, top, call_id)
    history.leave({"2.1.1"})
    found = history.since({"1.1.1"})
    assert [block.call_id for block in found] == ["2.1.1", "1.1.1"]
    assert history.undo(found).done == ("file",)
    assert (top / "file").read_text() == "0"
    wrote(history, area, top, "1.1.1")
    history.leave()
    assert history.since({"1.1.1"}) == []
    assert len(history.last(None)) == 1
    area.close()


def test_a_content_that_is_needed_no_more_takes_no_room(top, tmp_path):
    store = Store(tmp_path / "kept")
    area, history = settled(top, store), History(store)
    for number in range(20):
        (top / "file").write_text(str(number) * 1000)
        (top / "d" / str(number)).write_text("x")
        history.outside(area, area.settle())
    assert store.held == 2000 + 20
    assert len(list((tmp_path / "kept").iterdir())) <= 20
    area.close()


def test_what_has_the_same_time_and_size_is_compared(top, tmp_path):
    area = settled(top, Store(tmp_path / "kept"))
    (top / "file").write_text("1")
    assert [t.path for t in area.settle()] == ["file"]
    (top / "file").write_text("2")  # within the same tick of the clock, most likely
    assert [t.path for t in area.settle()] == ["file"]
    (top / "file").write_text("2")
    assert area.settle() == []
    area.close()


def test_only_what_something_happened_to_is_looked_at(top, tmp_path):
    area = settled(top, Store(tmp_path / "kept"))
    assert area.look() == []
    (top / "d" / "0").write_text("x")
    (top / "new").mkdir()
    (top / "new" / "in").mkdir()
    (top / "new" / "in" / "file").write_text("x")
    assert {t.path for t in area.settle()} == {"d/0", "new", "new/in", "new/in/file"}
    (top / "new" / "in" / "file").write_text("y")
    assert [t.path for t in area.settle()] == ["new/in/file"]
    (top / "new").rename(top / "d" / "moved")
    assert {t.path for t in area.settle()} == {
        *("new", "new/in", "new/in/file"),
        *("d/moved", "d/moved/in", "d/moved/in/file"),
    }
    (top / "d" / "moved" / "in" / "file").unlink()
    assert [t.path for t in area.settle()] == ["d/moved/in/file"]
    area.close()


def test_more_events_than_are_told_mean_looking_everywhere(top):
    watch = Watch()
    fd = os.open(top, os.O_DIRECTORY)
    watch.add("", fd)
    watch.trust()
    assert watch.touched() == set()
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for _ in range(most):
        (top / "file").chmod(0o600)
        (top / "d").chmod(0o700)
    assert watch.touched() is None
    os.close(fd)
    watch.close()
    assert watch.touched() is None


def test_a_directory_with_too_many_files_is_refused(top, tmp_path):
    python = Interpreter.__new__(Interpreter)
    layout = Layout(python, (), (), (), (), ())
    real = RealWrites(tmp_path, None, most_files=1)
    with pytest.raises(ConfigError, match="more than 1 files"):
        real.cover(Policy(write=(top,)), layout)
    real.close()
