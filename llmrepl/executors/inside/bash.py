"""One bash per block, its working directory and exported variables handed on to the next."""

from __future__ import annotations

import os
import re
import signal
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from .frames import Message

SHELLS = ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash")

STATE_FD = 62
PRELUDE_FD = 63
CODE_FD = 61

MAX_STATE = 1 << 17
"""Most bytes of exported variables that are handed on."""

MAX_ARGUMENT = 1 << 17
"""The longest single argument Linux takes; longer code is read from a file."""

# Bash reads $BASH_ENV before a `-c` command, so the block itself is untouched: its line numbers,
# its `$@` and its status are those of plain `bash -c`. A block that sets an EXIT trap of its own
# hands nothing on.
_PRELUDE = """unset BASH_ENV
exec {prelude}<&-
{state}
trap '{{ builtin printf "%s\\0" "$PWD"; builtin export -p; }} 2>/dev/null >&{out}' EXIT
"""

# An assignment as bash itself writes it, in which nothing is expanded. A block could hand on any
# text: some would run in every later block before it begins, or end it there.
_TEXT = r"""(?:"(?:[^"\\$`]|\\.)*"|\$'(?:[^'\\]|\\.)*')"""
_VARIABLE = re.compile(
    r"(?:declare -(\w*)x\w*|export) ([A-Za-z_]\w*)(?:=(%s|\((?:\[\d+\]=%s ?)*\)))?(?=\n|\Z)"
    % (_TEXT, _TEXT),
    re.ASCII | re.DOTALL,
)

_IGNORED_BY_PYTHON = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)


_DESCRIPTORS = "/proc/self/fd"


class Running(NamedTuple):
    """A bash that has been started for the request `number`; `files` go when it has ended."""

    pid: int
    number: int
    state: int
    files: List[str]

    def finish(self, code: int) -> Message:
        """Return what the host is told of it, and close what belongs to it."""
        said = os.pread(self.state, MAX_STATE + 1, 0)
        os.close(self.state)
        for path in self.files:
            _remove(path)
        reply: Message = {"exit": code}
        if len(said) > MAX_STATE:
            reply["overlong"] = True
        elif b"\0" in said:
            directory, _, exports = said.partition(b"\0")
            reply["cwd"] = os.fsdecode(directory)
            reply["exports"] = _changed(os.fsdecode(exports))
        return reply


def start(message: Message, fds: List[int], confine: Optional[Callable[[], None]]) -> Running:
    """Start bash on the code in `message`, writing to the two descriptors.

    Args:
        message: the request.
        fds: where its output goes; the caller closes its own.
        confine: what the new process must do before it becomes bash; None for nothing.

    Raises:
        OSError: there is no bash, or there are too many processes.
    """
    shell = next((path for path in SHELLS if os.path.exists(path)), SHELLS[0])
    exports = message.get("exports", "")
    restore = "{ %s\n} 2>/dev/null" % exports if exports else ""
    texts = _Texts()
    prelude = texts.add(
        PRELUDE_FD, _PRELUDE.format(prelude=PRELUDE_FD, out=STATE_FD, state=restore)
    )
    state = os.memfd_create("state")
    code = os.fsencode(message["code"])
    if len(code) >= MAX_ARGUMENT:
        code = b"source " + texts.add(CODE_FD, message["code"])
    duplicates = [*texts.opened, (state, STATE_FD), (fds[0], 1), (fds[1], 2)]
    argv = [os.fsencode(shell), b"--noprofile", b"--norc", b"-c", code]
    environment = {**os.environb, b"BASH_ENV": prelude}
    _enter(message.get("cwd", ""), message["home"])
    try:
        if confine is None:
            pid = os.posix_spawn(
                shell,
                argv,
                environment,
                file_actions=[(os.POSIX_SPAWN_DUP2, old, new) for old, new in duplicates],
                setsid=True,
                setsigdef=_IGNORED_BY_PYTHON,
            )
        else:
            pid = _fork(argv, environment, duplicates, confine)
    except OSError:
        os.close(state)
        raise
    finally:
        for fd, _ in texts.opened:
            os.close(fd)
    return Running(pid, message["id"], state, texts.files)


def _fork(
    argv: List[bytes],
    environment: Dict[bytes, bytes],
    duplicates: List[Tuple[int, int]],
    confine: Callable[[], None],
) -> int:
    """Do what `posix_spawn` does, with a step of our own before the end."""
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.set_wakeup_fd(-1)
        for number in _IGNORED_BY_PYTHON:
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        for old, new in duplicates:
            os.dup2(old, new)
        confine()
        os.execve(argv[0], argv, environment)  # noqa: S606 - bash, with no shell around it
    finally:
        os._exit(127)


class _Texts:
    """Texts that bash reads as files: memory files, or real ones where /proc does not lead to them.

    `opened` are (descriptor, number it must have in bash); `files` what to remove afterwards.
    """

    def __init__(self) -> None:
        self.opened: List[Tuple[int, int]] = []
        self.files: List[str] = []

    def add(self, number: int, text: str) -> bytes:
        """Return the path at which bash finds `text`."""
        if os.path.exists(_DESCRIPTORS):
            fd = os.memfd_create("text")
            self.opened.append((fd, number))
            path = "%s/%d" % (_DESCRIPTORS, number)
        else:
            path = "%s/.llmrepl-%d" % (os.environ["HOME"], number)
            _remove(path)
            fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
            self.opened.append((fd, number))
            self.files.append(path)
        os.write(fd, os.fsencode(text))
        os.lseek(fd, 0, os.SEEK_SET)
        return os.fsencode(path)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _changed(exports: str) -> str:
    """Return what `export -p` wrote, but what every bash here begins with.

    A variable that a block made read-only is no longer, so that a later block can mend it.
    """
    lines = []
    end = 0
    while end < len(exports):
        found = _VARIABLE.match(exports, end)
        if found is not None:
            end = found.end()
            flags, name, value = found.groups()
            if value is None:
                lines.append("declare -x " + name)
            elif value != '"%s"' % os.environ.get(name, '"'):
                kind = "a" if "a" in (flags or "") else ""
                lines.append("declare -%sx %s=%s" % (kind, name, value))
        end = exports.find("\n", end) + 1 or len(exports)
    return "\n".join(lines)


def _enter(*directories: str) -> None:
    """Go to the first directory that is there; blocks may have closed or removed any."""
    for directory in (*directories, "/tmp", "/"):
        try:
            os.chdir(directory)
        except OSError:  # that of "" too
            continue
        return
