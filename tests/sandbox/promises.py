"""Blocks that try to break out, and what must come of them: run as root and as nobody alike."""

from __future__ import annotations

import os
from pathlib import Path

from tests.sandbox.session import Session

READ_ONLY = "is read-only here"
NO_NETWORK = "there is no network"


def nothing_outside_is_written(session: Session, project: Path) -> None:
    """Every way to write to the project or beside it fails, and the host shows no trace."""
    canary = project.parent / "canary"
    before = (project / "file.txt").stat()
    attempts = [
        f"echo x > {project}/new",
        f"echo x >> {project}/file.txt",
        f"rm {project}/file.txt",
        f"mv {project}/file.txt /tmp/",
        f"chmod 777 {project}/file.txt",
        f"touch {project}/file.txt",
        f"ln {project}/file.txt /tmp/hard && echo x > /tmp/hard",
        f"ln -s {canary} /tmp/soft; echo x > /tmp/soft",
        f"mkdir {project}/directory",
        f"mount -o remount,rw {project}",
        f"mount --bind /tmp {project}",
        "unshare -Ur mount -t tmpfs none /mnt",
        f"cd {project}/..; echo x > canary",
        "touch /usr/bin/evil /etc/evil /evil /dev/evil /home/evil /run/evil",
        "echo x > /proc/sys/kernel/core_pattern",
        "echo x > /proc/1/oom_score_adj",
        "chmod 600 /dev/null; chmod 600 /usr/bin/env",
    ]
    for attempt in attempts:
        session.bash(attempt)
    result = session.python(
        f"import os\nopen({str(project / 'file.txt')!r}, 'a').write('x')",
    )
    assert READ_ONLY in result.reason, result.reason
    after = (project / "file.txt").stat()
    assert (project / "file.txt").read_text() == "unchanged\n"
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert {path.name for path in project.iterdir()} == {"file.txt"}
    assert canary.read_text() == "canary"
    assert not any(Path(place, "evil").exists() for place in ("/", "/etc", "/usr/bin", "/home"))
    assert Path("/dev/null").stat().st_mode & 0o777 == 0o666
    assert Path("/proc/sys/kernel/core_pattern").read_text() != "x\n"


def nothing_outside_is_read(session: Session, project: Path) -> None:
    """Neither files beside the project nor the person's own are visible."""
    canary = project.parent / "canary"
    assert session.bash(f"cat {canary}").status == "error"
    assert session.bash(f"ls {project.parent}").out.split() in ([project.name], [])
    private = ["/root/.ssh", "/root/.bashrc", "/etc/shadow", "/etc/hostname", "/var", "/sys/kernel"]
    private += ["/boot", "/run/systemd", str(Path.home() / ".local")]
    assert session.python(f"import os; [p for p in {private} if os.path.exists(p)]").value == "[]"
    assert session.bash("cat /etc/passwd | wc -l").out.strip() == "2"


def no_network(session: Session) -> None:
    """No socket opens, and the reason says that there is no network."""
    for code in (
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('http://192.0.2.1/')",
        "import socket; socket.socket(socket.AF_UNIX).connect('/run/docker.sock')",
        "import socket; socket.socket(40, socket.SOCK_STREAM)",
        "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    ):
        result = session.python(code)
        assert result.status == "error", code
        assert NO_NETWORK in result.reason, result.reason
    result = session.bash("exec 3<>/dev/tcp/127.0.0.1/80")
    assert NO_NETWORK in result.reason, result.reason
    assert session.bash("tail -n +3 /proc/net/dev | cut -d: -f1").out.split() == ["lo"]
    assert session.python("import socket; len(socket.socketpair())").value == "2"


def no_network_but_the_proxy(session: Session, port: int) -> None:
    """Sockets of the internet open, and reach nothing but the sandbox itself; no others open."""
    for code, error in (
        (f"socket.create_connection(('127.0.0.1', {port}))", "ConnectionRefusedError"),
        (f"socket.create_connection(('::1', {port}))", "ConnectionRefusedError"),
        ("socket.create_connection(('192.0.2.1', 80), 2)", "OSError"),
        ("socket.create_connection(('2001:db8::1', 80), 2)", "OSError"),
        ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('1.1.1.1', 53))", ""),
        ("socket.socket(socket.AF_UNIX)", "OSError"),
        ("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", "OSError"),
        ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "OSError"),
        ("socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)", "OSError"),
        ("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)", "PermissionError"),
        ("socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)", "PermissionError"),
    ):
        result = session.python(f"import socket; {code}")
        assert result.status == "error", code
        assert error in result.text("error"), result
        assert not result.requests
    assert session.bash("tail -n +3 /proc/net/dev | cut -d: -f1").out.split() == ["lo"]
    direct = session.bash(f"curl --noproxy '*' -sS http://127.0.0.1:{port}/")
    assert direct.status == "error"
    answer = session.bash(f"curl -sS http://127.0.0.1:{port}/").out
    assert answer.startswith("hello"), answer


def no_power(session: Session) -> None:
    """No capability, no way to one, no look into the supervisor, no other process in sight."""
    status = session.bash("cat /proc/self/status").out
    for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"):
        assert line in status
    assert "Seccomp:\t2" in status
    code = """
import os
def tried(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        return type(error).__name__
    return 'open'
[tried('/proc/1/' + name) for name in ('mem', 'environ', 'maps')], os.getppid() > 1
"""
    value = session.python(code).value
    assert value == "(['PermissionError', 'PermissionError', 'PermissionError'], True)"
    kill = "import os, signal\nfor n in (9, 19, 15, 2): os.kill(1, n)\n'sent'"
    assert session.python(kill).value == "'sent'"
    assert session.python("1").value == "1"
    pids = [int(pid) for pid in session.bash("ls /proc | grep -E '^[0-9]+$'").out.split()]
    assert len(pids) < 12
    host = os.getpid()
    assert session.bash(f"kill -0 {host + 100_000}").status == "error"
    for code in (
        "import ctypes; ctypes.CDLL(None, use_errno=True).ptrace(0, 0, 0, 0)",
        "import ctypes; ctypes.CDLL(None).unshare(0x10000000)",
        "import ctypes; ctypes.CDLL(None).syscall(321, 0, 0, 0)",
    ):
        assert session.python(code).value == "-1"
    assert "Operation not permitted" in session.bash("unshare -U true").text("stderr")


def a_fork_bomb_is_contained(session: Session) -> None:
    """It ends with the limit, and the next blocks work."""
    for language, code in (
        ("bash", "bomb() { bomb | bomb & }; bomb; sleep 20"),
        ("python", "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"),
    ):
        result = session.block(language, code)
        assert result.status == "limit", result
        assert "processes" in result.reason
        assert session.bash("echo fine").out == "fine\n"
        assert session.python("'fine'").value == "'fine'"
    assert len(session.bash("ps -e --no-headers").out.splitlines()) < 8


def a_copy_is_written_and_applied(session, project):
    """Blocks write a copy: the project changes when a person applies it, and only then."""
    (project / "gone").write_text("gone\n")
    found = session.bash("echo new >> file.txt; rm gone; mkdir -p d; echo d > d/e; ln -s e d/l")
    assert found.status == "ok", (found.reason, session.executor.policy)
    assert found.text("diff").startswith("A d/\nA d/e +1\nA d/l +1\nM file.txt +1\nD gone -1\n")
    assert (project / "file.txt").read_text() == "unchanged\n"
    assert sorted(path.name for path in project.iterdir()) == ["file.txt", "gone"]
    applied = session.wait(session.executor.written.apply())
    assert (applied.conflicts, applied.refused) == ((), ()), applied
    assert (project / "file.txt").read_text() == "unchanged\nnew\n"
    assert (project / "d" / "l").read_text() == "d\n"
    assert not (project / "gone").exists()
    assert session.wait(session.executor.written.changes()) == []
    assert session.bash("cat file.txt; rm -r d").out == "unchanged\nnew\n"
    session.wait(session.executor.written.discard())
    assert session.bash("cat d/l").out == "d\n"


def real_writes_are_swept_and_undone(session, project):
    """Blocks write the project for real, but for what is protected; a person takes it back."""
    (project / "sealed").mkdir(mode=0)
    found = session.bash(
        "echo new >> file.txt; mkdir -p d; echo x > d/x; ln -s x d/l; chmod 4755 d/x"
    )
    assert found.status == "ok", (found.reason, session.executor.policy)
    assert (project / "file.txt").read_text() == "unchanged\nnew\n"
    assert (project / "d" / "x").stat().st_mode & 0o7777 == 0o755
    for attempt in ("echo x > .git/hooks/x", "mv .git x", "rm -rf .git"):
        assert session.bash(attempt).status == "error", attempt
    assert list((project / ".git" / "hooks").iterdir()) == []
    swept = session.bash("echo x > .bashrc; mkdir -m 0 shut; chmod 700 shut; echo x > shut/.envrc")
    assert "! .bashrc was put into quarantine" in swept.text("diff"), swept
    assert not (project / ".bashrc").exists()
    session.bash("mkdir .vscode d/.idea; echo x > .vscode/x; chmod 0 .vscode d/.idea; chmod 500 d")
    assert not (project / ".vscode").exists()
    assert not (project / "d" / ".idea").exists()
    session.bash("chmod 700 d; mkdir dark; echo x > dark/.npmrc; chmod 0 dark dark/..; chmod 700 .")
    assert not (project / "dark" / ".npmrc").exists()
    found = session.bash("chmod 700 sealed; echo x > sealed/.envrc; chmod 0 sealed")
    assert "! sealed/.envrc was put into quarantine" in found.text("diff"), found
    session.bash("rm -r d; mkdir d; echo y > d/y; chmod 500 d; rm file.txt")
    count, undone = session.wait(session.executor.written.undo())
    assert (undone.conflicts, undone.refused) == ((), ()), undone
    assert count == 6
    assert (project / "sealed").stat().st_mode & 0o7777 == 0
    (project / "sealed").rmdir()
    assert (project / "file.txt").read_text() == "unchanged\n"
    assert {path.name for path in project.iterdir()} == {".git", "file.txt"}
