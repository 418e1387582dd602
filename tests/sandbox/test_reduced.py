"""The reduced sandbox: Landlock and a system call filter, without any namespace."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from llmrepl.errors import SandboxUnavailable
from llmrepl.executors import Policy, rules
from llmrepl.executors.selftest import self_test
from llmrepl.executors.walls.bare import require_landlock
from llmrepl.executors.walls.landlock import LEAST, version
from tests.sandbox import promises, reduced
from tests.sandbox.session import SMALL, Session, processes
from tests.sandbox.test_lifecycle import wait_until


@pytest.fixture
def session(project):
    with Session(Policy(project=project, limits=SMALL, tier="reduced")) as session:
        yield session


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A warm reduced session that the tests of this module share."""
    project = tmp_path_factory.mktemp("project")
    (project / "file.txt").write_text("unchanged\n")
    with Session(Policy(project=project, limits=SMALL, tier="reduced")) as session:
        session.start()
        yield session


def test_this_kernel_can_run_these_tests():
    assert version() >= LEAST


def test_nothing_outside_is_written(session, project):
    promises.nothing_outside_is_written(session, project, reduced.CLOSED)


def test_nothing_outside_is_read(session, project):
    reduced.nothing_outside_is_read(session, project)


def test_files_are_not_changed_without_being_opened(session, project):
    reduced.files_are_not_changed_without_being_opened(session, project)


def test_there_is_no_network(shared):
    reduced.no_network(shared)


def test_there_is_no_power(shared):
    reduced.no_power(shared)


def test_a_fork_bomb_is_contained(session):
    promises.a_fork_bomb_is_contained(session)


def test_nothing_is_left_running(session):
    reduced.nothing_is_left_running(session)


def test_the_gaps_are_those_that_are_told(session, project):
    reduced.the_gaps_are_those_that_are_told(session, project)


def test_python_lasts_and_bash_hands_on(shared):
    shared.python("x = 1")
    assert shared.python("x + 1").value == "2"
    shared.bash("cd $SCRATCH; export KEPT=yes; echo y > kept")
    assert shared.bash("echo $KEPT; cat kept; cat <(echo sub)").out == "yes\ny\nsub\n"
    assert shared.bash("echo a; exit 3").finished.exit_code == 3
    assert (
        shared.python("import os; open(os.environ['SCRATCH'] + '/kept').read()").value == "'y\\n'"
    )
    assert shared.bash(f": {'x' * 200_000}; echo long").out == "long\n"


def test_an_artifact_is_handed_over(shared):
    made = shared.bash("mkdir -p $SCRATCH/artifacts; echo x > $SCRATCH/artifacts/here")
    assert [path.rpartition("/")[2] for path in made.finished.artifacts] == ["here"]


@pytest.mark.parametrize(
    ("language", "code", "told"),
    [
        ("bash", "sleep 60", "out of time"),
        ("python", "import time; time.sleep(60)", "out of time"),
        ("python", "import signal; signal.pthread_sigmask(0, range(1, 64))\nwhile True: pass", ""),
    ],
)
def test_a_block_that_takes_too_long_is_ended(shared, language, code, told):
    result = shared.block(language, code, timeout=0.5)
    assert result.status == "timeout"
    assert told in result.reason
    assert shared.python("'next'").value == "'next'"


def test_memory_together_is_limited(shared):
    reduced.memory_is_limited(shared)


def test_the_scratch_is_limited(shared):
    code = "for i in $(seq 3000); do echo > $SCRATCH/f$i; done; sleep 5"
    result = shared.bash(code)
    assert (result.status, "files in $SCRATCH" in result.reason) == ("limit", True), result
    shared.bash("rm -f $SCRATCH/f*")


def test_a_supervisor_that_was_killed_takes_everything_with_it(project):
    mark = f"85{os.getpid()}"
    with Session(Policy(project=project, tier="reduced")) as session:
        session.python(f"import subprocess; p = subprocess.Popen(['sleep', '{mark}'])")
        assert wait_until(lambda: len(processes(f"sleep {mark}")) == 1)
        os.kill(session.agent, signal.SIGKILL)
        assert wait_until(lambda: processes(mark) == [])
        result = session.python("1")
        assert result.value == "1"
        assert "variables are lost" in result.reason


def test_a_kernel_without_the_rules_is_refused_with_what_it_has():
    for found, told in ((0, "has none"), (1, "version 1"), (LEAST - 1, f"version {LEAST - 1}")):
        with pytest.raises(SandboxUnavailable, match=told) as raised:
            require_landlock(found)
        assert "nothing was run" in raised.value.message
        assert "Linux 6.12" in raised.value.hint
    require_landlock(LEAST)
    require_landlock(LEAST + 5)


def test_the_self_test_lists_the_gaps(project):
    found = asyncio.run(self_test(Policy(project=project, tier="reduced", copy_on_write=True)))
    assert found.ok
    assert (found.tier, found.variant) == ("landlock", "")
    assert found.gaps == reduced.GAPS
    assert {proof.name for proof in found.proofs} >= {"other files closed", "system call filter"}


def test_the_policy_and_the_rules_say_what_it_is(session, project):
    assert session.executor.name == "landlock"
    assert session.executor.policy.startswith(f"REDUCED sandbox: reads {project}; writes only")
    told = " ".join(rules(session.executor.settings))
    for part in ("$SCRATCH", "chmod", "/proc", "no network"):
        assert part in told
    assert "/tmp ($SCRATCH)" not in told


def test_the_documentation_lists_every_gap():
    page = Path(__file__).parents[2] / "docs" / "explanation" / "sandbox.md"
    words = " ".join(page.read_text().replace("`", "").split())
    for gap, told in zip(
        reduced.GAPS,
        (
            "tell whether any file exists",
            "usually hold secrets can be read",
            "read-only, without a copy, and no host",
            "Modes, owners, times and attributes of files cannot be changed at all",
            "/tmp, /proc and /dev/shm are closed",
            "Blocks run as you",
            "opens the machine",
        ),
        strict=True,
    ):
        assert told in words, gap


def test_a_monitor_that_cannot_start_is_told_as_what_it_is(project, tmp_path):
    python = tmp_path / "python"
    python.symlink_to("/usr/bin/python3")
    with Session(Policy(project=project, tier="reduced", python=str(python))) as session:
        session.start()
        python.unlink()
        agent = session.agent
        os.kill(agent, signal.SIGKILL)
        assert wait_until(lambda: not Path(f"/proc/{agent}").exists())
        with pytest.raises(SandboxUnavailable, match="REDUCED sandbox: it could not be started"):
            session.python("1")
