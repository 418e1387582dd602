"""The same promises for an unprivileged user, where these tests run as root."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.sandbox import users
from tests.sandbox.emulations import MASKED_PROC
from tests.sandbox.upstream import Upstream

REDUCED = {
    "nothing_outside_is_read": "(session, project)",
    "files_are_not_changed_without_being_opened": "(session, project)",
    "no_network": "(session)",
    "no_power": "(session)",
    "nothing_is_left_running": "(session)",
    "memory_is_limited": "(session)",
    "the_gaps_are_those_that_are_told": "(session, project)",
}

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
from tests.sandbox import promises, reduced
from tests.sandbox.session import SMALL, Session
assert os.getuid() == {uid}
project = Path(sys.argv[1])
port = int(sys.argv[2])
net = (f"127.0.0.1:{{port}}",) if "proxy" in "{promise}" else ()
write = (project,) if "real_writes" in "{promise}" else ()
policy = Policy(
    project=project, limits=SMALL, net=net, write=write, copy_on_write={copied}, tier={tier!r}
)
with Session(policy, dict(os.environ)) as session:
    {promise}
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
    kept(user.code / name, f"promises.{name}{PROMISES[name]}", user, upstream)


@pytest.mark.parametrize("name", REDUCED)
def test_a_promise_of_the_reduced_sandbox_is_kept_for_an_unprivileged_user(name, user, upstream):
    place = user.code / f"reduced-{name}"
    kept(place, f"reduced.{name}{REDUCED[name]}", user, upstream, tier="reduced")


IN_MASKED_PROC = {
    "nothing_outside_is_written": "(session, project)",
    "nothing_outside_is_read": "(session, project)",
    "no_network": "(session, proc=False)",
    "a_copy_is_written_and_applied": "(session, project)",
}


@pytest.mark.parametrize("name", IN_MASKED_PROC)
def test_a_promise_is_kept_where_no_proc_can_be_mounted(name, user, upstream):
    place = user.code / f"masked-{name}"
    promise = f"promises.{name}{IN_MASKED_PROC[name]}"
    kept(place, promise, user, upstream, within=MASKED_PROC)


def kept(place, promise, user, upstream, *, tier="auto", within=()):
    """Try a promise as nobody, in a project of nobody's."""
    uid = os.getuid() or users.NOBODY
    project = place / "project"
    project.mkdir(parents=True)
    (project / "file.txt").write_text("unchanged\n")
    (place / "canary").write_text("canary")
    made = [place, project, project / "file.txt", place / "canary"]
    if "real" in promise:
        (project / ".git" / "hooks").mkdir(parents=True)
        made += [project / ".git", project / ".git" / "hooks"]
    for path in made:
        os.chown(path, uid, uid if uid == users.NOBODY else -1)
    inside = 0 if within else uid
    script = SCRIPT.format(uid=inside, promise=promise, copied="copy" in promise, tier=tier)
    python = [*user.become, *within, user.python, "-W", "error"]
    found = subprocess.run(
        [*python, "-c", script, str(project), str(upstream.port)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=user.code,
        env=user.environ,
        check=False,
    )
    assert found.stdout == "kept\n", found.stderr
    assert found.stderr == ""
