"""/show prints what was folded, and /theme changes how the timeline looks."""

import pytest

from tests.repl.terminal import CTRL_O, CTRL_U, PROMPT

PASTE = "\x1b[200~{}\x1b[201~"
LONG = "Let me count.\n\n<helpers>\nfor n in range(200): print('row', n)\n</helpers>\n"
QUIET = "Quietly.\n\n<helpers>\nx = 1\n</helpers>\n"


def test_show_prints_all_of_what_was_folded_though_nothing_is_saved(machine, chat):
    terminal = chat("--no-save", "--model", machine.script(LONG, "Done."))
    shown = terminal.turn("count", "row 11", "180 lines more: /show 1.1.1", "row 199", "Done.")
    assert "row 100" not in shown
    terminal.type("/show ")
    terminal.wait("1.1.1", "python ok, 200 lines")
    terminal.say("1.1.1")
    shown = terminal.wait("row 199", PROMPT)
    assert [f"row {n}\n" in shown for n in (0, 100, 198)] == [True] * 3
    terminal.say("/show")
    terminal.wait("row 100", "row 199", PROMPT)
    assert terminal.leave() == 0


def test_show_prompt_prints_all_of_a_prompt_that_was_folded(machine, chat):
    terminal = chat("--model", machine.script("Read."))
    terminal.say("/show prompt")
    terminal.wait("there is no prompt yet", PROMPT)
    terminal.type(PASTE.format("".join(f"line {n}\r" for n in range(200))))
    terminal.wait("[")
    shown = terminal.turn("", "line 29", "lines more: /show prompt", "line 199", "Read.")
    assert "line 100\n" not in shown
    terminal.say("/show prompt")
    assert "line 100\n" in terminal.wait("line 199", PROMPT)
    assert terminal.leave() == 0


def test_show_names_the_calls_there_are(machine, chat):
    terminal = chat("--model", machine.script(QUIET, "Done."))
    terminal.say("/show")
    terminal.wait("error: no block has run yet", PROMPT)
    terminal.turn("go", "Done.")
    terminal.say("/show 7.7.7")
    terminal.wait("error: there is no result of 7.7.7 in the context", "there are: 1.1.1", PROMPT)
    terminal.say("/show last")
    terminal.wait("1.1.1 python wrote nothing: ok", PROMPT)
    assert terminal.leave() == 0


def test_what_is_longer_than_the_screen_goes_through_the_pager(machine, chat):
    pager = machine.project / "pager"
    pager.write_text('#!/bin/sh\nwc -l\nread key < /dev/tty\necho "pressed $key"\n')
    pager.chmod(0o755)
    model = machine.script(LONG, "Done.", QUIET, "Done.")
    terminal = chat("--model", model, PAGER=str(pager))
    terminal.turn("count", "Done.")
    terminal.say("/show")
    terminal.wait("200")
    terminal.type("enter\r")
    terminal.wait("pressed enter", PROMPT)
    assert terminal.leave() == 0


@pytest.mark.covers("ctrl-o")
def test_ctrl_o_shows_all_of_the_last_output_also_while_a_turn_runs(machine, serve, chat):
    (go := machine.project / "go").touch()
    begun = "import os, time\nprint('begun', flush=True)\n"
    waits = "while not os.path.getsize('go'): time.sleep(0.02)\n"
    server = serve(LONG.replace("for", f"{begun}{waits}for"), "Done.")
    terminal = chat("--model", "openai/x", PAGER=None)
    terminal.type(CTRL_O)
    terminal.wait("error: no block has run yet", PROMPT)
    terminal.say("count")
    terminal.wait("  begun")
    server.held = True
    go.write_text("on")
    terminal.wait("181 lines more", "Waiting for")
    terminal.type("half a" + CTRL_O)
    assert "row 100\n" in terminal.wait("row 199\n", "❯ half a")
    server.held = False
    terminal.wait("Done.", " tokens · ", PROMPT)
    terminal.type(CTRL_O)
    assert "row 100\n" in terminal.wait("row 199\n", "❯ half a")
    terminal.type(CTRL_U)
    assert terminal.leave() == 0


def test_a_theme_is_changed_in_the_middle(machine, chat):
    terminal = chat("--model", machine.script("**One**.", "**Two**.", "**Three**."))
    terminal.turn("hello", "One.")
    terminal.say("/theme none")
    terminal.wait("theme: none", PROMPT)
    terminal.turn("hello", "Two.")
    terminal.say("/theme contrast")
    terminal.wait("theme: contrast", PROMPT)
    terminal.turn("hello", "Three.")
    assert [
        f"\x1b[1m{word}\x1b[0m".encode() in terminal.raw for word in ("One", "Two", "Three")
    ] == [
        True,
        False,
        True,
    ]
    terminal.say("/theme pink")
    terminal.wait("there is no theme pink", "there are: dark, light, contrast, none", PROMPT)
    assert terminal.leave() == 0


def test_a_display_without_themes_says_so(machine, chat):
    terminal = chat("--display", "json", "--model", machine.script("Hello."))
    terminal.say("/theme light")
    terminal.wait("error: this display has no themes", "ui.display = timeline has", PROMPT)
    assert terminal.leave() == 0


def test_a_run_names_the_saved_session_and_nothing_where_there_is_none(machine):
    given = ("run", "--display", "timeline", "--model")
    saved = machine.run(*given, machine.script(LONG, "Done."), "--session", "mine", "count")
    assert "… 180 lines more: llmrepl sessions show mine --display plain\n" in saved.err
    unsaved = machine.run(*given, machine.script(LONG, "Done."), "--no-save", "count")
    assert "… 180 lines more\n" in unsaved.err
