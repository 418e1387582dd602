from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmrepl.executors import Policy
from llmrepl.executors.walls.diagnosis import install_command
from tests.sandbox.session import SMALL, Session
from tests.sandbox.written import quarantine, session, tree

__all__ = ["project", "quarantine", "session", "shared", "tree"]


@pytest.fixture(scope="session", autouse=True)
def _bubblewrap_is_installed() -> None:
    if shutil.which("bwrap") is None:
        pytest.fail(f"these tests need bubblewrap: {install_command()}", pytrace=False)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A warm session that the tests of a module share: none may rely on another's state."""
    project = tmp_path_factory.mktemp("project")
    (project / "README").write_text("hello from the project\n")
    with Session(Policy(project=project, limits=SMALL)) as session:
        session.start()
        yield session


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project directory beside a canary that no block may reach."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "file.txt").write_text("unchanged\n")
    (tmp_path / "canary").write_text("canary")
    return directory
