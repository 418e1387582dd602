"""What a start may load. Each module costs every user milliseconds at every start.

The lists name what is allowed; a new name here is a decision about start-up time.
"""

import sys

import pytest

from llmrepl.cli import COMMANDS
from tests.hygiene.modules import Observer, foreign, ours

HEAVY = {
    *("rich", "textual", "pygments", "pydantic", "httpx", "httpcore", "anyio"),
    *("tree_sitter", "tree_sitter_bash"),
    *("ollama", "groq", "openai", "tiktoken", "genai_prices", "platformdirs"),
    *("aiohttp", "jinja2", "textual_serve"),
}
"""Libraries that are loaded by what needs them, and by nothing before."""

SLOW = {"sqlite3", "http", "email", "unittest", "importlib.metadata", "pdb"}
"""Slow modules of Python's own library that no start needs."""


def test_importing_llmrepl_loads_nothing_else(machine):
    code = (
        "import sys; before = set(sys.modules); import llmrepl; print(*set(sys.modules) - before)"
    )
    ran = machine.run(command=(sys.executable, "-c", code))
    assert ran.out.split() == ["llmrepl"]


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_told_without_loading_anything(machine, flag):
    assert Observer(machine).run(flag) == {"__future__", "llmrepl", "llmrepl.__main__"}


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_loads_no_command(machine, flag):
    modules = Observer(machine).run(flag)
    assert foreign(modules) == {"click"}
    assert ours(modules) == {"__main__", "cli", "errors"}
    assert not modules & {"asyncio", *SLOW}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_loads_nothing_that_runs_it(machine, name):
    modules = Observer(machine).run(name, "--help")
    assert foreign(modules) == {"click"}
    assert ours(modules) <= {"__main__", "cli", "config", "errors", "purposes"}
    assert not modules & SLOW


def test_the_first_prompt_waits_for_little(machine, chat):
    machine.configure('model = "demo/assistant"\n[limits]\nmax_steps = 5\n')
    # What a turn needs is loaded by this module, which is asked for once the prompt is up.
    observer = Observer(machine, mark="llmrepl.repl.start")
    terminal = chat(command=observer.command)
    assert terminal.leave() == 0
    modules = observer.loaded
    assert {"llmrepl.repl.chat", "llmrepl.config.loading", "prompt_toolkit"} <= modules
    assert foreign(modules) == {"click", "prompt_toolkit", "wcwidth"}
    assert ours(modules) == {
        "__main__",
        "cli",
        "config",
        "conversing",
        "errors",
        "purposes",
        "repl",
    }
    assert not modules & SLOW


def test_a_chat_with_the_demonstration_loads_no_library_of_a_service(machine, chat):
    observer = Observer(machine)
    terminal = chat("--model", "demo/assistant", command=observer.command)
    terminal.turn("What is 17 * 23?", "391")
    assert terminal.leave() == 0
    assert foreign(observer.loaded) & HEAVY <= {"tiktoken", "pygments"}
    assert "approvals" not in ours(observer.loaded)  # there is nothing to look at


def test_listing_sessions_loads_no_library(machine):
    assert foreign(Observer(machine).run("sessions", "list")) == {"click"}


def test_a_block_alone_loads_no_library(machine):
    (machine.project / "code.py").write_text("1 + 1")
    assert foreign(Observer(machine).run("exec", "code.py")) == {"click"}


@pytest.mark.parametrize(
    ("model", "library", "others"),
    [
        ("ollama/x", "ollama", {"groq", "genai_prices"}),
        ("groq/x", "groq", {"ollama"}),
        ("openai/x", "httpx", {"ollama", "groq", "pydantic"}),
    ],
)
def test_a_turn_loads_the_library_of_its_own_service_alone(machine, serve, model, library, others):
    serve("Hello.")
    modules = Observer(machine).run("run", "--model", model, "hello")
    assert library in modules
    assert not foreign(modules) & {*others, "textual", "prompt_toolkit"}
