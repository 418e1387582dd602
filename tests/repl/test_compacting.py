"""A person compacts a long conversation, sees what gave way, and takes it back."""

from tests.repl.terminal import PROMPT

LONG = "It is a long answer that says little. " * 12


def test_a_conversation_is_compacted_pinned_and_brought_back(machine, chat):
    model = machine.script(
        f"First. {LONG}", f"Second. {LONG}", "purpose: compact\n\nThey greeted.", "Third."
    )
    terminal = chat("--model", model, "--session", "mine")
    terminal.say("/uncompact")
    terminal.wait("nothing was compacted", PROMPT)
    terminal.turn("hello", "First.")
    terminal.say("/compact")
    terminal.wait("there is nothing to compact", PROMPT)
    terminal.turn("hello again", "Second.")
    terminal.say("/pin metric units")
    terminal.wait("pinned: every summary", PROMPT)
    terminal.say("/compact the greeting")
    terminal.wait("gave way to a summary", "They greeted.", "kept in mind: the greeting", PROMPT)
    terminal.say("/pin")
    terminal.wait("1  metric units", PROMPT)
    terminal.say("/pin drop 1")
    terminal.wait("no longer pinned", PROMPT)
    terminal.turn("and now?", "Third.")
    terminal.say("/uncompact")
    terminal.wait("taken back, all is sent again", PROMPT)
    assert terminal.leave() == 0


def test_a_summary_that_does_not_come_is_said(machine, chat):
    model = machine.script(f"First. {LONG}", f"Second. {LONG}", "Third.")
    terminal = chat("--model", model, "--session", "mine")
    terminal.turn("hello", "First.")
    terminal.turn("hello", "Second.")
    terminal.say("/compact")
    terminal.wait("the context is as it was", "no summary here", PROMPT)
    assert terminal.leave() == 0
