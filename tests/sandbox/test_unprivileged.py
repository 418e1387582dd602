"""The same promises for an unprivileged user, where these tests run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox.session import PublicDirectory
from tests.sandbox.upstream import Upstream

NOBODY = 65534
ROOT = Path(__file__).parents[2]

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
    uid = os.getuid()
    user: list[str] = []
    if uid == 0:
        uid = NOBODY
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    place = public / name
    project = place / "project"
    project.mkdir(parents=True)
    (project / "file.txt").write_text("unchanged\n")
    (place / "canary").write_text("canary")
    made = [place, project, project / "file.txt", place / "canary"]
    if "real" in name:
        (project / ".git" / "hooks").mkdir(parents=True)
        made += [project / ".git", project / ".git" / "hooks"]
    for path in made:
        os.chown(path, uid, uid if uid == NOBODY else -1)
    script = SCRIPT.format(uid=uid, name=name, arguments=PROMISES[name], copied="copy" in name)
    found = subprocess.run(
        [*user, python_for(user), "-W", "error", "-c", script, str(project), str(upstream.port)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=public,
        env={"PATH": "/usr/bin:/bin", "HOME": str(public / "home"), "PYTHONPATH": str(public)},
        check=False,
    )
    assert found.stdout == "kept\n", found.stderr
    assert found.stderr == ""
