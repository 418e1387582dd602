"""A block that does not end by itself is ended, says which limit it met, and the next one works."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time

import pytest

from llmrepl.executors import Limits, Policy
from llmrepl.executors.files.scratch import usage
from llmrepl.executors.running.block import seconds_for
from tests.sandbox import promises
from tests.sandbox.session import SMALL, Session, processes

LIMITS = dataclasses.replace(
    SMALL, memory=96 << 20, kept_output=4096, max_output=1 << 20, file_size=4 << 20
)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with Session(Policy(project=tmp_path_factory.mktemp("p"), limits=LIMITS)) as session:
        session.start()
        yield session


def test_an_endless_loop_times_out_and_the_variables_are_kept(session):
    session.python("kept = 1")
    result = session.python("print('before')\nwhile True: pass", timeout=0.3)
    assert result.status == "timeout"
    assert result.reason == "it ran out of time after 0.3 s"
    assert result.out == "before\n"
    assert "KeyboardInterrupt" in result.text("error")
    assert 300 <= result.finished.ms < 3000
    assert session.python("kept").value == "1"


def test_a_loop_that_ignores_the_interrupt_is_killed_and_the_loss_is_said(session):
    code = (
        "import signal, time\nlost = 1\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "while True: time.sleep(1)"
    )
    result = session.python(code, timeout=0.2)
    assert result.status == "timeout"
    assert "0.2 s" in result.reason
    assert "variables are lost" in result.reason
    assert session.python("lost").reason == "NameError: name 'lost' is not defined"


def test_an_endless_bash_block_times_out_with_everything_it_started(session):
    result = session.bash(
        "trap '' TERM INT; echo before; setsid sleep 86422 & sleep 86422", timeout=0.3
    )
    assert result.status == "timeout"
    assert result.out == "before\n"
    assert processes("sleep 86422") == []
    assert session.bash("echo after").out == "after\n"


def test_an_await_that_never_ends_times_out(session):
    session.python("kept = 2")
    code = "import asyncio\nawait asyncio.sleep(60)"
    assert session.python(code, timeout=0.3).status == "timeout"
    assert session.python("kept").value == "2"


def test_a_process_that_stops_itself_times_out(session):
    result = session.python("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", timeout=0.2)
    assert result.status == "timeout"
    assert session.python("1").value == "1"


def test_a_block_cannot_ask_for_more_time_than_the_limit():
    limits = Limits(seconds=10, max_seconds=30)
    assert seconds_for({}, limits) == (10, "")
    assert seconds_for({"timeout": 20}, limits) == (20, "")
    seconds, told = seconds_for({"timeout": 120}, limits)
    assert seconds == 30
    assert "120 s" in told
    assert "30 s" in told
    for nonsense in (0, -1, float("nan"), "5", True, None):
        assert seconds_for({"timeout": nonsense}, limits) == (10, "")


def test_the_clamped_time_is_said(project):
    limits = dataclasses.replace(LIMITS, max_seconds=0.2)
    with Session(Policy(project=project, limits=limits)) as session:
        reason = session.bash("sleep 60", timeout=99).reason
        assert "after 0.2 s" in reason
        assert "asked for 99 s" in reason


def test_a_fork_bomb_is_contained(session):
    promises.a_fork_bomb_is_contained(session)


def test_too_much_memory_is_refused_and_the_variables_are_kept(session):
    session.python("kept = 3")
    result = session.python("data = bytearray(2 << 30)")
    assert result.status == "limit"
    assert "MemoryError" in result.reason
    assert "96 MiB" in result.reason
    assert session.python("kept").value == "3"


def test_memory_that_processes_share_is_counted(session):
    code = (
        "import mmap\nmaps = []\nwhile True:\n    m = mmap.mmap(-1, 8 << 20)\n"
        "    m.write(b'x' * (8 << 20)); maps.append(m)"
    )
    result = session.python(code)
    assert result.status == "limit"
    assert "memory limit of 96 MiB" in result.reason
    assert session.python("1").value == "1"


def test_memory_in_files_without_a_name_is_counted(session):
    code = (
        "import os\nfds = []\nwhile True:\n    fd = os.memfd_create('x')\n"
        "    os.write(fd, b'x' * (2 << 20)); fds.append(fd)"
    )
    result = session.python(code)
    assert result.status == "limit"
    assert "memory limit" in result.reason


@pytest.mark.parametrize(
    ("language", "code"),
    [("bash", "yes"), ("python", "while True: print('y' * 1000)"), ("bash", "yes >&2")],
)
def test_a_flood_of_output_is_ended_and_head_and_tail_are_kept(session, language, code):
    result = session.block(language, code)
    assert result.status == "limit"
    assert result.reason.startswith("it wrote more than 1 MiB")
    kept = result.text("stderr" if "&2" in code else "stdout")
    assert 2000 < len(kept) < 6000
    assert "bytes cut here" in kept
    assert result.finished.dropped_bytes > 900_000
    assert len(result.live) < 10_000
    assert session.block(language, "1" if language == "python" else "true").status == "ok"


def test_much_output_below_the_limit_is_cut_in_the_middle_only(session):
    result = session.python("for n in range(20_000): print(n)")
    assert result.status == "ok"
    assert result.out.startswith("0\n1\n")
    assert result.out.endswith("19998\n19999\n")
    assert result.finished.dropped_bytes > 100_000


def test_a_file_cannot_grow_past_its_limit(session):
    result = session.python("open('/tmp/big', 'wb').write(b'x' * (5 << 20))")
    assert result.status == "limit"
    assert "4 MiB per file" in result.reason
    assert session.bash("head -c 6000000 /dev/zero > /tmp/big").status != "ok"
    assert (session.scratch / "big").stat().st_size <= 4 << 20


def test_too_many_open_files_are_refused(session):
    result = session.python("held = [open('/dev/null') for _ in range(1000)]")
    assert result.status == "limit"
    assert "512 open files" in result.reason
    session.python("held = None")


def test_a_scratch_that_fills_is_noticed_and_can_be_emptied(session):
    result = session.bash(
        "for i in $(seq 100); do head -c 3000000 /dev/zero > /tmp/f$i; done; sleep 5"
    )
    assert result.status == "limit"
    assert "/tmp" in result.reason
    assert session.bash("rm /tmp/f*; echo emptied").out == "emptied\n"


def test_a_scratch_with_too_many_files_is_noticed(session):
    code = (
        "import os, time\nos.mkdir('/tmp/many')\n"
        "for n in range(20_000): open(f'/tmp/many/{n}', 'x').close()\ntime.sleep(5)"
    )
    result = session.python(code)
    assert result.status == "limit"
    assert "2000 files in /tmp" in result.reason
    assert session.bash("rm -r /tmp/many").status == "ok"


def test_the_home_directory_cannot_fill_the_memory(session):
    result = session.bash("head -c 4000000 /dev/zero | tee ~/{1..30} >/dev/null")
    assert result.status == "limit" or "No space left" in result.text("stderr")
    session.bash("rm -f ~/*")
    flood = "import os\nfor n in range(200_000): open(os.path.expanduser(f'~/n{n}'), 'x').close()"
    assert "home directory" in session.python(flood).reason
    session.bash("find ~ -name 'n*' -delete")


def test_directories_without_end_end(session):
    code = "import os\nos.chdir('/tmp')\nfor n in range(1200): os.mkdir('d'); os.chdir('d')"
    session.python(code)
    gone = session.bash("rm -r /tmp/d; echo gone")
    assert gone.out == "gone\n", gone
    session.python("import os; os.chdir('/tmp')")


def test_memory_that_no_process_holds_cannot_be_made(session):
    code = "import ctypes, os; ctypes.CDLL(None).shmget(0, 1 << 20, 0o1600)"
    assert session.python(code).value == "-1"


def test_what_python_left_running_is_watched_between_blocks_too(session):
    session.python("kept = 5")
    code = "sleep 0.2; for n in $(seq 30); do sleep 86428 & done; wait"
    session.python(f"import subprocess; left = subprocess.Popen(['bash', '-c', {code!r}])")
    session.wait(asyncio.sleep(2.5))
    assert processes("sleep 86428") == []
    result = session.python("kept")
    assert result.reason.startswith("NameError")
    assert "what Python left running was killed" in result.reason
    assert "processes" in result.reason


def test_an_interrupted_python_block_is_cancelled_with_its_output(session):
    session.python("kept = 4")
    began = time.perf_counter()
    result = session.meanwhile(
        "python",
        "print('started')\nimport time; time.sleep(60)",
        "started",
        session.executor.interrupt,
    )
    assert time.perf_counter() - began < 3
    assert result.status == "cancelled"
    assert result.out == "started\n"
    assert result.reason == "it was interrupted"
    assert session.python("kept").value == "4"


def test_an_interrupted_bash_block_is_cancelled_with_everything_it_started(session):
    result = session.meanwhile(
        "bash",
        "echo started; setsid sleep 86423 & sleep 86423",
        "started",
        session.executor.interrupt,
    )
    assert result.status == "cancelled"
    assert result.out == "started\n"
    assert processes("sleep 86423") == []
    assert session.bash("echo next").out == "next\n"


def test_a_block_that_is_interrupted_before_it_begins_never_runs(session):
    async def both() -> list[str]:
        first = asyncio.ensure_future(session._block("bash", "sleep 60", {}))
        second = asyncio.ensure_future(session._block("bash", "touch /tmp/ran", {}))
        await asyncio.sleep(0.1)
        await session.executor.interrupt()
        return [(await first).status, (await second).status]

    assert session.wait(both()) == ["cancelled", "cancelled"]
    assert not (session.scratch / "ran").exists()


def test_waiting_for_a_program_is_interrupted_too(session):
    session.python("import subprocess; kept = 6")
    result = session.python("subprocess.run(['sleep', '86427'])", timeout=0.2)
    assert result.status == "timeout"
    assert session.python("kept").value == "6"
    assert processes("sleep 86427") == []


def test_interrupting_when_nothing_runs_does_nothing(session):
    session.wait(session.executor.interrupt())
    assert session.python("1").value == "1"


def test_an_interrupt_never_reaches_the_next_block(session):
    for _ in range(20):
        result = session.meanwhile("python", "print('x')", "x", session.executor.interrupt)
        assert result.status in ("ok", "cancelled")
        assert session.python("sum(range(1000))").value == "499500"


def test_blocks_that_are_asked_for_at_once_run_one_after_another(session):
    async def both() -> list[str]:
        results = await asyncio.gather(
            session._block("python", "turn = [1]; import time; time.sleep(0.1); turn", {}),
            session._block("python", "turn.append(2); turn", {}),
        )
        return [result.value or str(result) for result in results]

    assert session.wait(both()) == ["[1]", "[1, 2]"]


def test_a_block_nobody_waits_for_any_more_is_ended(session):
    async def leave() -> None:
        task = asyncio.ensure_future(session._block("bash", "sleep 86424", {}))
        await asyncio.sleep(0.2)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    session.wait(leave())
    assert session.bash("echo free").out == "free\n"
    assert processes("sleep 86424") == []


def test_what_lies_deep_counts_and_can_be_cleared_away(project, tmp_path):
    scratch = tmp_path / "scratch"
    with Session(Policy(project=project, scratch=scratch, limits=LIMITS)) as session:
        deep = "/".join("d" * 150)
        session.bash("true")
        before = usage(scratch).files
        session.bash(f"mkdir -p /tmp/{deep}")
        assert usage(scratch).files == before + 150
        flood = f"import os\nfor n in range(3000): open('/tmp/{deep}/' + str(n), 'x').close()"
        found = session.python(flood + "\nimport time; time.sleep(5)")
        assert "2000 files in /tmp" in found.reason
        gone = session.bash("sleep 0.2; rm -r /tmp/d; sleep 0.2; echo gone")
        assert gone.out == "gone\n", gone
