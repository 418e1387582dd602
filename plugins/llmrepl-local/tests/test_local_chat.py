"""A chat in a real terminal with a model from a file: two turns, and Ctrl-C."""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

import pexpect
import pytest
from tiny_models import WORDS, recite

from llmrepl_local.provider import Local

LLMREPL = Path(sys.executable).with_name("llmrepl")
PROMPT = "❯"
ESCAPES = re.compile(
    r"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|[\]P][^\x07\x1b]*(?:\x07|\x1b\\)|[=>()][0-9A-B]?)"
)
PATIENCE = 60


class Terminal:
    """Reads what a chat shows, from the last find on."""

    def __init__(self, *arguments, home):
        environ = {
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ["PYTHONPATH"],
            "TERM": "xterm-256color",
        }
        self.child = pexpect.spawn(
            str(LLMREPL),
            list(arguments),
            cwd=str(home),
            env=environ,
            dimensions=(40, 120),
            encoding="utf-8",
            timeout=PATIENCE,
        )
        self._shown = ""

    def type(self, text):
        self.child.send(text)

    def wait(self, text):
        while text not in ESCAPES.sub("", self._shown):
            try:
                self._shown += self.child.read_nonblocking(65536, PATIENCE)
            except (pexpect.EOF, pexpect.TIMEOUT):
                raise AssertionError(f"{text!r} did not appear after {self._shown!r}") from None
        self._shown = ESCAPES.sub("", self._shown).partition(text)[2]

    def end(self):
        with suppress(pexpect.EOF):
            while True:
                self.child.read_nonblocking(65536, PATIENCE)
        self.child.wait()
        return self.child.exitstatus


@pytest.fixture
def chat(llama, home, tmp_path):
    home.mkdir()
    file = recite(tmp_path / "it.gguf", *WORDS, endless=True, context=2**14)
    Local().add(str(file))
    opened = Terminal("--model", "local/it", home=home)
    yield opened
    opened.child.close(force=True)


def models_of(pid):
    """Return the processes of models that a chat has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child)
        for child in found
        if b"llmrepl_local.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def test_ctrl_c_ends_a_reply_and_the_model_answers_the_next_message(chat):
    chat.wait(PROMPT)
    chat.type("Hello?\r")
    chat.wait(WORDS[-1].strip())
    (model,) = models_of(chat.child.pid)
    chat.type("\x03")
    chat.wait("a person interrupted")
    chat.type("Again\r")
    chat.wait(WORDS[-1].strip())
    assert models_of(chat.child.pid) == [model]
    chat.type("\x03")
    chat.wait("a person interrupted")
    chat.type("/quit\r")
    assert chat.end() == 0
    assert not Path(f"/proc/{model}").exists()
