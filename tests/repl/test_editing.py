"""The line editor in a terminal: every key and what comes of it when it is sent."""

import base64

import pytest

from tests.repl.terminal import CTRL_C, ENTER, PROMPT, UP

CTRL_R, TAB, RIGHT, EDITOR, DOWN = "\x12", "\t", "\x1b[C", "\x18\x05", "\x1b[B"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def paste(text):
    return f"\x1b[200~{text}\x1b[201~"


def prompts(machine, session):
    started = [r for r in machine.log(session)[1:] if r["type"] == "turn.started"]
    return [r["data"]["prompt"] for r in started]


def texts(machine, session):
    return [parts[0]["text"] for parts in prompts(machine, session)]


def test_commands_are_offered_with_their_purpose_and_tab_takes_one(machine, chat):
    terminal = chat("--model", machine.script("Hello."))
    terminal.type("/mod")
    terminal.wait("/model [PROVIDER/MODEL]", "show or change the model")
    terminal.type(TAB + TAB)
    terminal.settle()
    terminal.type(ENTER)  # takes the row
    terminal.settle()
    terminal.type(ENTER)
    terminal.wait("demo/assistant", "a small assistant", PROMPT)
    assert terminal.leave() == 0


def test_the_menu_offers_models_sessions_and_paths(machine, chat):
    (machine.project / "notes").mkdir()
    (machine.project / ".env").write_text("X=1")
    terminal = chat("--model", machine.script("Hello."))
    terminal.type("/model gro")
    terminal.wait("groq/llama")
    terminal.type(CTRL_C + "/sandbox write n")
    terminal.wait("notes/", "directory")
    terminal.type(CTRL_C + "look at @scr")
    terminal.wait("script.txt")
    terminal.type(CTRL_C + "look at @env")
    terminal.settle()
    assert ".env" not in terminal.news.replace("@env", "")
    terminal.type(CTRL_C)
    assert terminal.leave() == 0


def test_a_file_that_is_mentioned_is_attached_and_said(machine, chat):
    (machine.project / "data.csv").write_text("a,b\n1,2\n")
    terminal = chat("--model", machine.script("Seen."), "--session", "s")
    terminal.turn("sum up @data.csv.", "attached data.csv (2 lines)", "Seen.")
    assert terminal.leave() == 0
    (prompt,) = prompts(machine, "s")
    assert [part["text"] for part in prompt] == [
        "sum up @data.csv.",
        "The file data.csv (2 lines):\n```\na,b\n1,2\n```",
    ]


def test_what_is_attached_is_redacted(machine, chat):
    (machine.project / "notes").write_text("the key is sk-very-secret-key-1234\n")
    env = {"MY_API_KEY": "sk-very-secret-key-1234"}
    terminal = chat("--model", machine.script("Seen."), "--session", "s", **env)
    terminal.turn("read @notes", "Seen.")
    assert terminal.leave() == 0
    assert "very-secret" not in (machine.sessions / "s.jsonl").read_text()


def test_the_path_of_an_image_that_is_dropped_goes_to_the_model_as_an_image(machine, serve, chat):
    server = serve("I see.")
    (machine.project / "my pic.png").write_bytes(PNG)
    terminal = chat("--model", "openai/x", "--session", "s")
    terminal.type("what is " + paste(f"{machine.project}/my\\ pic.png"))
    terminal.wait('@"my pic.png"')
    terminal.turn("", "attached my pic.png (image/png, 28 B)", "I see.")
    assert terminal.leave() == 0
    data = base64.b64encode(PNG).decode()
    content = server.requests[-1].body["messages"][-1]["content"]
    assert content[0] == {"type": "text", "text": 'what is @"my pic.png"'}
    assert content[1]["image_url"]["url"] == f"data:image/png;base64,{data}"
    assert prompts(machine, "s")[0][1]["data"] == data


def test_a_large_paste_has_a_placeholder_and_is_sent_whole(machine, chat):
    terminal = chat("--model", machine.script("Read."), "--session", "s")
    terminal.type("read " + paste("a line\r" * 42))
    terminal.wait("[Pasted text #1: 42 lines]")
    terminal.type(paste("x" * 1500))
    terminal.wait("[Pasted text #2: 1 line]")
    terminal.type("\x7f" * len("[Pasted text #2: 1 line]"))
    terminal.turn("", "Read.")
    assert terminal.leave() == 0
    assert texts(machine, "s") == ["read " + "a line\n" * 42]


@pytest.mark.covers("ctrl-r")
def test_history_is_searched_over_all_chats(machine, chat):
    model = machine.script("One.", "Two.", "Three.", "Four.")
    terminal = chat("--model", model, "--session", "s")
    terminal.turn("count the apples", "One.")
    terminal.turn("weigh the pears", "Two.")
    assert terminal.leave() == 0

    again = chat("--model", model, "--resume", "s")
    again.type(CTRL_R + "appl")
    again.wait("count the apples")
    again.type(ENTER)  # takes what was found
    again.settle()
    again.turn("", "Three.")
    again.type("weigh")
    again.wait("the pears")  # the suggestion
    again.settle()
    again.type(RIGHT)
    again.settle()
    again.turn("", "Four.")
    again.type("count" + UP)
    again.settle()
    again.type(CTRL_C)
    assert again.leave() == 0
    assert texts(machine, "s")[2:] == ["count the apples", "weigh the pears"]


@pytest.mark.covers("ctrl-x ctrl-e")
def test_an_editor_of_the_persons_own_writes_the_prompt(machine, chat):
    program = machine.root / "editor"
    program.write_text('#!/bin/sh\nprintf "%s, and more\\n" "$(cat "$1")" > "$1"\n')
    program.chmod(0o755)
    terminal = chat("--model", machine.script("a", "b"), "--session", "s", EDITOR=program)
    terminal.type("some text" + EDITOR)  # at once, while everything still loads
    terminal.wait(", and more")
    terminal.turn("!", "a")
    terminal.say("/editor other text")
    terminal.wait(", and more")
    terminal.turn("", "b")
    assert terminal.leave() == 0
    assert texts(machine, "s") == ["some text, and more!", "other text, and more"]


def test_keys_do_what_is_configured(machine, chat):
    machine.configure('[keys]\nsend = "f2"\nnew_line = "enter"\nexpand = []\n')
    terminal = chat("--model", machine.script("Hello."), "--session", "s")
    terminal.type("one" + ENTER + "two")
    terminal.type("\x1bOQ")
    terminal.wait("Hello.", " tokens · ", PROMPT)
    assert terminal.leave() == 0
    assert texts(machine, "s") == ["one\ntwo"]


def test_a_key_that_is_bound_twice_is_told_at_the_start(machine, terminals):
    machine.configure('[keys]\nexpand = "ctrl-r"\n')
    terminal = terminals()
    terminal.wait("config.toml:2: keys.expand is ctrl-r, which is keys.history_search by default")
    assert terminal.end() == 4
