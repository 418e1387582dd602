"""The Makefile: what it offers, and that a start that needs no set-up does none."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = {"setup", "run", "test", "check", "bench", "docs", "constraints", "clean", "help"}


def make(*arguments, cwd, **variables):
    """Run make as a shell would, free of what a make around the suite passes on."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments],
        cwd=cwd,
        env={**inherited, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose set-up and chat only say that they were called."""
    root = tmp_path / "a path with spaces"
    (root / ".ci").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "constraints-dev.txt"):
        shutil.copy(ROOT / name, root)
    setup = root / ".ci/setup"
    setup.write_text(
        "#!/bin/sh\nset -e\necho set-up $1\nmkdir -p .venv/bin\npwd -P >.venv/place\n"
        'printf \'#!/bin/sh\\nprintf "<%%s>" "$@"\\n\' >.venv/bin/llmrepl\n'
        "chmod +x .venv/bin/llmrepl\ntouch .venv/ready\n"
    )
    setup.chmod(0o755)
    return root


def test_help_tells_every_target():
    listed = dict(
        re.match(r"(\w+) +(\S.*)", line).groups()
        for line in make("help", cwd=ROOT).stdout.splitlines()
    )
    assert set(listed) == TARGETS


def test_make_alone_is_make_help():
    assert make(cwd=ROOT).stdout == make("help", cwd=ROOT).stdout


def test_the_first_start_sets_up_and_the_second_does_not(checkout):
    assert make("run", cwd=checkout).stdout == "set-up\n<>"
    assert make("run", cwd=checkout).stdout == "<>"


def test_arguments_reach_the_chat_as_they_were_quoted(checkout):
    make("setup", cwd=checkout)
    done = make("run", "ARGS=--model demo/assistant --system 'a file.md'", cwd=checkout)
    assert done.stdout == "<--model><demo/assistant><--system><a file.md>"


def test_a_variable_of_the_shell_is_not_taken_for_arguments(checkout):
    make("setup", cwd=checkout)
    assert make("run", cwd=checkout, ARGS="--surprise").stdout == "<>"


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", ".ci/setup"])
def test_a_change_of_the_pins_sets_up_again(checkout, name):
    make("setup", cwd=checkout)
    stamp = (checkout / ".venv/ready").stat().st_mtime
    os.utime(checkout / name, (stamp + 5, stamp + 5))
    assert make("run", cwd=checkout).stdout == "set-up\n<>"


def test_a_checkout_that_was_moved_is_set_up_again(checkout):
    make("setup", cwd=checkout)
    moved = checkout.rename(checkout.parent / "elsewhere")
    assert make("run", cwd=moved).stdout == "set-up\n<>"
    assert make("run", cwd=moved).stdout == "<>"


def test_a_python_that_is_too_old_is_named_in_one_line(tmp_path, checkout):
    shutil.copy(ROOT / ".ci/setup", checkout / ".ci/setup")
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\ntest "$1" = --version && echo Python 3.9.18\n')
    old.chmod(0o755)
    done = make("setup", f"PYTHON={old}", cwd=checkout)
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == (
        f"llmrepl needs Python 3.11 or newer, found Python 3.9.18 ({old}):"
        " install one, or name it with PYTHON=/path/to/python3."
    )
    assert not (checkout / ".venv").exists()
