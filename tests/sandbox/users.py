"""The users that tests of the sandbox run as, and what they need to run our code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.sandbox.session import PublicDirectory

NOBODY = 65534
ROOT = Path(__file__).parents[2]

AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@dataclass(frozen=True)
class User:
    """Somebody who can run a Python program: how to become them, and where our code is for them."""

    name: str
    become: tuple[str, ...]
    python: str
    code: Path
    home: Path

    @property
    def command(self) -> tuple[str, ...]:
        return (*self.become, self.python)

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "PYTHONPATH": str(self.code)}


NAMES = ("root", "unprivileged") if os.getuid() == 0 else ("unprivileged",)
"""Who can be had: an unprivileged user cannot become root."""


@contextmanager
def public_code() -> Iterator[Path]:
    """A copy of the package and of these tests that everybody may read, and a home directory."""
    with PublicDirectory() as directory:
        for name in ("llmrepl", "tests/sandbox"):
            shutil.copytree(
                ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        (directory / "tests" / "__init__.py").touch()
        home = directory / "home"
        home.mkdir()
        if os.getuid() == 0:
            os.chown(home, NOBODY, NOBODY)
        subprocess.run(["chmod", "-R", "a+rX", directory], check=True)
        yield directory


def unprivileged(code: Path) -> User:
    """Return this user, or nobody where this one is root; `code` is from `public_code`."""
    become = AS_NOBODY if os.getuid() == 0 else ()
    return User("unprivileged", become, _python_for(become), code, code / "home")


def root(home: Path) -> User:
    """Return root, which this process must run as."""
    return User("root", (), sys.executable, ROOT, home)


def _python_for(become: tuple[str, ...]) -> str:
    """Return an interpreter new enough for us that the user may start."""
    check = (
        "import os, sys;"
        "sys.exit(sys.version_info < (3, 11) or not os.access(sys.executable, os.X_OK))"
    )
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            command = [*become, python, "-c", check]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return python
        except OSError:
            continue
    raise AssertionError("no Python 3.11 that an unprivileged user may start")
