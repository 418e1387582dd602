"""What surrounds the sandbox on the host: bait that must stay as it is, and who listens."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llmrepl.executors.files.removal import remove_tree
from llmrepl.executors.walls.syscalls import CHECKED, DENIED
from tests.sandbox.upstream import Upstream

PLACES = (
    *("/", "/bin", "/boot", "/dev", "/dev/shm", "/etc", "/home", "/lib", "/mnt", "/opt", "/root"),
    *("/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/local/bin", "/usr/lib"),
    *("/var", "/var/tmp", "/proc/sys/kernel", "/usr/lib/python3/dist-packages"),
)
"""Where a block could leave something on the host; it would carry the marker in its name."""

SETTINGS = (
    *("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"),
    *("/proc/sys/kernel/modprobe", "/proc/sys/vm/overcommit_memory", "/proc/swaps"),
    *(
        "/proc/sys/kernel/randomize_va_space",
        "/proc/sys/fs/suid_dumpable",
        "/proc/sys/kernel/sysrq",
    ),
    *("/proc/sys/net/ipv4/ip_forward", "/etc/passwd", "/etc/hosts", "/etc/ld.so.cache"),
)

NAMES = {
    "rebound.example": ("127.0.0.1",),
    "metadata.example": ("169.254.169.254",),
    "mapped.example": ("::ffff:127.0.0.1", "64:ff9b::7f00:1"),
    "several.example": ("10.0.0.1", "192.168.1.1", "fd00::1"),
    "loop.example": ("::1",),
}
"""Names that are allowed, and the private addresses they lead to."""


async def look_up(name: str, _port: int) -> Sequence[str]:
    """Look a name up in the table above, and nowhere else."""
    try:
        return NAMES[name]
    except KeyError:
        raise OSError(f"{name} is not in the table") from None


class World:
    """A project, a home directory and other files, all of this user's, and what is secret there.

    `words` are the facts that code may name as `<<word>>`; `secrets` must never be shown.
    """

    def __init__(self) -> None:
        self.marker = f"mark{secrets.token_hex(6)}"
        self.place = Path(tempfile.mkdtemp(prefix="abuse-", dir="/var/tmp")).resolve()
        self.project, self.home = self.place / "project", self.place / "home"
        self.outside = self.place / "outside"
        self.common = Path(f"/tmp/{secrets.token_hex(8)}-canary")
        self.secrets = {
            name: f"hush{name}{secrets.token_hex(8)}"
            for name in ("variable", "key", "env", "outside", "common")
        }
        self._fill()
        self.listeners = Listeners(self.outside, self.project)
        self._upstream: Upstream | None = None
        self._clock = _clock()

    def close(self) -> None:
        self.listeners.close()
        if self._upstream is not None:
            self._upstream.__exit__()
        self.common.unlink(missing_ok=True)
        remove_tree(self.place)

    @property
    def allowed(self) -> tuple[str, ...]:
        """The hosts that blocks may reach where they may reach any: a server here, and `NAMES`."""
        if self._upstream is None:
            self._upstream = Upstream().__enter__()
        return (f"127.0.0.1:{self._upstream.port}", *NAMES)

    @property
    def environ(self) -> dict[str, str]:
        """What the person has in the environment, a secret among it."""
        secret = {"API_TOKEN": self.secrets["variable"], "HOME": str(self.home)}
        return {**os.environ, **secret}

    @property
    def words(self) -> dict[str, Any]:
        return {
            "marker": self.marker,
            "project": self.project,
            "home": self.home,
            "outside": self.outside,
            "common": self.common,
            "allowed-port": self._upstream.port if self._upstream is not None else 0,
            "host": os.getpid(),
            "bpf": DENIED[os.uname().machine]["bpf"],
            "clone": CHECKED[os.uname().machine]["clone"],
            **self.listeners.words,
        }

    def _fill(self) -> None:
        for directory in (self.project, self.home, self.outside):
            directory.mkdir()
        for path, text in (
            (self.outside / "canary", f"canary {self.secrets['outside']}\n"),
            (self.outside / "tree" / "inner", "inner\n"),
            (self.home / ".bashrc", "# mine\n"),
            (self.home / ".ssh" / "id_ed25519", self.secrets["key"]),
            (self.home / ".aws" / "credentials", self.secrets["key"]),
            (self.home / ".config" / "autostart" / "one", "mine\n"),
            (self.common, f"canary {self.secrets['common']}\n"),
            (self.project / "file.txt", "unchanged\n"),
            (self.project / "sub" / "inner", "inner\n"),
            (self.project / "script.sh", "#!/bin/sh\necho script\n"),
            (self.project / ".env", f"KEY={self.secrets['env']}\n"),
            (self.project / "server.pem", f"{self.secrets['env']}\n"),
        ):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.project / "script.sh").chmod(0o755)
        (self.project / "out").symlink_to("../outside")
        for path in (self.outside, self.outside / "canary", self.common):
            path.chmod(0o777 if path.is_dir() else 0o666)  # it is not their mode that protects them
            with contextlib.suppress(OSError):  # a file system without attributes
                os.setxattr(path, "user.canary", b"mine")
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
        for command in (["init", "-q"], ["add", "file.txt"], ["commit", "-q", "-m", "first"]):
            subprocess.run(
                [*git, *command],
                cwd=self.project,
                env={**os.environ, "HOME": "/nowhere"},
                check=True,
            )

    def look(self) -> dict[str, Any]:
        """Return everything about the host that a block must not change."""
        found: dict[str, Any] = {}
        for top in (self.project, self.home, self.outside, self.common):
            for path in (top, *sorted(top.rglob("*"))):
                found[str(path)] = _facts(path)
        found |= {path: _content(path) for path in SETTINGS}
        found["the mode of /dev/null"] = Path("/dev/null").stat().st_mode
        found["the mounts"] = [line for line in _mounts() if self._concerns_us(line)]
        found["the priority and limits"] = (os.getpriority(os.PRIO_PROCESS, 0), _limits())
        return found

    def problems(self, before: dict[str, Any], changes: tuple[str, ...]) -> list[str]:
        """Return what is not as it was, in words; `changes` in the project are meant."""
        after = self.look()
        meant = [self.project / name for name in changes]
        found = [
            f"{name} changed: {before.get(name)} -> {after.get(name)}"
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name) and not _is_meant(Path(name), meant)
        ]
        if abs(_clock() - self._clock) > 5:
            found.append("the clock was set")
        for place in (*PLACES, self.place):
            with contextlib.suppress(OSError):
                found += [f"{p} is left" for p in Path(place).iterdir() if self.marker in p.name]
        return found + [f"{name} was contacted" for name in self.listeners.contacted()]

    def _concerns_us(self, line: str) -> bool:
        point = line.split()[4]
        return str(self.place) in line or self.marker in line or point in PLACES


class Listeners:
    """Sockets of every kind that wait on the host, and hear of nobody."""

    def __init__(self, *directories: Path) -> None:
        self._sockets: dict[str, socket.socket] = {}
        self.words: dict[str, Any] = {}
        for name, family, kind, address in (
            ("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("tcp6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
            ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", 0)),
        ):
            self._sockets[name] = _bound(family, kind, address)
            self.words[f"{name}-port"] = self._sockets[name].getsockname()[1]
        for directory in directories:
            for name, kind in (("stream", socket.SOCK_STREAM), ("dgram", socket.SOCK_DGRAM)):
                path = directory / f"{name}.sock"
                self._sockets[str(path)] = _bound(socket.AF_UNIX, kind, str(path))
                path.chmod(0o777)
        abstract = f"llmrepl-{secrets.token_hex(8)}"
        self._sockets["abstract"] = _bound(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{abstract}")
        self.words["abstract"] = abstract
        with contextlib.suppress(OSError):  # a kernel without it
            self._sockets["vsock"] = _bound(
                socket.AF_VSOCK, socket.SOCK_STREAM, (socket.VMADDR_CID_ANY, -1 & 0xFFFFFFFF)
            )
        vsock = self._sockets.get("vsock")
        self.words["vsock-port"] = vsock.getsockname()[1] if vsock else 1

    def contacted(self) -> list[str]:
        """Return which of them somebody reached."""
        ready = set(select.select(list(self._sockets.values()), [], [], 0)[0])
        for each in ready:
            with contextlib.suppress(OSError):
                each.accept()[0].close() if each.type == socket.SOCK_STREAM else each.recv(1)
        return [name for name, each in self._sockets.items() if each in ready]

    def close(self) -> None:
        for each in self._sockets.values():
            each.close()


def _bound(family: int, kind: int, address: Any) -> socket.socket:
    made = socket.socket(family, kind)
    made.bind(address)
    if kind == socket.SOCK_STREAM:
        made.listen()
    made.setblocking(False)
    return made


def _is_meant(path: Path, meant: list[Path]) -> bool:
    """Say whether a path is one of `meant`, below one, or a directory above one."""
    return any(path.is_relative_to(each) or each.is_relative_to(path) for each in meant)


def _facts(path: Path) -> tuple[Any, ...]:
    """Everything of a file but when it was last read; the time of its last change of any kind."""
    facts = path.lstat()
    content = path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes()
    names = os.listxattr(path, follow_symlinks=False)
    attributes = {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
    whose = (facts.st_mode, facts.st_uid, facts.st_gid, facts.st_nlink, facts.st_ino)
    return (*whose, facts.st_mtime_ns, facts.st_ctime_ns, content, attributes)


def _content(path: str) -> str | None:
    try:
        return Path(path).read_text(errors="replace")[:4096]
    except OSError:
        return None


def _mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()


def _limits() -> str:
    return Path("/proc/self/limits").read_text()


def _clock() -> float:
    return time.time() - time.monotonic()
