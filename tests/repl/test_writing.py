"""Blocks that write for real, as the chat lets them, shows them and takes them back."""

from __future__ import annotations

import pytest

from tests.repl.terminal import PROMPT


def bash(code):
    return f'Now.\n\n<helpers lang="bash">\n{code}\n</helpers>\n'


def events(machine, session, kind):
    return [r["data"] for r in machine.log(session)[1:] if r["type"] == kind]


def test_undo_files_takes_back_what_the_last_turn_wrote_and_the_model_is_told(machine, chat):
    (machine.project / "list.txt").write_text("one\n")
    script = machine.script(
        bash("echo two >> list.txt"), bash("echo x > new"), "Done.", bash("cat list.txt"), "Seen."
    )
    terminal = chat("--model", script, "--write", ".", "--approval", "auto", "--session", "mine")
    terminal.say("write")
    terminal.wait("M list.txt +1", "+two", "A new +1", "Done.", PROMPT)
    assert (machine.project / "list.txt").read_text() == "one\ntwo\n"
    terminal.say("/undo files")
    terminal.wait("undone    new", "undone    list.txt", "what the last 2 blocks wrote", PROMPT)
    assert (machine.project / "list.txt").read_text() == "one\n"
    assert not (machine.project / "new").exists()
    terminal.turn("look", "one", "Seen.")
    (note,) = events(machine, "mine", "note.added")
    assert note["audience"] == "model"
    assert "undid what the last 2 blocks wrote" in note["text"]
    terminal.say("/undo files")
    terminal.wait("there is nothing to undo", PROMPT)
    terminal.say("/undo files everything")
    terminal.wait("error: everything is no number of blocks", PROMPT)
    assert terminal.leave() == 0


def test_a_file_changed_since_is_left_alone_by_undo_files(machine, chat):
    script = machine.script(bash("echo block > a; echo block > b"), "Done.")
    terminal = chat("--model", script, "--write", ".", "--approval", "auto")
    terminal.turn("write", "A a +1", "Done.")
    (machine.project / "a").write_text("theirs\n")
    terminal.say("/undo files 1")
    terminal.wait("undone    b", "conflict  a: it was changed outside since", PROMPT)
    assert (machine.project / "a").read_text() == "theirs\n"
    assert terminal.leave() == 0


def test_a_person_lets_blocks_write_for_this_session(machine, chat):
    script = machine.script(
        bash("cat /proc/self/mounts > /dev/null; echo x > new; echo kept > /tmp/kept"),
        "Copied.",
        bash("echo y > new; cat /tmp/kept"),
        "Written.",
    )
    terminal = chat("--model", script, "--approval", "auto", "--session", "mine")
    terminal.turn("write", "A new +1", "Copied.")
    terminal.say("/sandbox write .")
    terminal.wait("error: blocks changed their copy", "/apply", PROMPT)
    terminal.say("/discard")
    terminal.wait("discarded new", PROMPT)
    terminal.say("/sandbox write .")
    terminal.wait(f"bubblewrap: writes {machine.project} for real", "variables are not", PROMPT)
    terminal.turn("write", "kept", "A new +1", "Written.")
    assert (machine.project / "new").read_text() == "y\n"
    (changed,) = events(machine, "mine", "config.changed")
    assert changed == {"key": "sandbox.write", "value": [str(machine.project)]}
    terminal.say("/system")
    terminal.wait("What blocks write in", "is real and stays", PROMPT)
    assert terminal.leave() == 0


def test_what_writes_for_real_is_asked_about_from_then_on(machine, chat):
    script = machine.script(bash("echo x > new"), "Copied.", bash("echo y > new"), "Written.")
    terminal = chat("--model", script)
    terminal.turn("write", "Copied.")
    terminal.say("/discard")
    terminal.wait("discarded", PROMPT)
    terminal.say("/sandbox write .")
    terminal.wait("for real", PROMPT)
    terminal.say("write")
    terminal.wait("echo y > new", "writes", "new")
    assert not (machine.project / "new").exists()


def test_sandbox_shows_what_changes_it_and_refuses_what_must_not_be(machine, chat):
    terminal = chat()
    terminal.say("/sandbox")
    terminal.wait("/sandbox net HOST[:PORT]", "/sandbox write PATH", "project read-only", PROMPT)
    for wrong, said in (
        ("write /", "whole machine"),
        ("write ~", "home directory"),
        ("write ~/.local", "files of its own"),
        ("net *.10.0.0.1", "is no HOST"),
        ("project open", "copy or read-only"),
        ("off", "/sandbox write PATH"),
        ("write", "/sandbox write PATH"),
    ):
        terminal.say(f"/sandbox {wrong}")
        terminal.wait("error: ", said, PROMPT)
    terminal.say("/sandbox project read-only")
    terminal.wait(f"bubblewrap: reads {machine.project}; writes only /tmp", PROMPT)
    terminal.say("/sandbox net example.org")
    terminal.wait("reaches example.org", PROMPT)
    assert terminal.leave() == 0


def test_what_is_new_and_protected_is_said_with_the_way_to_have_it_back(machine, chat):
    script = machine.script(bash("echo x > .bashrc; echo x > .git/config"), "Done.")
    terminal = chat("--model", script, "--write", ".", "--approval", "auto")
    shown = terminal.turn("write", "! .bashrc was put into quarantine", "mv ", "is protected")
    place = machine.sessions.parent / "quarantine" / "1" / ".bashrc"
    assert str(place) in terminal.text, shown
    assert place.read_text() == "x\n"
    assert not (machine.project / ".bashrc").exists()
    assert terminal.leave() == 0
    assert place.exists()


@pytest.mark.parametrize("path", ["/", "~", "missing", ".git"])
def test_a_place_that_blocks_must_not_write_is_a_configuration_error(machine, path):
    named = str(machine.home) if path == "~" else path
    ran = machine.run("run", "--write", named, "hello")
    assert ran.code == 4, ran
    assert "blocks cannot be let write" in ran.err


def test_exec_writes_for_real_where_it_is_told_to(machine):
    (machine.project / "out").mkdir()
    code = "echo x > out/new; echo x > not"
    ran = machine.run("exec", "--lang", "bash", "--write", "out", stdin=code)
    assert ran.code == 0, ran
    assert (machine.project / "out" / "new").read_text() == "x\n"
    assert not (machine.project / "not").exists()
    assert f"changed for real in {machine.project}/out and in a copy of the project" in ran.err
    assert "A out/new +1" in ran.err
