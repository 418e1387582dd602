"""What a model or a program writes never reaches the terminal as anything but text.

The assertions are on the bytes that the terminal was sent.
"""

import re

from llmrepl.testing import Refused, Reply
from tests.repl.terminal import PROMPT

# Each would do harm in some terminal, and none is anything that the chat itself would send.
ATTACKS = (
    "\x1b]52;c;aGVsbG8=\x07",  # writes the clipboard
    "\x1b]0;owned\x07",  # sets the title
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",  # a link that lies
    "\x1b[?1049h",  # the alternate screen
    "\x1b[77A\x1b[1;1H\x1b[3J",  # writes over what stands above
    "\x1b[38;5;201m",  # colours
    '\x1bP$q"p\x1b\\',  # asks the terminal, whose answer would be typed
    "\x1b[>c\x1b[21t",  # the same
    "\x9b77A\x9d0;owned\x9c",  # the same in eight bits
    "\x07\x08\x0b\x0c\x7f",  # rings, and moves
    "\u202egnp.exe\u202c",  # turns the reading direction round
)
HOSTILE = "safe" + "safe".join(ATTACKS) + "safe"
FORBIDDEN = re.compile(
    rb"\x1b\]|\x1bP|\x1b\[\?1049|\x1b\[77A|\x1b\[1;1H|\x1b\[3J|\x1b\[38;5;201|\x1b\[>|\x1b\[21t"
    rb"|\xc2[\x80-\x9f]|\x07|\x0b|\x0c|\x7f|\xe2\x80\xae"
)

OWN = re.compile(rb"\x1b\]2;llmrepl: [^\x00-\x1f\x7f]*\x1b\\|\x1b\]11;\?\x1b\\")
"""The title that the chat itself sets, and its question for the background."""


def clean(terminal):
    """Whether nothing that is forbidden was sent to the terminal."""
    raw = OWN.sub(b"", terminal.raw)
    found = FORBIDDEN.search(raw)
    assert not found, raw[max(0, found.start() - 60) : found.end() + 60]
    return True


def test_hostile_text_of_a_model_is_shown_without_its_sequences(machine, chat):
    terminal = chat("--model", machine.script(HOSTILE))
    terminal.turn("hello", "safesafe")
    assert clean(terminal)
    assert terminal.leave() == 0


def test_hostile_text_is_harmless_however_it_arrives(serve, chat):
    serve(Reply(HOSTILE * 3, rate=400), Reply("Well.", reasoning=HOSTILE))
    terminal = chat("--model", "ollama/x")
    terminal.turn("hello", "safesafe")
    terminal.turn("again", "Well.")
    assert clean(terminal)
    assert terminal.leave() == 0


BLOCKS = (
    f"print({HOSTILE!r})",
    f"import sys\nprint({HOSTILE!r}, file=sys.stderr)",
    f"class Value:\n    def __repr__(self): return {HOSTILE!r}\nValue()",
    f"raise ValueError({HOSTILE!r})",
    f"# {HOSTILE}\nprint('the comment was hostile')",
    f"""import sys
for byte in {HOSTILE!r}.encode():
    sys.stdout.buffer.write(bytes([byte]))
    sys.stdout.buffer.flush()""",
)
"""All the ways for a block to show something, the last one byte by byte."""


def test_hostile_blocks_and_their_output_are_shown_without_their_sequences(machine, chat):
    replies = [f"Look.\n\n<helpers>\n{code}\n</helpers>\n" for code in BLOCKS]
    terminal = chat("--model", machine.script(*replies, "Done."))
    terminal.say("hello")
    for code in BLOCKS:
        terminal.wait("╭─ python", "├─", "  ", "╰─")
        assert clean(terminal), code
    terminal.wait("Done.", PROMPT)
    assert terminal.text.count("safesafe") >= len(BLOCKS)
    assert clean(terminal)
    assert terminal.leave() == 0


def test_a_hostile_session_is_resumed_without_its_sequences(machine, chat):
    code = f"print({HOSTILE!r})"
    model = machine.script(f"{HOSTILE}\n\n<helpers>\n{code}\n</helpers>\n", HOSTILE, "Done.")
    machine.run("run", "--model", model, "--session", "mine", f"hello {HOSTILE}")
    terminal = chat("--model", model, "--resume", "mine")
    assert terminal.text.count("safesafe") >= 4
    terminal.say("/sessions")
    terminal.wait("mine", "safesafe", PROMPT)
    terminal.turn("go on", "Done.")
    assert clean(terminal)
    assert terminal.leave() == 0


def test_hostile_words_of_a_server_are_shown_without_their_sequences(serve, chat):
    serve(
        Refused(400, {"error": {"message": HOSTILE}}),
        Refused(400, {"error": {"message": HOSTILE}}),
        models=(f"x{HOSTILE}", "honest"),
    )
    terminal = chat("--model", "openai/x")
    terminal.turn("hello", "error: ", "safesafe")
    terminal.say("/models")
    assert "safesafe" not in terminal.wait("openai/honest", PROMPT)  # that is no model's name
    terminal.settle()
    assert clean(terminal)
    assert terminal.leave() == 0


def test_a_run_in_a_terminal_prints_a_hostile_answer_without_its_sequences(machine, terminals):
    terminal = terminals("run", "--model", machine.script(HOSTILE), "hello")
    assert terminal.end() == 0
    assert "safesafe" in terminal.text
    assert clean(terminal)


def test_a_file_or_a_pipe_gets_the_answer_as_the_model_wrote_it(machine):
    ran = machine.run("run", "--model", machine.script(HOSTILE), "hello")
    assert ran.out == HOSTILE + "\n"


def test_a_question_about_a_hostile_block_is_asked_without_its_sequences(machine, chat):
    machine.configure("[ui]\nbell = 0\n")
    block = f"Look.\n\n<helpers lang=bash>\nrm -r './{ATTACKS[0]}{ATTACKS[4]}safe'\n</helpers>\n"
    terminal = chat("--write", machine.project, "--model", machine.script(block, "Done."))
    terminal.say("hello")
    terminal.wait("? ", "cannot be told", "Run this", "no, and say why")
    terminal.settle(0.6)
    terminal.type("n")
    terminal.wait("refused by person", "Done.", PROMPT)
    assert clean(terminal)
    assert terminal.leave() == 0


def test_a_hostile_directory_does_nothing_on_the_status_line(machine, chat):
    machine.project = machine.project / "safe\x1b]0;owned\x07\x1b[77Asafe"
    machine.project.mkdir()
    (machine.project / ".git").mkdir()
    terminal = chat("--model", "demo/assistant")
    terminal.wait("safe")
    terminal.settle()
    assert clean(terminal)
    assert terminal.leave() == 0
