"""The chat as a person meets it: in a terminal, with keys."""

import os
import resource
import signal

from tests.cli.machine import WITHOUT_BUBBLEWRAP, until
from tests.repl.terminal import (
    ALT_ENTER,
    CTRL_C,
    NEW_LINE,
    PROMPT,
    UP,
)

PYTHON = "I'll compute it.\n\n<helpers>\nprint('from python')\n6 * 7\n</helpers>\n"
BASH = 'Now the shell.\n\n<helpers lang="bash">\necho out; echo err >&2; exit 3\n</helpers>\n'


def answers(*texts):
    return [f"This is {text}." for text in texts]


def prompts(machine, session):
    started = [r for r in machine.log(session)[1:] if r["type"] == "turn.started"]
    return [r["data"]["prompt"][0]["text"] for r in started]


def reasons(machine, session):
    return [r["data"]["reason"] for r in machine.log(session)[1:] if r["type"] == "turn.finished"]


# Turns


def test_the_demonstration_computes_in_the_sandbox(machine, chat):
    terminal = chat()
    shown = terminal.turn("What is 17 * 23?", "391")
    assert "17" in shown
    assert terminal.leave() == 0
    assert "To resume this session: llmrepl --resume " in terminal.text


def test_a_turn_of_several_steps_is_shown_as_it_happens(machine, chat):
    terminal = chat("--model", machine.script(PYTHON, BASH, "The answer is 42."))
    terminal.say("What is 6 times 7?")
    terminal.wait("I'll compute it.", "╭─ python", "print('from python')")
    terminal.wait("  from python", "  42", "✓ ok")
    terminal.wait("Now the shell.", "╭─ bash", "  out", "  err", "exit code 3")
    terminal.wait("The answer is 42.", "↑", "↓", " tokens · $0", PROMPT)
    assert terminal.leave() == 0


def test_the_status_line_names_the_model_and_the_sandbox(machine, chat):
    terminal = chat("--model", "demo/assistant")
    terminal.turn("hello")
    terminal.appear("demo/assistant (not a language model; /help connects one)")
    terminal.appear(f"full sandbox: writes a copy of {machine.project}, and /tmp; no net")


def test_python_keeps_its_variables_from_turn_to_turn(machine, chat):
    block = "Well.\n\n<helpers>\n{}\n</helpers>\n"
    model = machine.script(block.format("x = 41"), "Kept.", block.format("x + 1"), "Done.")
    terminal = chat("--model", model)
    terminal.turn("keep", "Kept.")
    terminal.turn("use", "  42", "Done.")
    assert terminal.leave() == 0


def test_what_is_typed_while_everything_loads_is_not_lost(machine, chat):
    terminal = chat("--model", machine.script("Hello there."))
    terminal.say("typed at once")
    terminal.wait("Hello there.", PROMPT)
    assert terminal.leave() == 0


def test_what_is_typed_during_a_turn_is_the_next_prompt(machine, serve, chat):
    server = serve("The first answer.", "The next answer.")
    server.held = True
    terminal = chat("--model", "openai/x", "--session", "s")
    terminal.say("one")
    terminal.wait("❯ one", "Waiting for")
    terminal.say("two")
    terminal.wait("── 1 queued", "  two")
    server.held = False
    terminal.wait("The first answer.", "❯ two", "The next answer.", PROMPT)
    assert terminal.leave() == 0
    assert prompts(machine, "s") == ["one", "two"]


def test_an_empty_line_asks_nobody(machine, chat):
    terminal = chat("--model", machine.script("Hello."))
    terminal.say("")
    terminal.say("   ")
    terminal.turn("hello", "Hello.")
    assert terminal.leave() == 0
    assert len(list(machine.sessions.glob("*.jsonl"))) == 1


# Ctrl-C


def test_ctrl_c_keeps_the_partial_answer_and_the_next_turn_works(machine, chat):
    model = machine.script(
        "rate: 40\n\nOnce upon a time " + "and on and on " * 200, "The next answer."
    )
    terminal = chat("--model", model, "--session", "s")
    terminal.say("Tell me a story.")
    terminal.wait("Once upon a time and on")
    terminal.type(CTRL_C)
    terminal.wait("stopped: a person interrupted", PROMPT)
    terminal.turn("And now?", "The next answer.")
    assert terminal.leave() == 0
    assert reasons(machine, "s") == ["cancelled", "end_turn"]
    first = next(r["data"] for r in machine.log("s")[1:] if r["type"] == "message.finished")
    assert first["stop"] == "cancelled"
    assert first["parts"][0]["text"].startswith("Once upon a time and on")
    assert len(first["parts"][0]["text"]) < 1000


def test_ctrl_c_ends_a_running_block_and_keeps_its_output(machine, chat):
    sleep = f"25.{machine.mark}"
    blocks = [
        ("python", f"import time\nprint('so far', flush=True)\ntime.sleep({sleep})"),
        ("python", f"import os\nprint('so far', flush=True)\nos.system('sleep {sleep}')"),
        ("bash", f"echo so far; sleep {sleep}"),
    ]
    model = machine.script(
        *(
            f'Wait.\n\n<helpers lang="{lang}" timeout="30">\n{code}\n</helpers>\n'
            for lang, code in blocks
        ),
        "The next answer.",
    )
    terminal = chat("--model", model, "--session", "s")
    for _ in blocks:
        terminal.say("go")
        terminal.wait("  so far")
        terminal.type(CTRL_C)
        terminal.wait("✗ cancelled", "stopped: a person interrupted", PROMPT)
        assert machine.processes(f"sleep\0{sleep}") == []
    terminal.turn("And now?", "The next answer.")
    assert terminal.leave() == 0
    results = [r["data"] for r in machine.log("s")[1:] if r["type"] == "tool.finished"]
    assert [result["status"] for result in results] == ["cancelled"] * 3
    assert [result["parts"][0]["text"] for result in results] == ["so far\n"] * 3


def test_ctrl_c_at_the_prompt_clears_the_line_and_says_how_to_leave(machine, chat):
    terminal = chat("--model", machine.script("Hello."), "--session", "s")
    terminal.type("half a thought")
    terminal.wait("half a thought")
    terminal.type(CTRL_C)
    terminal.settle()
    terminal.type(CTRL_C)
    terminal.wait("Ctrl-D or /quit leaves.", PROMPT)
    terminal.turn("hello", "Hello.")
    assert terminal.leave() == 0
    assert prompts(machine, "s") == ["hello"]


def test_ctrl_c_ends_a_slash_command_and_nothing_else(machine, serve, chat):
    serve("delay: 60")
    terminal = chat("--model", machine.script("delay: 60\n\nNever."))
    terminal.say("/check")
    terminal.wait("❯ /check", PROMPT)
    terminal.type(CTRL_C)
    terminal.wait("interrupted", PROMPT)
    terminal.say("/model")
    terminal.wait("model: scripted/", PROMPT)
    assert terminal.leave() == 0


# Leaving and coming back


def test_ctrl_d_leaves_and_says_how_to_come_back(machine, chat):
    terminal = chat("--model", machine.script("Hello."), "--session", "mine")
    terminal.turn("hello", "Hello.")
    assert terminal.leave() == 0
    assert terminal.text.rstrip().endswith("To resume this session: llmrepl --resume mine")
    assert machine.processes() == []
    assert list(machine.temporary.iterdir()) == []


def test_leaving_at_once_leaves_no_session(machine, chat):
    terminal = chat("--model", machine.script("Hello."))
    assert terminal.leave() == 0
    assert "To resume" not in terminal.text
    assert not machine.sessions.exists()
    assert machine.processes() == []


def test_a_signal_to_end_leaves_the_terminal_as_it_was(machine, chat):
    terminal = chat("--model", machine.script("Hello."), "--session", "mine")
    terminal.turn("hello", "Hello.")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.end() == 0
    assert "llmrepl --resume mine" in terminal.text
    assert terminal.raw.rindex(b"\x1b[?2004l") > terminal.raw.rindex(b"\x1b[?2004h")


def test_a_resumed_session_shows_its_end_and_goes_on(machine, chat):
    model = machine.script(*answers(*"abcd"), PYTHON, "The answer is 42.", "And one more.")
    terminal = chat("--model", model, "--session", "mine")
    for word in "abcd":
        terminal.turn(f"question {word}", f"This is {word}.")
    terminal.turn("compute", "The answer is 42.")
    assert terminal.leave() == 0

    again = chat("--resume", "mine")  # with the model it had
    assert "… 2 earlier turns" in again.text
    assert "question b" not in again.text
    places = [
        again.text.index(text)
        for text in (
            *("❯ question c", "This is c.", "❯ question d", "This is d."),
            *("❯ compute", "I'll compute it.", "  from python", "The answer is 42."),
            "resumed session mine",
        )
    ]
    assert places == sorted(places)
    again.turn("go on", "And one more.")
    assert again.leave() == 0
    assert prompts(machine, "mine")[-2:] == ["compute", "go on"]


def test_an_unfinished_turn_is_gone_on_with_by_itself(machine, chat, terminals):
    block = "Wait.\n\n<helpers>\nimport time; time.sleep(25)\n</helpers>\n"
    model = machine.script(block, "It was cut off.", "The next answer.")
    terminal = chat("--model", model, "--session", "mine")
    terminal.say("begin")
    terminal.wait("╭─ python")
    until(lambda: [r for r in machine.log("mine")[1:] if r["type"] == "tool.started"])
    terminal.kill()

    again = terminals("--model", model, "--resume", "mine")
    again.wait("Ctrl-D to leave", "the last turn was not finished; going on with it")
    again.wait("? unknown", "It was cut off.")
    again.wait(" tokens · ", PROMPT)
    again.turn("next", "The next answer.")
    assert again.leave() == 0
    assert reasons(machine, "mine") == ["end_turn", "end_turn"]


def test_a_session_that_another_chat_has_open_is_refused(machine, chat, terminals):
    first = chat("--model", machine.script("Hello."), "--session", "mine")
    first.turn("hello", "Hello.")
    second = terminals("--resume", "mine")
    second.wait(f"session mine is being written by process {first.pid}")
    assert second.end() == 1
    assert first.leave() == 0


# Typing


def test_alt_enter_and_ctrl_j_begin_a_new_line(machine, chat):
    terminal = chat("--model", machine.script("Hello."), "--session", "s")
    terminal.type("one" + ALT_ENTER + "two" + NEW_LINE + "three")
    terminal.turn("", "Hello.")
    assert terminal.leave() == 0
    assert prompts(machine, "s") == ["one\ntwo\nthree"]


def test_a_paste_of_several_lines_is_one_prompt(machine, chat):
    terminal = chat("--model", machine.script("Hello."), "--session", "s")
    terminal.type("\x1b[200~def f():\r    return 1\r\x1b[201~")
    terminal.turn("", "Hello.")
    assert terminal.leave() == 0
    assert prompts(machine, "s") == ["def f():\n    return 1\n"]


def test_the_up_key_brings_back_what_was_typed_in_this_and_an_earlier_chat(machine, chat):
    model = machine.script(*answers(*"abc"))
    terminal = chat("--model", model, "--session", "s")
    terminal.turn("first", "This is a.")
    assert terminal.leave() == 0

    again = chat("--model", model, "--resume", "s")
    again.turn("SECOND", "This is b.")
    again.type(UP)
    again.wait("SECOND")
    again.type(UP)
    again.wait("first")
    again.turn("", "This is c.")
    assert again.leave() == 0
    assert prompts(machine, "s") == ["first", "SECOND", "first"]
    history = machine.sessions.parent / "history"
    assert history.stat().st_mode & 0o077 == 0


def test_of_a_chat_that_is_not_saved_stay_the_audit_log_and_what_it_took(machine, chat):
    model = machine.script("Hello.")
    terminal = chat("--model", model, "--no-save")
    terminal.turn("a cup of tea", "Hello.")
    assert terminal.leave() == 0
    files = {path.name: path for path in machine.home.rglob("*") if path.is_file()}
    assert set(files) == {"script.txt", "log.jsonl", "head", "usage.db"}
    assert b"a cup of tea" not in files["usage.db"].read_bytes()


def test_vi_keys_edit_where_they_are_asked_for(machine, chat):
    env = {"LLMREPL_UI_EDITING_MODE": "vi"}
    terminal = chat("--model", machine.script("Hello."), "--session", "s", **env)
    terminal.type("hellox")
    terminal.type("\x1b")
    terminal.settle(1.2)  # a key of its own, and not the beginning of an Alt key
    terminal.type("x")
    terminal.turn("", "Hello.")
    assert terminal.leave() == 0
    assert prompts(machine, "s") == ["hello"]


def test_no_color_is_honoured(machine, chat):
    terminal = chat("--model", machine.script(PYTHON, "Done."), NO_COLOR="1")
    terminal.turn("hello", "╭─ python", "✓ ok", "Done.")
    assert b"\x1b[36m" not in terminal.raw
    assert terminal.leave() == 0


# What goes wrong


def test_an_endless_loop_times_out_and_the_chat_lives_on(machine, chat):
    block = "Forever.\n\n<helpers>\nwhile True: pass\n</helpers>\n"
    terminal = chat(
        "--model",
        machine.script(block, "It took too long.", "The next answer."),
        LLMREPL_SANDBOX_TIMEOUT="1",
    )
    terminal.turn("go", "✗ timeout", "1 s", "It took too long.")
    terminal.turn("next", "The next answer.")
    assert terminal.leave() == 0


def test_an_error_of_the_provider_leaves_the_chat_usable(machine, chat):
    machine.env["LLMREPL_MODELS_PATIENCE"] = "0"  # so that each reply is of a turn of its own
    errors = ("busy", "unreachable", "refused", "broken")
    failures = [f"error: {error}\n\nthe service is {error} now" for error in errors]
    terminal = chat("--model", machine.script(*failures, "The next answer."))
    for error in errors:
        failed = f"the service is {error} now"
        terminal.turn("hello", failed, "stopped: the model's service failed")
    terminal.turn("again", "The next answer.")
    assert terminal.leave() == 0


def test_a_server_that_is_not_there_is_told_with_the_fix(machine, chat):
    terminal = chat("--model", "ollama/llama3.2")
    terminal.turn("hello", "error: No server answers at", "ollama serve", "OLLAMA_HOST")
    terminal.say("/model demo/assistant")
    terminal.wait("model: demo/assistant", PROMPT)
    terminal.turn("what is 17 * 3?", "51")
    assert terminal.leave() == 0


def test_a_model_that_does_not_exist_can_be_mended_from_within(machine, chat):
    terminal = chat(LLMREPL_MODEL="nobody/x")
    terminal.say("hello")
    terminal.wait("error: there is no provider 'nobody'", "there are:", "❯ hello")
    terminal.type(CTRL_C)  # what could not be sent is back in the prompt
    assert terminal.leave() == 0


def test_a_disk_that_is_full_loses_nothing_once_there_is_room(machine, serve, chat):
    # A limit on the size of a file stands in for a full disk; lifting it makes room.
    serve("A long answer. " * 400, "The next answer.", stateless=True)
    terminal = chat("--model", "openai/x", "--session", "mine")
    terminal.settle()
    resource.prlimit(terminal.pid, resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
    terminal.say("hello")
    terminal.wait("error: cannot write to", "free some space", PROMPT)
    terminal.settle()
    resource.prlimit(terminal.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    terminal.say("next")
    terminal.wait("the last turn was not finished; going on with it", "A long answer.")
    terminal.wait("The next answer.", PROMPT)
    assert terminal.leave() == 0
    assert reasons(machine, "mine") == ["end_turn", "end_turn"]


def test_without_a_sandbox_the_status_says_so_and_nothing_runs(machine, chat):
    model = machine.script(PYTHON, "I could not.")
    terminal = chat("--model", model, command=WITHOUT_BUBBLEWRAP)
    terminal.turn("go", "✗ denied", "apt install bubblewrap", "I could not.")
    terminal.appear("NO SANDBOX: /check says why")
    assert terminal.leave() == 0
