"""A sandbox starts or is refused, starts again when it has to, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import llmrepl.executors
from llmrepl.errors import SandboxUnavailable
from llmrepl.executors import Policy, SandboxExecutor
from llmrepl.executors.files.removal import remove_below, remove_tree
from llmrepl.executors.selftest import self_test
from llmrepl.ports import Executor
from tests.sandbox.session import SMALL, Session, processes


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def no_child_left(project):
    """After the test no bubblewrap shows its project, and this process has the children it had."""
    before = children()
    yield
    assert wait_until(lambda: children() == before)
    assert wait_until(lambda: processes(str(project)) == [])


def children() -> set[str]:
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            found.update((task / "children").read_text().split())
    return found


def wait_until(holds) -> bool:
    """Give what happens elsewhere five seconds."""
    deadline = time.monotonic() + 5
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def run_python(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter with these variables in addition."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environ},
        check=False,
    )


def test_closing_leaves_no_process_no_descriptor_and_no_directory(project, no_child_left):
    with Session(Policy(project=project)) as session:  # what the first use loads stays open
        session.python("1")
    before = descriptors()
    with Session(Policy(project=project, limits=SMALL)) as session:
        session.python("import subprocess; subprocess.Popen(['sleep', '86425'])")
        session.bash("echo 1")
        private = session.scratch.parent
        agent = session.agent
        assert private.exists()
    assert processes("sleep 86425") == []
    assert not Path(f"/proc/{agent}").exists()
    assert not private.exists()
    assert descriptors() == before


def test_many_blocks_and_restarts_leak_no_descriptor(shared):
    shared.python("1")
    before = descriptors()
    for _ in range(10):
        shared.python("print(1)")
        shared.bash("echo 1")
        shared.python("import os; os._exit(1)")
    shared.python("1")
    assert descriptors() == before


def test_starting_and_closing_again_is_allowed(project):
    with Session(Policy(project=project)) as session:
        session.start()
        agent = session.agent
        session.start()
        assert session.agent == agent
        session.wait(session.executor.close())
        session.wait(session.executor.close())
        assert session.python("1").value == "1"


def test_a_sandbox_that_was_killed_starts_again_and_keeps_the_scratch(project, no_child_left):
    with Session(Policy(project=project)) as session:
        session.python("x = 1; open('/tmp/kept', 'w').write('still here')")
        session.bash("cd /usr; export KEPT=yes")
        agent = session.agent
        os.kill(agent, signal.SIGKILL)
        assert wait_until(lambda: not Path(f"/proc/{agent}").exists())
        result = session.python("open('/tmp/kept').read()")
        assert result.value == "'still here'"
        assert "variables are lost" in result.reason
        assert session.agent != agent
        assert session.bash("pwd; echo $KEPT").out == "/usr\nyes\n"


def test_a_sandbox_that_dies_under_a_block_leaves_its_end_unknown(project):
    with Session(Policy(project=project)) as session:

        async def kill() -> None:
            os.kill(session.agent, signal.SIGKILL)

        result = session.meanwhile("bash", "echo on; sleep 60", "on", kill)
        assert result.status == "unknown"
        assert "unknown" in result.reason
        assert session.bash("echo again").out == "again\n"


@pytest.mark.parametrize(("language", "code"), [("bash", "sleep 60"), ("python", "x()")])
def test_a_supervisor_that_no_longer_answers_is_ended_with_the_sandbox(project, language, code):
    with Session(Policy(project=project)) as session:
        session.python(
            "import time\ndef x():\n    try: time.sleep(60)\n    finally: time.sleep(60)"
        )
        agent = session.agent
        os.kill(agent, signal.SIGSTOP)
        result = session.block(language, code, timeout=0.1)
        assert result.status == "timeout"
        assert "the sandbox had to be ended" in result.reason
        assert not Path(f"/proc/{agent}").exists()
        assert session.block(language, "0" if language == "python" else "true").status == "ok"


def test_a_start_that_is_given_up_leaves_no_process(project, no_child_left):
    async def give_up(executor: SandboxExecutor, after: float) -> None:
        starting = asyncio.ensure_future(executor.start())
        await asyncio.sleep(after)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting

    for after in (0, 0.001, 0.003, 0.005, 0.007, 0.01, 0.02, 0.03, 0.05):
        with Session(Policy(project=project)) as session:
            session.wait(give_up(session.executor, after))


def test_whatever_blocks_leave_in_the_scratch_is_removed(project):
    with Session(Policy(project=project)) as session:
        session.bash("mkdir -p /tmp/closed/in; touch /tmp/closed/in/x; chmod 0 /tmp/closed/in")
        session.python(
            "import os\nos.chdir('/tmp')\nfor n in range(1200): os.mkdir('d'); os.chdir('d')"
        )
        private = session.scratch.parent
    assert not private.exists()


def test_everything_dies_with_the_parent(project):
    code = f"""
        import asyncio, sys
        from pathlib import Path
        from llmrepl.executors import Policy
        from tests.sandbox.session import Session
        session = Session(Policy(project=Path({str(project)!r})))
        session.python("import subprocess; subprocess.Popen(['setsid', 'sleep', '86426'])")
        print(session.agent, session.scratch.parent, flush=True)
        session.bash("sleep 86426")
    """
    host = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    agent, private = host.stdout.readline().split()
    assert processes("sleep 86426") != []
    host.kill()
    host.wait()
    host.stdout.close()
    assert wait_until(lambda: not Path(f"/proc/{agent}").exists())
    assert wait_until(lambda: not processes("sleep 86426"))
    with Session(Policy(project=project)) as session:  # the next one clears up
        session.start()
    assert not Path(private).exists()


def test_a_sandbox_outlives_the_thread_that_asked_for_it(project):
    started: list[Session] = []

    def start() -> None:
        session = Session(Policy(project=project))
        session.start()
        started.append(session)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    time.sleep(0.05)
    with started[0] as session:
        assert Path(f"/proc/{session.agent}").exists()
        assert session.python("1").value == "1"


def test_an_interrupt_at_the_terminal_does_not_reach_the_sandbox(project):
    with Session(Policy(project=project)) as session:
        session.start()
        monitor = session.executor._engine._sandbox._process.pid
        assert os.getpgid(monitor) != os.getpgid(0)
        assert os.getsid(session.agent) != os.getsid(0)


def test_a_missing_bubblewrap_is_refused_with_the_command_that_installs_it(project):
    found = run_python(
        f"""
        import asyncio
        from pathlib import Path
        from llmrepl.errors import SandboxUnavailable
        from llmrepl.events import ToolRequested
        from llmrepl.executors import Policy, SandboxExecutor

        async def main():
            executor = SandboxExecutor(Policy(project=Path({str(project)!r})))
            try:
                await executor.start()
            except SandboxUnavailable as error:
                print(error.message)
                print(error.hint)
            request = ToolRequested(call_id="1", name="bash", language="bash",
                                    arguments={{"code": "touch ran"}})
            try:
                async for event in executor.run(request):
                    print("RAN", event)
            except SandboxUnavailable:
                print("refused again")

        asyncio.run(main())
        """,
        PATH="",
    )
    assert found.returncode == 0, found.stderr
    message, hint, again = found.stdout.splitlines()
    assert "bubblewrap" in message
    assert "nothing was run" in message
    assert "install" in hint
    assert again == "refused again"
    assert not (project / "ran").exists()


def broken_bwrap(tmp_path: Path, body: str) -> dict[str, str]:
    """Return variables with a bubblewrap of our own first on PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "bwrap").write_text(f"#!/bin/sh\n{body}\n")
    (directory / "bwrap").chmod(0o755)
    return {"PATH": str(directory), "HOME": str(tmp_path), "VIRTUAL_ENV": sys.prefix}


def test_a_bubblewrap_that_cannot_make_namespaces_is_refused_with_what_it_said(
    project, tmp_path, no_child_left
):
    environ = broken_bwrap(
        tmp_path, "echo 'bwrap: No permissions to create new namespace' >&2; exit 1"
    )
    with Session(Policy(project=project), environ) as session:
        with pytest.raises(SandboxUnavailable, match="No permissions to create") as caught:
            session.start()
        assert caught.value.hint
        with pytest.raises(SandboxUnavailable):
            session.bash("touch ran")
    assert not (project / "ran").exists()


def test_a_sandbox_with_a_wall_missing_is_refused_and_the_wall_is_named(
    project, tmp_path, no_child_left
):
    body = f"""
    for word; do
        shift
        case "$word" in
            --seccomp) skip=1 ;;
            *) [ "$skip" ] && skip= || set -- "$@" "$word" ;;
        esac
    done
    exec {shutil.which("bwrap")} "$@"
    """
    with Session(Policy(project=project), broken_bwrap(tmp_path, body)) as session:
        with pytest.raises(SandboxUnavailable, match="system call filter") as caught:
            session.bash("touch /tmp/ran")
        assert "does not keep its promises" in caught.value.message
        assert "nothing was run" in caught.value.message
        assert not (session.scratch / "ran").exists()


def test_the_agent_serves_only_as_the_first_process_of_a_namespace():
    package = Path(llmrepl.executors.__file__).parent
    code = f"import sys; sys.path.insert(0, {str(package)!r}); import inside.agent as a; a.main()"
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, "0", "-1"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert "outside of a pid namespace" in found.stderr


def test_an_older_bubblewrap_still_confines(project, tmp_path):
    body = f"""
    [ "$1" = --version ] && echo bubblewrap 0.6.1 && exit
    for word; do case "$word" in --size|--disable-userns)
        echo "bwrap: Unknown option $word" >&2; exit 1;; esac; done
    exec {shutil.which("bwrap")} "$@"
    """
    with Session(Policy(project=project), broken_bwrap(tmp_path, body)) as session:
        assert session.python("1").value == "1"
        assert session.bash("unshare -U true").status == "error"


def test_the_self_test_proves_every_promise_and_measures(project):
    found = asyncio.run(self_test(Policy(project=project)))
    assert found.ok
    assert found.tier == "bubblewrap"
    assert {proof.name for proof in found.proofs} >= {
        "no network",
        "no privileges",
        "system call filter",
        "other files hidden",
        "other variables hidden",
        "nothing outside writable",
        "supervisor closed",
    }
    assert all(proof.detail for proof in found.proofs)
    assert all(proof.tried for proof in found.proofs)
    assert found.start.ms > found.python.ms > 0
    assert found.bash.ms > 0
    assert found.python.bare_ms > 0
    assert found.bash.bare_ms > 0
    assert (found.variant, found.gaps) == ("full", ())


def test_the_executor_keeps_to_its_protocol(project):
    executor: Executor = SandboxExecutor(Policy(project=project))
    assert executor.name == "bubblewrap"
    assert str(project) in executor.policy


def test_removing_what_another_process_has_removed_leaves_the_directory_above_as_it_is(tmp_path):
    tmp_path.chmod(0o1777)
    remove_tree(tmp_path / "llmrepl-gone")
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_directories_that_nobody_may_enter_are_removed(tmp_path):
    shut = tmp_path / "llmrepl-x" / "shut"
    (shut / "deep").mkdir(parents=True)
    shut.chmod(0)
    remove_tree(tmp_path / "llmrepl-x")
    assert not (tmp_path / "llmrepl-x").exists()


def test_a_directory_is_removed_below_another_with_all_in_it_and_no_link_is_followed(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    deep = tmp_path / "top" / "shut" / "/".join("d" * 50)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    (deep / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "top" / "link").symlink_to("../kept")
    (tmp_path / "top" / "shut").chmod(0)
    parent = os.open(tmp_path, os.O_RDONLY)
    try:
        remove_below(parent, "top")
    finally:
        os.close(parent)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").exists()
