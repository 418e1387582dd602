"""The commands of the chat, typed at its prompt."""

import pytest

from llmrepl.conversing.commands.table import COMMANDS
from llmrepl.testing import ModelServer
from tests.cli.machine import Machine
from tests.repl.terminal import PROMPT, Terminal


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A machine for all of these tests."""
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def server(machine):
    """A model server for all of these tests."""
    with ModelServer(["Hello."] * 99, models=("llama3.2:latest",)) as server:
        machine.env |= {
            "OLLAMA_HOST": server.url,
            "GROQ_BASE_URL": server.url,
            "GROQ_API_KEY": "gsk_of_the_test",
        }
        yield server


@pytest.fixture(scope="module")
def chat(machine, server):
    """A chat that these tests share: each leaves it at its prompt."""
    (machine.project / "rules.md").write_text("Answer like a pirate.")
    args = ("--session", "mine", "--system", "rules.md")
    terminal = Terminal(machine, "--model", "groq/model-of-tomorrow", *args)
    terminal.wait("Ctrl-D to leave", PROMPT)
    yield terminal
    assert terminal.leave() == 0


@pytest.fixture
def terminal(chat):
    """The chat, with the model it began with, at an empty prompt."""
    chat.say("/model groq/model-of-tomorrow")
    chat.wait("model: groq/model-of-tomorrow", PROMPT)
    return chat


def test_help_tells_of_every_command_and_key(terminal):
    terminal.say("/help")
    terminal.wait(*(f"/{name}" for name in COMMANDS))
    terminal.wait("Enter sends", "Alt-Enter", "Ctrl-C interrupts", "Ctrl-D leaves")
    terminal.wait("Enter queues", "Ctrl-S steers", "Esc interrupts", PROMPT)


def test_help_with_the_demonstration_says_what_it_is(terminal):
    terminal.say("/model demo/assistant")
    terminal.wait("model: demo/assistant", PROMPT)
    terminal.say("/help")
    terminal.wait("demo/assistant is not a language model", "/model PROVIDER/MODEL", PROMPT)


def test_model_changes_the_model_that_is_asked(terminal, server):
    terminal.turn("hello", "Hello.")
    assert server.requests[-1].body["model"] == "model-of-tomorrow"
    terminal.say("/model ollama/llama3.2")
    terminal.wait("model: ollama/llama3.2", PROMPT)
    terminal.turn("hello", "Hello.")
    assert server.requests[-1].path == "/api/chat"
    assert server.requests[-1].body["model"] == "llama3.2"
    assert len(server.requests[-1].body["messages"]) >= 4


def test_a_model_that_cannot_be_used_leaves_the_one_before(terminal):
    for wrong, said in (("nonsense", "provider/model"), ("nobody/x", "there is no provider")):
        terminal.say(f"/model {wrong}")
        terminal.wait("error: ", said, PROMPT)
    terminal.say("/model")
    terminal.wait("model: groq/model-of-tomorrow", PROMPT)


def test_models_lists_what_can_be_used(terminal):
    terminal.say("/models")
    terminal.wait("ollama/llama3.2:latest", "groq/llama3.2:latest", "demo/assistant", PROMPT)


def test_check_says_what_works(terminal):
    terminal.say("/check")
    terminal.wait("✓ sandbox: ", "no network", "✓ groq/model", "✓ sessions: ", PROMPT)


def test_cost_adds_up_and_says_what_has_no_known_price(terminal):
    terminal.turn("hello", "Hello.")
    terminal.say("/cost")
    terminal.wait("last turn", "↑", "↓ 2 tokens", "1 messages without a known price")
    terminal.wait("session", "↑", "messages without a known price", PROMPT)


def test_sessions_lists_this_one(terminal):
    terminal.turn("hello", "Hello.")
    terminal.say("/sessions")
    terminal.wait("mine", " turn", "hello", PROMPT)


def test_sessions_with_words_searches_them(terminal):
    terminal.turn("are there walruses?", "Hello.")
    terminal.say("/sessions walrus")
    terminal.wait("mine  turn ", "are there walruses?", PROMPT)
    terminal.say("/sessions unicorn")
    terminal.wait("nothing was found", PROMPT)


def test_export_writes_the_session_to_a_new_file(machine, terminal):
    terminal.turn("hello", "Hello.")
    terminal.say("/export html shared.html")
    terminal.wait("written: ", "shared.html", PROMPT)
    assert "<title>hello · llmrepl</title>" in (machine.project / "shared.html").read_text()
    terminal.say("/export html shared.html")
    terminal.wait("error: ", "exists already", PROMPT)
    terminal.say("/export pdf")
    terminal.wait("error: ", "there is no format 'pdf'", PROMPT)


def test_sandbox_says_what_code_may_touch(machine, terminal):
    terminal.say("/sandbox")
    terminal.wait(f"bubblewrap: writes a copy of {machine.project}, and /tmp; no network", PROMPT)


def test_system_shows_the_prompt_as_it_is_sent(terminal, server):
    terminal.say("/system")
    terminal.wait("<helpers>", "Answer like a pirate.", " tokens)", PROMPT)
    terminal.turn("hello", "Hello.")
    assert "Answer like a pirate." in server.requests[-1].body["messages"][0]["content"]


def test_clear_wipes_the_screen_and_keeps_the_conversation(terminal, server):
    terminal.turn("hello", "Hello.")
    before = terminal.raw.count(b"\x1b[H\x1b[2J")
    terminal.say("/clear")
    terminal.wait(PROMPT, PROMPT)
    terminal.settle()
    assert terminal.raw.count(b"\x1b[H\x1b[2J") == before + 1
    terminal.turn("again", "Hello.")
    assert len(server.requests[-1].body["messages"]) >= 4


def test_an_unknown_command_names_what_lists_them(terminal, server):
    before = len(server.requests)
    terminal.say("/frobnicate now")
    terminal.wait("error: there is no command /frobnicate", "/help lists all", PROMPT)
    assert len(server.requests) == before


def test_a_path_is_no_command(terminal, server):
    terminal.turn("/etc/hosts is what?", "Hello.")
    assert server.requests[-1].body["messages"][-1]["content"] == "/etc/hosts is what?"


def test_quit_leaves_and_says_how_to_come_back(machine, server):
    terminal = Terminal(machine, "--model", "groq/x", "--session", "other")
    terminal.wait("Ctrl-D to leave", PROMPT)
    terminal.turn("hello", "Hello.")
    terminal.say("/quit")
    assert terminal.end() == 0
    assert "To resume this session: llmrepl --resume other" in terminal.text
