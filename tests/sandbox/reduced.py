"""What the reduced sandbox promises, and where it is open: run as root and as nobody alike."""

from __future__ import annotations

import os
from pathlib import Path

from llmrepl.executors.tiers import TIERS
from tests.sandbox.session import Session, processes

CLOSED = "only $SCRATCH can be written"
GAPS = TIERS["reduced"].gaps


def nothing_outside_is_read(session: Session, project: Path) -> None:
    """What is outside can be neither opened nor listed."""
    canary = project.parent / "canary"
    private = [str(canary), "/etc/shadow", "/etc/passwd", "/root", "/var/log", "/proc", "/sys"]
    private += [str(project.parent), "/tmp", "/home", "/proc/self/environ", "/boot"]
    code = f"""
import os
def opened(path):
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, 'rb').close()
    except OSError as error:
        return not isinstance(error, (PermissionError, FileNotFoundError))
    return True
[path for path in {private} if opened(path)]
"""
    assert session.python(code).value == "[]"
    result = session.bash(f"cat {canary}")
    assert result.status == "error"
    assert CLOSED in result.reason, result.reason
    assert session.bash("cat file.txt").out == "unchanged\n"


def files_are_not_changed_without_being_opened(session: Session, project: Path) -> None:
    """No mode, owner, time, attribute or name of a file changes, not even the canary's."""
    canary = project.parent / "canary"
    before = canary.stat()
    code = f"""
import ctypes, fcntl, os
path = {str(canary)!r}
readable = os.open('file.txt', os.O_RDONLY)
def failed(change):
    try:
        change()
    except OSError:
        return True
attempts = [
    lambda: os.chmod(path, 0o777),
    lambda: os.fchmod(readable, 0o777),
    lambda: os.chown(path, -1, -1),
    lambda: os.fchown(readable, -1, -1),
    lambda: os.lchown(path, -1, -1),
    lambda: os.utime(path),
    lambda: os.utime(readable),
    lambda: os.utime(path, (1, 1)),
    lambda: os.setxattr(path, 'user.x', b'x'),
    lambda: os.setxattr(readable, 'user.x', b'x'),
    lambda: os.removexattr(path, 'user.x'),
    lambda: fcntl.ioctl(readable, 0x40086602, b'\\0' * 8),
    lambda: os.truncate(path, 0),
    lambda: os.rename(path, path + '2'),
    lambda: os.link(path, os.environ['SCRATCH'] + '/link'),
    lambda: os.link('file.txt', os.environ['SCRATCH'] + '/link'),
    lambda: os.unlink(path),
    lambda: os.symlink('x', path + '3'),
    lambda: os.mkdir(path + '4'),
    lambda: os.mkfifo(path + '5'),
    lambda: os.mknod(os.environ['SCRATCH'] + '/disk', 0o60666, os.makedev(8, 0)),
]
[number for number, attempt in enumerate(attempts) if not failed(attempt)]
"""
    assert session.python(code).value == "[]"
    after = canary.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_nlink) == (
        before.st_mode,
        before.st_mtime_ns,
        before.st_nlink,
    )
    assert canary.read_text() == "canary"


def no_network(session: Session) -> None:
    """No socket opens, the machine's own not either, and the reason says so."""
    for code in (
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "import socket; socket.socket(socket.AF_UNIX).connect('/run/docker.sock')",
        "import socket; socket.socket(socket.AF_UNIX).bind('\\0abstract')",
        "import socket; socket.socket(40, socket.SOCK_STREAM)",
        "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    ):
        result = session.python(code)
        assert result.status == "error", code
        assert "there is no network in this sandbox)" in result.reason, result.reason
    assert session.python("import socket; len(socket.socketpair())").value == "2"


def no_power(session: Session) -> None:
    """No capability, no way to one, and no reach to any other process, the supervisor included."""
    session.start()
    host, agent = os.getpid(), session.agent
    status = Path(f"/proc/{agent}/status").read_text()
    for line in ("CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in status
    code = f"""
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
def refused(attempt):
    try:
        return attempt() == -1
    except OSError:
        return True
attempts = [lambda pid=pid, n=n: os.kill(pid, n) for pid in ({host}, {agent}, os.getppid())
    for n in (0, signal.SIGURG)]
attempts += [lambda: libc.ptrace(16, {host}, 0, 0), lambda: libc.ptrace(16, {agent}, 0, 0)]
attempts += [lambda: libc.unshare(0x10000000), lambda: libc.syscall(321, 0, 0, 0)]
attempts += [lambda: libc.shmat(0, 0, 0), lambda: libc.msgget(1, 0), lambda: libc.semget(1, 1, 0)]
attempts += [lambda: os.sched_setaffinity({host}, {{0}}), lambda: os.setpriority(0, {host}, 1)]
attempts += [lambda: libc.inotify_init1(0)]
attempts += [lambda: open('/proc/{agent}/mem'), lambda: open('/proc/{host}/cmdline')]
[number for number, attempt in enumerate(attempts) if not refused(attempt)]
"""
    assert session.python(code).value == "[]"
    assert "Operation not permitted" in session.bash("unshare -U true").text("stderr")
    assert session.bash("exec 3<>/dev/tty").status == "error"


def memory_is_limited(session: Session) -> None:
    """Shared memory counts, that of a process which makes itself unreadable too."""
    code = """
import ctypes, mmap
ctypes.CDLL(None).prctl(4, {}, 0, 0, 0)
m = mmap.mmap(-1, 1 << 30)
for i in range(0, 1 << 30, 4096): m[i] = 1
"""
    for dumpable in (1, 0):
        result = session.python(code.format(dumpable))
        assert result.status == "limit", result
        assert "memory" in result.reason


def nothing_is_left_running(session: Session) -> None:
    """A bash block leaves nothing; what Python detaches is in sight, and ends with the session."""
    mark = f"86{os.getpid()}"
    session.bash(f"sleep {mark}.1 & (setsid sleep {mark}.1 &); (setsid bash -c 'sleep {mark}.1 &')")
    assert processes(f"{mark}.1") == []
    session.python(f"""
import os, subprocess
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp('sleep', ['sleep', '{mark}.2'])
    os._exit(0)
subprocess.Popen(['setsid', 'sleep', '{mark}.2'])
""")
    # Its name appears a moment after a program has started.
    session.bash("sleep 0.5")
    assert len(processes(f"sleep {mark}.2")) == 2
    session.wait(session.executor.close())
    assert processes(f"{mark}.2") == []


def the_gaps_are_those_that_are_told(session: Session, project: Path) -> None:
    """Each of these would fail in the full sandbox; where one fails here, its text is to go."""
    canary = project.parent / "canary"
    (project / ".env").write_text("KEY=told\n")
    told = " ".join(GAPS)
    for gap, code, value in (
        ("tell whether any file exists", f"import os; os.stat({str(canary)!r}).st_size", "6"),
        (".env", "open('.env').read()", r"'KEY=told\n'"),
        ("host name", "import os; os.uname().nodename", repr(os.uname().nodename)),
        ("process numbers", "import os; os.getppid() > 0", "True"),
        ("run as you", "import os; os.getuid()", str(os.getuid())),
    ):
        assert gap in told
        assert session.python(code).value == value, gap
    for gap, code in (
        ("no copy", "open('new', 'w')"),
        ("chmod", "import os; p = os.environ['SCRATCH'] + '/f'; open(p, 'w'); os.chmod(p, 0o755)"),
        ("touch", "import os; os.utime(p)"),
        ("/tmp", "open('/tmp/x', 'w')"),
        ("/proc", "open('/proc/self/status')"),
        ("multiprocessing", "import multiprocessing; multiprocessing.Lock()"),
    ):
        assert gap in told
        assert session.python(code).status == "error", gap
    (project / ".env").unlink()
