"""`llmrepl models add`, and chats with what was added, as a person does it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_models import HELLO, recite

LLMREPL = Path(sys.executable).with_name("llmrepl")
GREETING = "".join(HELLO)


class Ran:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@pytest.fixture
def llmrepl(tmp_path, home):
    home.mkdir(exist_ok=True)

    def run(*arguments, **environ):
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        done = subprocess.run(
            [LLMREPL, *map(str, arguments)],
            cwd=home,
            env={**kept, "HOME": str(home), "LANG": "C.UTF-8", **environ},
            input="",
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done)

    return run


def test_a_file_is_added_listed_and_removed(llmrepl, greeter):
    added = llmrepl("models", "add", greeter)
    assert (added.code, added.out, added.err) == (0, "local/greeter takes 512 tokens at once\n", "")
    listed = [json.loads(line) for line in llmrepl("models", "--json").out.splitlines()]
    (row,) = [row for row in listed if row["model"].startswith("local/")]
    assert (row["model"], row["context"], row["note"]) == ("local/greeter", 512, "")
    removed = llmrepl("models", "remove", "local/greeter")
    assert removed.out == f"local/greeter is forgotten; {greeter} is still there\n"
    assert "llmrepl models add FILE adds one" in llmrepl("models").err


def test_what_a_person_has_to_know_of_a_file_is_told_when_it_is_added(llmrepl, tmp_path):
    added = llmrepl("models", "add", recite(tmp_path / "plain.gguf", "Hello", template=None))
    assert added.out == "local/plain takes 512 tokens at once\n"
    assert added.err == "it has no template of its own for conversations: ChatML is used\n"


def test_a_file_that_went_away_is_listed_as_what_cannot_be_used(llmrepl, tmp_path):
    file = recite(tmp_path / "gone.gguf", "Hello")
    llmrepl("models", "add", file)
    file.unlink()
    listed = llmrepl("models")
    assert "local/" not in listed.out
    assert f"there is no file {file}" in listed.err


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("notes.gguf", b"Buy milk.", "notes.gguf is no GGUF file"),
        ("empty.gguf", b"", "empty.gguf is empty"),
        ("half.gguf", None, "half.gguf is cut off: it has "),
        ("absent.gguf", ..., "there is no file "),
    ],
)
def test_what_cannot_be_added_says_why(llmrepl, tmp_path, greeter, name, data, said):
    if data is not ...:
        whole = greeter.read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2] if data is None else data)
    ran = llmrepl("models", "add", tmp_path / name)
    assert (ran.code, ran.out) == (4, "")
    assert said in ran.err


def test_a_name_that_is_taken_is_refused(llmrepl, greeter, endless):
    llmrepl("models", "add", greeter, "--name", "it")
    ran = llmrepl("models", "add", endless, "--name", "it")
    assert ran.code == 4
    assert ran.err.startswith(f"llmrepl: the name it is taken by {greeter}\n")


def test_a_model_from_a_file_answers(llmrepl, llama, tmp_path):
    # The system prompt is thousands of letters, each of which is a token here.
    llmrepl("models", "add", recite(tmp_path / "large.gguf", *HELLO, context=2**14))
    ran = llmrepl("run", "--model", "local/large", "--output", "json", "Hi")
    found = json.loads(ran.out)
    assert (ran.code, found["answer"], found["cost_usd"]) == (0, GREETING, 0)
    assert found["usage"]["output_tokens"] == len(HELLO) - 1 + 3


def test_a_model_that_is_too_small_for_the_system_prompt_says_so(llmrepl, llama, greeter):
    llmrepl("models", "add", greeter)
    ran = llmrepl("run", "--model", "local/greeter", "Hi")
    assert ran.code == 5
    assert "the model 512 at once" in ran.err


def test_without_llama_cpp_the_error_says_how_to_install_it(llmrepl, greeter):
    llmrepl("models", "add", greeter)
    ran = llmrepl("run", "--model", "local/greeter", "Hi")
    assert ran.code == 5
    assert "llama-cpp-python is not installed beside llmrepl" in ran.err
    assert "-m pip install 'llama-cpp-python" in ran.err
