"""Where blocks may write for real, and how that changes in a session."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from llmrepl.errors import ConfigError, LlmreplError
from llmrepl.executors import Policy
from llmrepl.executors.place import settle
from tests.sandbox.session import SMALL, Session
from tests.sandbox.written import undo


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/", "whole machine"),
        ("/usr/lib", "part of the system"),
        ("/etc/ssl", "part of the system"),
        ("~", "home directory"),
        ("~/..", "part of the machine"),
        ("~/.config/x", ".config is protected"),
        ("~/code/.git", ".git is protected"),
        ("~/other", "as a home directory does"),
        ("~/data", "llmrepl keeps files of its own"),
        ("~/data/own/x", "llmrepl keeps files of its own"),
        ("~/missing", "not a directory"),
        ("~/link", "part of the machine"),
    ],
)
def test_a_place_that_blocks_must_not_write_is_refused_by_name(tmp_path, path, why):
    home = tmp_path / "home"
    for name in (".config/x", "code/.git", "other/.ssh", "data/own/x"):
        (home / name).mkdir(parents=True)
    (home / "link").symlink_to("/usr")
    named = Path(path.replace("~", str(home)))
    policy = Policy(project=home / "code", write=(named,), closed=(home / "data" / "own",))
    with pytest.raises(ConfigError, match=why):
        settle(policy, {"HOME": str(home)})


def change(session: Session, **changes: object) -> None:
    given = session.executor.given
    session.wait(session.executor.change(dataclasses.replace(given, **changes)))


def test_a_wider_policy_holds_at_once_and_what_is_lost_is_said(project):
    with Session(Policy(project=project, limits=SMALL)) as session:
        session.python("kept = 1; open('/tmp/kept', 'w').write('kept')")
        session.bash("cd /tmp; export KEPT=1")
        assert session.bash(f"echo x > {project}/new").status == "error"
        change(session, write=(project,))
        assert session.executor.policy == f"writes {project} for real, and /tmp; no network"
        assert session.bash(f"pwd; echo $KEPT; cat kept; echo x > {project}/new").out == (
            "/tmp\n1\nkept"
        )
        assert (project / "new").exists()
        found = session.python("kept")
        assert "started again under another policy, so Python's variables are lost" in found.reason
        change(session, net=("example.org",))
        assert session.executor.policy.endswith("reaches example.org")
        assert session.bash("echo $HTTP_PROXY").out.startswith("http://127.0.0.1:")
        assert undo(session)[1].done == ("new",)


def test_a_policy_that_cannot_be_had_leaves_the_one_before(tree):
    with Session(Policy(project=tree, copy_on_write=True, limits=SMALL)) as session:
        session.bash("echo x > new")
        before = session.executor.policy
        with pytest.raises(LlmreplError, match="would be lost"):
            change(session, write=(tree,))
        with pytest.raises(ConfigError, match="whole machine"):
            change(session, write=(Path("/"),))
        assert session.executor.policy == before
        assert session.bash("cat new").out == "x\n"
        session.wait(session.executor.written.discard())
        change(session, write=(tree,))
        session.bash("echo real > new")
        assert (tree / "new").read_text() == "real\n"
        change(session, write=())
        assert session.executor.policy == before
        session.bash("echo copied > new")
        assert (tree / "new").read_text() == "real\n"
        assert undo(session)[1].done == ("new",)


def test_changes_in_a_copy_survive_a_wider_policy(tree, tmp_path):
    (tmp_path / "out").mkdir()
    with Session(Policy(project=tree, copy_on_write=True, limits=SMALL)) as session:
        session.bash("echo x > new; rm sub/kept")
        change(session, write=(tmp_path / "out",))
        assert session.bash(f"cat new; echo y > {tmp_path}/out/y; ls sub").out == "x\n"
        assert [str(c) for c in session.wait(session.executor.written.changes())] == [
            "A new +1",
            "D sub/kept -1",
        ]
