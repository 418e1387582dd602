"""Every command in the documentation prints what the documentation says."""

import re

import pytest

from tests.docs.console import ROOT, Shell, commands, same

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "plugins/README.md",
    ROOT / "sessions/README.md",
]
COMMANDS = {page: commands(page) for page in PAGES}

NOT_RUN = {
    "git clone <this repository> llmrepl && cd llmrepl && make run": "needs a network",
    "git clone <this repository> llmrepl && cd llmrepl": "needs a network",
    "make setup": "needs a network",
    'export PATH="$PWD/.venv/bin:$PATH"': "done for every page",
    "ollama pull llama3.2": "needs a network and Ollama",
    "export GROQ_API_KEY=…": "needs a key",
    "llmrepl --model groq/llama-3.3-70b-versatile": "needs a network and a key",
    "llmrepl --model ollama/llama3.2": "needs Ollama",
    "llmrepl --model openai/my-model": "needs a server",
    ".venv/bin/pip install plugins/llmrepl-providers": "done by .ci/setup dev",
    ".venv/bin/pip install plugins/llmrepl-local": "done by .ci/setup dev",
    "llmrepl models add ~/models/Qwen3-4B-Q4_K_M.gguf --name qwen": "needs a model",
    "llmrepl --model local/qwen": "needs a model",
    "llmrepl models remove qwen": "needs a model",
    "export ANTHROPIC_API_KEY=…": "needs a key",
    "llmrepl --model anthropic/claude-sonnet-4-5": "needs a network and a key",
}
"""Commands that are not tried, and why."""


@pytest.fixture
def shell(tmp_path, page):
    at_the_top = page.parent.name in ("plugins", "sessions")
    opened = Shell(ROOT if at_the_top else tmp_path / "tea", tmp_path / "home")
    yield opened
    opened.close()


def chat(shell, command):
    with shell.chat(command.text) as terminal:
        for line in command.typed:
            terminal.type(line)
        return terminal.lines()


@pytest.mark.parametrize(
    "page", [p for p in PAGES if COMMANDS[p]], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_command_prints_what_the_page_says(page, shell):
    wrong = []
    failed = None
    for command in COMMANDS[page]:
        if command.text in NOT_RUN:
            continue
        if failed and command.text != "echo $?":
            wrong.append(f"{failed} ends with {shell.status}, and the page does not say so")
            failed = None
        printed = chat(shell, command) if command.is_chat else shell.run(command.text)
        where = f"{command.page}:{command.line}: $ {command.text}"
        if not same(printed, command.printed):
            wrong.append("\n".join([where, *printed, "and not", *command.printed]))
        told = any(line.startswith("llmrepl: ") for line in command.printed)
        failed = where if shell.status and not told else None
    assert not wrong, "\n\n".join(wrong)
    assert not failed, f"{failed} ends with {shell.status}, and the page does not say so"


def test_every_command_that_is_not_tried_stands_on_a_page():
    written = {command.text for found in COMMANDS.values() for command in found}
    assert sorted(NOT_RUN.keys() - written) == []


def test_commands_stand_in_blocks_that_are_tried():
    shells = re.compile(r"^```(sh|bash|shell|zsh|shell-session)$", re.MULTILINE)
    quoted = re.compile(r"^````.*?^````$", re.DOTALL | re.MULTILINE)
    found = [page for page in PAGES if shells.search(quoted.sub("", page.read_text()))]
    assert found == []
