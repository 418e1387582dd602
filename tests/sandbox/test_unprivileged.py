"""The same promises for an unprivileged user, where these tests run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.emulations import MASKED_PROC
from tests.sandbox.session import PublicDirectory
from tests.sandbox.upstream import Upstream

NOBODY = 65534
ROOT = Path(__file__).parents[2]

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
def public():
    """A copy of the package and a project that everybody may read."""
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


def python_for(user: list[str]) -> str:
    """Return an interpreter new enough for us that the user may start."""
    check = (
        "import os, sys;"
        "sys.exit(sys.version_info < (3, 11) or not os.access(sys.executable, os.X_OK))"
    )
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            command = [*user, python, "-c", check]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return python
        except OSError:
            continue
    raise AssertionError("no Python 3.11 that user nobody may start")


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as server:
        yield server


@pytest.mark.parametrize("name", PROMISES)
def test_a_promise_is_kept_for_an_unprivileged_user(name, public, upstream):
    kept(public / name, f"promises.{name}{PROMISES[name]}", upstream)


@pytest.mark.parametrize("name", REDUCED)
def test_a_promise_of_the_reduced_sandbox_is_kept_for_an_unprivileged_user(name, public, upstream):
    place = public / f"reduced-{name}"
    kept(place, f"reduced.{name}{REDUCED[name]}", upstream, tier="reduced")


IN_MASKED_PROC = {
    "nothing_outside_is_written": "(session, project)",
    "nothing_outside_is_read": "(session, project)",
    "no_network": "(session, proc=False)",
    "a_copy_is_written_and_applied": "(session, project)",
}


@pytest.mark.parametrize("name", IN_MASKED_PROC)
def test_a_promise_is_kept_where_no_proc_can_be_mounted(name, public, upstream):
    place = public / f"masked-{name}"
    promise = f"promises.{name}{IN_MASKED_PROC[name]}"
    kept(place, promise, upstream, within=MASKED_PROC)


def kept(place, promise, upstream, *, tier="auto", within=()):
    """Try a promise as nobody, in a project of nobody's."""
    public = place.parent
    uid = os.getuid()
    user: list[str] = []
    if uid == 0:
        uid = NOBODY
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    project = place / "project"
    project.mkdir(parents=True)
    (project / "file.txt").write_text("unchanged\n")
    (place / "canary").write_text("canary")
    made = [place, project, project / "file.txt", place / "canary"]
    if "real" in promise:
        (project / ".git" / "hooks").mkdir(parents=True)
        made += [project / ".git", project / ".git" / "hooks"]
    for path in made:
        os.chown(path, uid, uid if uid == NOBODY else -1)
    inside = 0 if within else uid
    script = SCRIPT.format(uid=inside, promise=promise, copied="copy" in promise, tier=tier)
    python = [*within, python_for(user), "-W", "error"]
    found = subprocess.run(
        [*user, *python, "-c", script, str(project), str(upstream.port)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=public,
        env={"PATH": "/usr/bin:/bin", "HOME": str(public / "home"), "PYTHONPATH": str(public)},
        check=False,
    )
    assert found.stdout == "kept\n", found.stderr
    assert found.stderr == ""
