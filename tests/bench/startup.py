"""Start-up: how long until a prompt takes a key, and until --version has answered."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.measure import interleave, table
from tests.bench.terminal import time_to_prompt

BARE = "from prompt_toolkit import PromptSession; PromptSession().prompt('bare> ')"
SCRIPT = str(Path(sys.executable).with_name("llmrepl"))


def _environment(home: str) -> dict[str, str]:
    return {
        "HOME": home,
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "LLMREPL_MODEL": "demo/assistant",
    }


def _process_ms(command: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


def report(rounds: int = 15) -> str:
    """Return the start-up tables."""
    with tempfile.TemporaryDirectory() as home:
        env = _environment(home)
        prompts = interleave(
            {
                "bare prompt-toolkit prompt": lambda: time_to_prompt(
                    [sys.executable, "-c", BARE], env, b"bare>"
                ),
                "llmrepl, launch to usable prompt": lambda: time_to_prompt(
                    [SCRIPT], env, b"\xe2\x9d\xaf", cwd=home
                ),
            },
            rounds,
        )
        versions = interleave(
            {
                "python -c pass": lambda: _process_ms([sys.executable, "-c", "pass"], env),
                "llmrepl --version": lambda: _process_ms([SCRIPT, "--version"], env),
                "llmrepl --help": lambda: _process_ms([SCRIPT, "--help"], env),
            },
            rounds,
        )
    return table(
        "Launch to usable prompt", prompts, "bare prompt-toolkit prompt", "at most x 1.5"
    ) + table("Answering without a session", versions, "python -c pass", "--version at most +60 ms")
