"""Whatever a block tries, as root and as anybody else: the cases of `tests.sandbox.abuse`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox import users
from tests.sandbox.abuse import page
from tests.sandbox.abuse.suite import BY_NAME, GROUPS


class Runner:
    """A process of one user that plays cases: started with the first, again where it has ended."""

    def __init__(self, user: users.User, errors: Path) -> None:
        self._user = user
        self._errors = errors
        self._process: subprocess.Popen[str] | None = None

    def play(self, name: str) -> dict[str, Any]:
        """Play a case; return what the runner says of it."""
        if self._process is None or self._process.poll() is not None:
            self._process = self._start()
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return self._said()

    def close(self) -> list[str]:
        """End it; return what it says is left."""
        if self._process is None:
            return []
        assert self._process.stdin is not None
        self._process.stdin.close()
        left: list[str] = self._said()["problems"]
        self._process.wait(timeout=60)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return left

    def _start(self) -> subprocess.Popen[str]:
        with self._errors.open("a") as errors:
            return subprocess.Popen(
                [*self._user.command, "-W", "error", "-m", "tests.sandbox.abuse.runner"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=self._user.code,
                env=self._user.environ,
            )

    def _said(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the runner ended: {self._errors.read_text()}"
        said: dict[str, Any] = json.loads(line)
        return said


@pytest.fixture(scope="module", params=users.NAMES)
def runner(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runner")
    with users.public_code() as code:
        user = users.root(directory) if request.param == "root" else users.unprivileged(code)
        runner = Runner(user, directory / "errors")
        yield runner
        assert runner.close() == []
        assert not (directory / "errors").exists() or (directory / "errors").read_text() == ""


@pytest.mark.parametrize("name", BY_NAME)
def test_a_case_is_contained(runner, name):
    said = runner.play(name)
    told = "\n".join([BY_NAME[name].claim, *said["problems"], *said["seen"]])
    assert said["problems"] == [], told


def test_every_group_has_a_title_and_every_case_a_name_and_a_claim_of_its_own():
    claims = [case.claim for case in BY_NAME.values()]
    assert len(BY_NAME) == sum(len(group.CASES) for group in GROUPS) >= 120
    assert len(set(claims)) == len(claims)
    assert len({group.TITLE for group in GROUPS}) == len(GROUPS)


def test_the_page_lists_the_cases():
    assert page.PAGE.read_text() == page.written(page.PAGE.read_text()), (
        "stale: run python -m tests.sandbox.abuse.page"
    )
