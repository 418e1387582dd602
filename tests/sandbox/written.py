"""A project that blocks write for real, and what is seen of it."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from llmrepl.executors import Policy
from tests.sandbox.session import SMALL, Session
from tests.sandbox.test_cow import snapshot


@pytest.fixture
def tree(project: Path) -> Path:
    (project / "file.txt").write_text("one\ntwo\n")
    (project / "sub").mkdir()
    (project / "sub" / "kept").write_text("kept\n")
    (project / "link").symlink_to("file.txt")
    subprocess.run(["git", "init", "-q", project], check=True)
    (project / ".envrc").write_text("export A=1\n")
    (project / "sub" / ".vscode").mkdir()
    (project / "sub" / ".vscode" / "tasks.json").write_text("{}\n")
    return project


@pytest.fixture
def quarantine(tmp_path: Path) -> Path:
    return tmp_path / "data" / "quarantine"


@pytest.fixture
def session(tree: Path, quarantine: Path):
    policy = Policy(
        project=tree, limits=SMALL, copy_on_write=True, write=(tree,), quarantine=quarantine
    )
    with Session(policy) as session:
        yield session


def undo(session: Session, blocks: int | None = None):
    return session.wait(session.executor.written.undo(blocks))


def visible(top: Path) -> dict[str, tuple[object, ...]]:
    """What is below `top` but for times of directories, which undo does not give back."""
    return {
        path: facts if stat.S_ISREG(facts[0]) else (facts[0], facts[2])
        for path, facts in snapshot(top).items()
    }
