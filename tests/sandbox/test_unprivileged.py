"""The same promises for an unprivileged user, where these tests run as root."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.sandbox import users
from tests.sandbox.upstream import Upstream

PROMISES = {
    "nothing_outside_is_written": "(session, project)",
    "nothing_outside_is_read": "(session, project)",
    "no_network": "(session)",
    "no_network_but_the_proxy": "(session, port)",
    "no_power": "(session)",
    "a_fork_bomb_is_contained": "(session)",
    "a_copy_is_written_and_applied": "(session, project)",
    "real_writes_are_swept_and_undone": "(session, project)",
}

SCRIPT = """
import os, sys
from pathlib import Path
from llmrepl.executors import Policy
from tests.sandbox import promises
from tests.sandbox.session import SMALL, Session
assert os.getuid() == {uid}
project = Path(sys.argv[1])
port = int(sys.argv[2])
net = (f"127.0.0.1:{{port}}",) if "{name}" == "no_network_but_the_proxy" else ()
write = (project,) if "{name}" == "real_writes_are_swept_and_undone" else ()
policy = Policy(project=project, limits=SMALL, net=net, write=write, copy_on_write={copied})
with Session(policy, dict(os.environ)) as session:
    promises.{name}{arguments}
    print("kept")
"""


@pytest.fixture(scope="module")
def user():
    with users.public_code() as code:
        yield users.unprivileged(code)


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as server:
        yield server


@pytest.mark.parametrize("name", PROMISES)
def test_a_promise_is_kept_for_an_unprivileged_user(name, user, upstream):
    uid = os.getuid() or users.NOBODY
    place = user.code / name
    project = place / "project"
    project.mkdir(parents=True)
    (project / "file.txt").write_text("unchanged\n")
    (place / "canary").write_text("canary")
    made = [place, project, project / "file.txt", place / "canary"]
    if "real" in name:
        (project / ".git" / "hooks").mkdir(parents=True)
        made += [project / ".git", project / ".git" / "hooks"]
    for path in made:
        os.chown(path, uid, uid if uid == users.NOBODY else -1)
    script = SCRIPT.format(uid=uid, name=name, arguments=PROMISES[name], copied="copy" in name)
    found = subprocess.run(
        [*user.command, "-W", "error", "-c", script, str(project), str(upstream.port)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=user.code,
        env=user.environ,
        check=False,
    )
    assert found.stdout == "kept\n", found.stderr
    assert found.stderr == ""
