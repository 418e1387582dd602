"""Too many processes, and processes that do not want to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.sandbox.abuse.case import (
    Seen,
    bash,
    case,
    ends,
    gives,
    host,
    prints,
    python,
    refused,
    that,
)
from tests.sandbox.abuse.stage import Stage, wait_until
from tests.sandbox.session import Session, processes

TITLE = "Processes"

VICTIM = """
import os, sys, time
from pathlib import Path
from llmrepl.executors import Policy
from tests.sandbox.session import Session
with Session(Policy(Path(sys.argv[1]), copy_on_write=True), dict(os.environ)) as session:
    session.python(f"import subprocess; left = subprocess.Popen(['sleep', '86400.{sys.argv[2]}'])")
    print(session.agent, flush=True)
    time.sleep(600)
"""


def _last(seen: Seen) -> int:
    return int(seen.last.out.split()[-1])


def _kill_a_host(stage: Stage) -> bool:
    """Start llmrepl's sandbox in another process, kill that process, and wait for the rest."""
    mark = f"{os.getpid()}{id(stage) % 10_000:04}"
    host = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(stage.world.project), mark],
        stdout=subprocess.PIPE,
        text=True,
        env=stage.world.environ,
    )
    assert host.stdout is not None
    agent = host.stdout.readline().strip()
    running = wait_until(lambda: bool(processes(f"86400.{mark}")))
    host.send_signal(signal.SIGKILL)
    host.wait()
    host.stdout.close()
    gone = wait_until(lambda: not Path(f"/proc/{agent}").exists())
    return running and gone and wait_until(lambda: not processes(f"86400.{mark}"))


def _end_the_thread(stage: Stage) -> str:
    """Open a session in a thread, let the thread end, and use the session."""
    made: list[Session] = []

    def open_it() -> None:
        made.append(stage._session("copy"))

    thread = threading.Thread(target=open_it)
    thread.start()
    thread.join()
    with made[0] as session:
        return session.python("6 * 7").value


def _crowd(stage: Stage) -> str:
    """Let this user run more processes than a sandbox may, and open one."""
    crowd = [subprocess.Popen(["sleep", "600"]) for _ in range(60)]
    try:
        with stage._session("copy") as session:
            return session.bash("sleep 0 & sleep 0 & wait; echo started").out
    finally:
        for each in crowd:
            each.kill()
            each.wait()


CASES = (
    case(
        "fork-bomb-bash",
        "A fork bomb in bash ends at the limit",
        bash("bomb() { bomb | bomb & }; bomb; sleep 20"),
        ends("limit", "24 processes"),
    ),
    case(
        "fork-bomb-python",
        "A fork bomb in Python ends at the limit",
        python("while True:\n    try: os.fork()\n    except OSError: pass"),
        ends("limit", "24 processes"),
    ),
    case(
        "fork-limit",
        "The system itself refuses more processes, to root too, before the watchdog looks",
        python("""
import time
made = []
try:
    while len(made) < 300:
        pid = os.fork()
        if not pid:
            time.sleep(60); os._exit(0)
        made.append(pid)
        print(len(made), flush=True)
except BlockingIOError:
    pass
time.sleep(20)
"""),
        ends("limit", "processes"),
        that("at most 35 processes start", lambda seen: 10 < _last(seen) <= 35),
    ),
    case(
        "threads",
        "Threads count as processes do",
        python("""
import threading, time
for _ in range(300):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
time.sleep(20)
"""),
        that("the block ends with `limit`", lambda seen: seen.last.status == "limit"),
    ),
    case(
        "zombies",
        "Zombies that nobody collects count, and are collected when their parent ends",
        python("""
try:
    while True:
        if not os.fork():
            os._exit(0)
except BlockingIOError as error:
    raise SystemExit(7)
"""),
        that(
            "the block ends at the limit",
            lambda seen: seen.last.status == "limit" or "SystemExit: 7" in seen.last.reason,
        ),
        python("import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os._exit(0)"),
    ),
    case(
        "comet",
        "A process that forks and ends all the time does not outrun the sweep after a block",
        bash("comet() { (comet <<marker>> &) ; exit; }; comet & sleep 0.1; echo out"),
        prints("out\n"),
    ),
    case(
        "comet-python",
        "The same in Python, with a session for each generation, ends with its parent",
        python("""
if not os.fork():
    while True:
        os.setsid() if os.getpid() != os.getsid(0) else None
        if os.fork():
            os._exit(0)
import time; time.sleep(0.1); os._exit(3)
"""),
        ends("error", "code 3"),
    ),
    case(
        "daemon-bash",
        "A daemon of its own session does not outlive the bash block",
        bash("setsid nohup sh -c 'trap \"\" TERM HUP INT; exec sleep 86401.<<marker>>' & echo on"),
        ends("ok"),
    ),
    case(
        "double-fork",
        "A process that forks twice to lose its parent does not outlive the bash block",
        bash(
            'python3 -c "import os, time\nif os.fork(): os._exit(0)\nos.setsid()\n'
            "if os.fork(): os._exit(0)\nopen('/tmp/on', 'w').close(); time.sleep(86400)\""
            " <<marker>>; while [ ! -e /tmp/on ]; do sleep 0.01; done; rm /tmp/on"
        ),
        ends("ok"),
    ),
    case(
        "sibling",
        "A child that makes itself its parent's sibling (CLONE_PARENT) is found all the same",
        bash(
            'python3 -c "import ctypes, os, time\n'
            "if not ctypes.CDLL(None).syscall(<<clone>>, 0x8000 | 17, 0, 0, 0, 0):\n"
            '    time.sleep(86400)" <<marker>>; echo over'
        ),
        prints("over\n"),
    ),
    case(
        "subreaper",
        "A process that adopts orphans keeps none of them alive",
        bash(
            'python3 -c "import ctypes, os, time\nctypes.CDLL(None).prctl(36, 1)\n'
            "if os.fork() == 0:\n    if os.fork() == 0: time.sleep(86400)\n    os._exit(0)\n"
            'os.fork() or time.sleep(86400)" <<marker>>'
        ),
        ends("ok"),
    ),
    case(
        "daemon-python",
        "What Python left running ends with the session",
        python(
            "import subprocess; left = subprocess.Popen("
            "['setsid', 'sleep', '86402.<<marker>>'], start_new_session=True)"
        ),
        ends("ok"),
        alone=True,
    ),
    case(
        "ignore-signals-bash",
        "A bash block that ignores every signal ends when its time is over",
        bash("trap '' INT TERM HUP QUIT; while :; do sleep 0.05; done", timeout=0.3),
        ends("timeout"),
    ),
    case(
        "ignore-signals-python",
        "A Python block that ignores every signal ends when its time is over",
        python(
            """
import signal
for number in set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}:
    try: signal.signal(number, signal.SIG_IGN)
    except OSError: pass
while True:
    try:
        while True: pass
    except BaseException: pass
""",
            timeout=0.2,
        ),
        ends("timeout", "variables are lost"),
    ),
    case(
        "blocked-signals",
        "A Python block that blocks signals ends when its time is over",
        python(
            "import signal, time\n"
            "signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())\n"
            "while True: time.sleep(1)",
            timeout=0.2,
        ),
        ends("timeout"),
    ),
    case(
        "stopped",
        "A process that stops itself ends when its time is over",
        python("import signal; os.kill(os.getpid(), signal.SIGSTOP)", timeout=0.2),
        ends("timeout"),
    ),
    case(
        "signal-the-supervisor",
        "No signal has an effect on the supervisor, SIGKILL and SIGSTOP included",
        python("""
import signal
sent = 0
for number in signal.valid_signals():
    os.kill(1, number); sent += 1
sent > 30
"""),
        gives("True"),
    ),
    case(
        "kill-everybody",
        "A block that kills everything it can loses Python's variables, and nothing else",
        bash("kill -9 -1; kill -STOP -1; kill -9 -1"),
    ),
    case(
        "stop-everybody",
        "A block that stops everything it can does not stop the session",
        bash("kill -STOP -1"),
    ),
    case(
        "kill-the-keeper",
        "A Python block that kills its own parent loses its variables, and nothing else",
        python("import signal; os.kill(os.getppid(), signal.SIGKILL); import time; time.sleep(5)"),
    ),
    case(
        "raise-limits",
        "A process cannot raise its limits, nor its priority",
        python("""
import resource, sched
attempts = {}
for name in ("NPROC", "DATA", "FSIZE", "NOFILE", "CORE", "MEMLOCK", "MSGQUEUE"):
    number = getattr(resource, "RLIMIT_" + name)
    soft, hard = resource.getrlimit(number)
    try: resource.setrlimit(number, (hard + 1, hard + 1)); attempts[name] = "done"
    except (ValueError, OSError): attempts[name] = "EPERM"
attempts["nice"] = tried(os.setpriority, os.PRIO_PROCESS, 0, -5)
attempts["realtime"] = tried(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(50))
attempts
"""),
        refused(),
    ),
    case(
        "host-killed",
        "When llmrepl is killed, its sandbox and all in it end",
        host(_kill_a_host),
        that("no process of the killed session is left", lambda seen: seen.last is True),
    ),
    case(
        "thread-ended",
        "The end of the thread that opened a session does not end the sandbox",
        host(_end_the_thread),
        that("the session's next block works", lambda seen: seen.last == "42"),
    ),
    case(
        "crowded-user",
        "Other processes of the same user do not use up the sandbox's limit",
        host(_crowd),
        that("blocks start processes", lambda seen: seen.last == "started\n"),
    ),
)
