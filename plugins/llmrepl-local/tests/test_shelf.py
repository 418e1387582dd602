"""Which files there are: names, files that went away, two that want one name."""

import json
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from tiny_models import recite, write

from llmrepl.errors import ConfigError
from llmrepl_local.shelf import Shelf


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "shelf")


def refused(call, *args):
    with pytest.raises(ConfigError) as caught:
        call(*args)
    return caught.value


def test_a_model_is_called_as_its_file_is(shelf, greeter):
    entry = shelf.add(greeter)
    assert (entry.name, entry.file) == ("greeter", greeter)
    assert shelf.find("greeter") == entry
    assert list(shelf.entries()) == [entry]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("tiny-llama-1.1b.Q4_K_M.gguf", "tiny-llama-1.1b.Q4_K_M"),
        ("Two Words (2).GGUF", "Two-Words-2-"),
        ("big-00001-of-00001.gguf", "big"),
        ("sha256-abc", "sha256-abc"),
        ("v0.3", "v0.3"),
    ],
)
def test_names_hold_only_what_can_be_typed(shelf, tmp_path, file, name):
    assert shelf.add(recite(tmp_path / file, "Hello")).name == name


def test_one_file_can_have_two_names(shelf, greeter):
    shelf.add(greeter, "one")
    shelf.add(greeter, "two")
    assert [entry.name for entry in shelf.entries()] == ["one", "two"]


@pytest.mark.parametrize("name", ["a b", "../up", ".hidden", "a/b", "x" * 101, "\x1b[31m"])
def test_what_cannot_be_a_name_is_refused(shelf, greeter, name):
    assert refused(shelf.add, greeter, name).hint.startswith("accepted: letters")
    assert "no model file called" in refused(shelf.remove, name).message
    assert "no model file called" in refused(shelf.find, name).message


def test_a_name_that_is_taken_says_by_what_and_how_to_free_it(shelf, greeter, endless):
    shelf.add(greeter, "it")
    error = refused(shelf.add, endless, "it")
    assert error.message == f"the name it is taken by {greeter}"
    assert "llmrepl models remove it" in error.hint
    assert shelf.find("it").file == greeter


def test_of_many_who_want_one_name_at_a_time_one_gets_it(shelf, greeter):
    ready, won = threading.Barrier(8), []

    def want():
        ready.wait()
        with suppress(ConfigError):
            won.append(shelf.add(greeter, "it"))

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert [entry.name for entry in shelf.entries()] == ["it"]


def test_a_model_that_is_removed_leaves_its_file_alone(shelf, greeter):
    shelf.add(greeter)
    assert shelf.remove("greeter") == greeter
    assert greeter.is_file()
    assert list(shelf.entries()) == []
    assert refused(shelf.remove, "greeter").hint == "llmrepl models add FILE adds one"


def test_a_name_that_nobody_has_is_answered_with_those_there_are(shelf, greeter):
    shelf.add(greeter)
    assert refused(shelf.find, "gretel").hint == "there are: greeter"


def test_a_file_that_went_away_is_listed_with_the_reason(shelf, tmp_path):
    file = recite(tmp_path / "gone.gguf", "Hello")
    shelf.add(file)
    file.unlink()
    (entry,) = shelf.entries()
    assert entry.problem == f"there is no file {file}"
    assert refused(shelf.find, "gone").message == entry.problem


def test_a_file_that_changed_is_looked_at_again(shelf, tmp_path):
    file = recite(tmp_path / "one.gguf", "Hello", context=512)
    shelf.add(file)
    recite(file, "Hello", context=1024)
    os.utime(file, (1, 1))
    assert shelf.find("one").facts.context == 1024
    file.write_bytes(file.read_bytes()[:-100])
    assert "is cut off" in refused(shelf.find, "one").message


def test_a_file_that_may_not_be_read_says_so(shelf, tmp_path):
    (tmp_path / "loop.gguf").symlink_to("loop.gguf")
    assert "cannot be read: Too many" in refused(shelf.add, tmp_path / "loop.gguf").message


def test_a_directory_and_a_pipe_are_no_files(shelf, tmp_path):
    assert "is no file but a directory" in refused(shelf.add, tmp_path).message
    os.mkfifo(tmp_path / "pipe.gguf")
    assert "is no file but a pipe" in refused(shelf.add, tmp_path / "pipe.gguf").message


def test_a_home_in_a_path_is_followed(shelf, home):
    write(home / "it.gguf", ["one"])
    assert shelf.add(Path("~/it.gguf")).file == home / "it.gguf"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"file": "x"}', '{"file": 3, "size": "x"}'])
def test_what_somebody_else_wrote_there_is_passed_over(shelf, greeter, text, tmp_path):
    shelf.add(greeter)
    (tmp_path / "shelf" / "other.json").write_text(text)
    assert [entry.name for entry in shelf.entries()] == ["greeter"]
    assert "no model file called" in refused(shelf.find, "other").message


def test_a_shelf_that_cannot_be_written_says_so(tmp_path, greeter):
    (tmp_path / "file").write_text("")
    error = refused(Shelf(tmp_path / "file" / "shelf").add, greeter)
    assert "cannot be written: Not a directory" in error.message


def test_what_is_kept_can_be_read_by_people(shelf, greeter, tmp_path):
    shelf.add(greeter)
    kept = json.loads((tmp_path / "shelf" / "greeter.json").read_text())
    assert kept["file"] == str(greeter)
    assert kept["facts"]["architecture"] == "llama"
