"""Keys of the line editor, from a pipe."""

import pytest

from llmrepl.config.actions import ACTIONS, keys_of
from llmrepl.config.key_names import NAMED
from llmrepl.repl.editing.keys import Does, bound, presses
from tests.editing.fingers import (
    ALT_ENTER,
    CTRL_C,
    CTRL_D,
    CTRL_J,
    CTRL_R,
    ENTER,
    RIGHT,
    UP,
    entered,
    paste,
)

VI = '[ui]\nediting_mode = "vi"\n'


@pytest.fixture
def past(tmp_path):
    """A history of three texts."""
    file = tmp_path / "history"
    texts = ("git status", "make test\nand more", "git log")
    file.write_text("".join("\n# x\n" + "".join(f"+{n}\n" for n in t.split("\n")) for t in texts))
    return file


@pytest.mark.parametrize("key", sorted(NAMED))
def test_every_key_that_can_be_configured_can_be_bound(key):
    does = {"expand": Does(lambda _: None)}
    bindings = bound("emacs", {"expand": (key, f"alt-{key}", f"ctrl-x {key}")}, does)
    assert len(bindings.bindings) >= 3


def test_presses_are_those_of_prompt_toolkit():
    assert list(presses("ctrl-x ctrl-e")) == ["c-x", "c-e"]
    assert list(presses("alt-enter")) == ["escape", "enter"]
    assert list(presses("shift-tab")) == ["s-tab"]


@pytest.mark.parametrize("mode", ["emacs", "vi"])
def test_a_handler_is_bound_to_all_keys_of_its_action(mode):
    for action in ACTIONS:
        bindings = bound(mode, {}, {action.name: Does(lambda _: None)}).bindings
        assert len(bindings) == len(keys_of(mode, {})[action.name])


@pytest.mark.parametrize("text", ["", VI])
def test_enter_sends_and_other_keys_begin_a_line(tmp_path, text):
    keys = ("one", CTRL_J, "two", ALT_ENTER, "three", ENTER)
    assert entered(tmp_path, *keys, text=text)[0] == "one\ntwo\nthree"


def test_vi_begins_inserting_and_escape_ends_it(tmp_path):
    assert entered(tmp_path, "hellox", "\x1b", "x", ENTER, text=VI, pause=0.1)[0] == "hello"


def test_keys_are_those_that_are_configured(tmp_path):
    text = '[keys]\nsend = "f2"\nnew_line = "enter"\n'
    assert entered(tmp_path, "one", ENTER, "two", "\x1bOQ", text=text)[0] == "one\ntwo"


def test_a_key_that_was_taken_from_its_action_does_nothing(tmp_path, past):
    text = '[keys]\nhistory_search = "f2"\n'
    keys = (CTRL_R, "x", ENTER)
    assert entered(tmp_path, *keys, text=text, history=past, pause=0.1)[0] == "x"


def test_what_others_do_is_looked_up_by_its_name(tmp_path):
    done = []
    others = {"expand": Does(lambda _: done.append("expanded"))}
    entered(tmp_path, "\x1bOQ", ENTER, text='[keys]\nexpand = "f2"\n', others=others)
    assert done == ["expanded"]


def test_ctrl_c_clears_the_prompt(tmp_path):
    assert entered(tmp_path, "text", CTRL_C, "other", ENTER)[0] == "other"


def test_ctrl_d_leaves_an_empty_prompt_alone(tmp_path):
    assert entered(tmp_path, "ab", "\x01", CTRL_D, ENTER)[0] == "b"
    with pytest.raises(EOFError):
        entered(tmp_path, CTRL_D)


# History


def test_up_goes_back_to_what_begins_like_the_prompt(tmp_path, past):
    assert entered(tmp_path, "git", UP, UP, ENTER, history=past, pause=0.1)[0] == "git status"


def test_ctrl_r_finds_what_was_sent_and_again_what_is_older(tmp_path, past):
    keys = (CTRL_R, "GIT", ENTER, ENTER)
    assert entered(tmp_path, *keys, history=past, pause=0.1)[0] == "git log"
    keys = (CTRL_R, "git", CTRL_R, ENTER, "!", ENTER)
    assert "git status" in entered(tmp_path, *keys, history=past, pause=0.1)[0].replace("!", "")


def test_the_right_key_takes_the_suggestion(tmp_path, past):
    keys = ("git s", RIGHT, ENTER)
    assert entered(tmp_path, *keys, history=past, pause=0.1)[0] == "git status"
    keys = ("make", "\x1bf", ENTER)
    assert entered(tmp_path, *keys, history=past, pause=0.1)[0] == "make test"


# Pastes


def test_a_small_paste_stands_as_it_is(tmp_path):
    assert entered(tmp_path, paste("a\r\nb\rc"), ENTER)[0] == "a\nb\nc"


def test_large_pastes_have_placeholders_that_expand(tmp_path):
    first, second = "one\n" * 20, "x" * 1200
    keys = ("a ", paste(first.replace("\n", "\r")), " b ", paste(second), ENTER)
    text, session = entered(tmp_path, *keys)
    assert text == "a [Pasted text #1: 20 lines] b [Pasted text #2: 1 line]"
    assert session.drafts.expand(text) == f"a {first} b {second}"
    assert session.drafts.composed(text).parts[0].text == f"a {first} b {second}"


def test_what_is_kept_of_a_paste_for_other_chats_is_the_paste(tmp_path):
    file = tmp_path / "history"
    entered(tmp_path, paste("one\n" * 20), ENTER, history=file, pause=0.1)
    assert file.read_text().count("+one\n") == 20


# The external editor


@pytest.mark.parametrize("keys", [("text", "\x18\x05"), ("/editor text", ENTER)])
def test_an_editor_gets_the_whole_prompt_and_gives_it_back(tmp_path, monkeypatch, keys):
    program = tmp_path / "editor"
    program.write_text('#!/bin/sh\ncat "$1" > "$0.saw"\nprintf "edited\\nit\\n" > "$1"\n')
    program.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(program))
    text, _ = entered(tmp_path, *keys, "!", ENTER, pause=0.1)
    assert text == "edited\nit!"
    assert (tmp_path / "editor.saw").read_text() == "text"


def test_an_editor_sees_the_paste_and_not_its_placeholder(tmp_path, monkeypatch):
    monkeypatch.setenv("VISUAL", "sed -i s/one/two/")
    keys = (paste("one\n" * 20 + "end"), "\x18\x05", ENTER)
    assert entered(tmp_path, *keys, pause=0.1)[0] == "two\n" * 20 + "end"


def test_an_editor_that_does_not_work_leaves_the_prompt(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    assert entered(tmp_path, "text", "\x18\x05", ENTER, pause=0.1)[0] == "text"
    assert "the editor /no/such/editor did not work" in capsys.readouterr().out
