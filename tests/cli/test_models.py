"""`llmrepl models`: what can be used here."""

import json
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.cli.machine import NOBODY

ROOT = Path(__file__).parents[2]


def rows(ran):
    return [json.loads(line) for line in ran.lines]


def test_the_models_of_every_provider_that_answers_are_listed(machine, serve):
    serve(models=("llama3.2:latest", "qwen3:8b"))
    ran = machine.run("models")
    assert ran.code == 0
    told = (" needs a key", " llmrepl models add FILE adds one")
    of_plugins = [line for line in ran.err.splitlines() if line.endswith(told)]
    assert ran.err.splitlines() == of_plugins
    names = [line.split()[0] for line in ran.lines]
    for provider in ("ollama", "groq", "openai"):
        assert f"{provider}/llama3.2:latest" in names
        assert f"{provider}/qwen3:8b" in names
    assert "demo/assistant" in names
    assert "scripted/FILE" in names


def test_what_cannot_be_used_is_told_on_stderr_with_the_fix(machine):
    ran = machine.run("models")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.lines] == ["demo/assistant", "scripted/FILE"]
    assert f"No server answers at {NOBODY}" in ran.err
    assert "set GROQ_API_KEY" in ran.err
    assert "set OPENAI_API_KEY" in ran.err


def test_models_as_json_have_their_context(machine, serve):
    serve(models=("llama3.2:latest",))
    ran = machine.run("models", "--json")
    assert ran.code == 0
    found = {row["model"]: row["context"] for row in rows(ran)}
    assert found["groq/llama3.2:latest"] == 8192
    assert found["ollama/llama3.2:latest"] == 8192


def test_a_provider_that_fails_does_not_hide_the_others(machine, serve):
    serve(models=("llama3.2:latest",))
    ran = machine.run("models", OPENAI_BASE_URL=NOBODY)
    assert ran.code == 0
    assert "groq/llama3.2:latest" in ran.out
    assert "openai/" not in ran.out
    assert "openai/…" in ran.err


WITHOUT_LOCAL = """
import sys
sys.path += sys.argv[1].split(":")
del sys.argv[1]
from llmrepl.__main__ import main
sys.exit(main())
"""


@pytest.fixture
def without_local(tmp_path):
    """Starts llmrepl in an environment that holds all but the package llmrepl-local."""
    site = tmp_path / "site"
    site.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith("llmrepl_local"):
            (site / entry.name).symlink_to(entry)
    path = f"{site}:{ROOT}:{ROOT / 'plugins'}:{ROOT / 'plugins/llmrepl-providers'}"
    return (sys.executable, "-S", "-c", WITHOUT_LOCAL, path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("models", "add", "model.gguf"), "nothing here runs models from files"),
        (("models", "remove", "model"), "nothing here runs models from files"),
        (("run", "--model", "local/model", "Hello?"), "there is no provider 'local'"),
    ],
)
def test_without_the_package_for_files_the_error_says_how_to_get_it(
    machine, without_local, arguments, said
):
    ran = machine.run(*arguments, command=without_local)
    assert ran.code == 4
    first, hint = ran.err.splitlines()
    assert first == f"llmrepl: {said}"
    assert hint.startswith("  llmrepl-local brings it; in llmrepl's sources: ")
    assert hint.endswith(" -m pip install plugins/llmrepl-local")
