"""One bash per block, its working directory and exported variables handed on to the next."""

from __future__ import annotations

import os
import re
import signal
from typing import List, NamedTuple

from .frames import Message

SHELLS = ("/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash")

STATE_FD = 62
PRELUDE_FD = 63

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

_PLAIN = re.compile(r'declare -x (\w+)="([^"\\$`]*)"$')

_IGNORED_BY_PYTHON = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)


_ENVIRONMENT = {**os.environb, b"BASH_ENV": b"/proc/self/fd/%d" % PRELUDE_FD}


class Running(NamedTuple):
    """A bash that has been started for the request `number`."""

    pid: int
    number: int
    state: int

    def finish(self, code: int) -> Message:
        """Return what the host is told of it, and close what belongs to it."""
        said = os.pread(self.state, MAX_STATE + 1, 0)
        os.close(self.state)
        reply: Message = {"exit": code}
        if len(said) > MAX_STATE:
            reply["overlong"] = True
        elif b"\0" in said:
            directory, _, exports = said.partition(b"\0")
            reply["cwd"] = os.fsdecode(directory)
            reply["exports"] = _changed(os.fsdecode(exports))
        return reply


def start(message: Message, fds: List[int]) -> Running:
    """Start bash on the code in `message`, writing to the two descriptors.

    Raises:
        OSError: there is no bash, or there are too many processes.
    """
    shell = next((path for path in SHELLS if os.path.exists(path)), SHELLS[0])
    exports = message.get("exports", "")
    restore = "{ %s\n} 2>/dev/null" % exports if exports else ""
    prelude = _file(_PRELUDE.format(prelude=PRELUDE_FD, out=STATE_FD, state=restore))
    state = os.memfd_create("state")
    code = os.fsencode(message["code"])
    opened = [prelude]
    duplicates = [(prelude, PRELUDE_FD), (state, STATE_FD), (fds[0], 1), (fds[1], 2)]
    if len(code) >= MAX_ARGUMENT:
        opened.append(_file(message["code"]))
        duplicates.append((opened[-1], PRELUDE_FD - 2))
        code = b"source /dev/fd/%d" % (PRELUDE_FD - 2)
    _enter(message.get("cwd", ""), message["home"])
    try:
        pid = os.posix_spawn(
            shell,
            [os.fsencode(shell), b"--noprofile", b"--norc", b"-c", code],
            _ENVIRONMENT,
            file_actions=[(os.POSIX_SPAWN_DUP2, old, new) for old, new in duplicates],
            setsid=True,
            setsigdef=_IGNORED_BY_PYTHON,
        )
    except OSError:
        os.close(state)
        raise
    finally:
        for fd in opened:
            os.close(fd)
    return Running(pid, message["id"], state)


def _changed(exports: str) -> str:
    """Return the lines of `export -p` that every bash here does not begin with anyway."""
    lines = (line for line in exports.split("\n") if not _is_given(line))
    return "\n".join(lines).strip("\n")


def _is_given(line: str) -> bool:
    plain = _PLAIN.match(line)
    return plain is not None and os.environ.get(plain.group(1)) == plain.group(2)


def _file(text: str) -> int:
    fd = os.memfd_create("text")
    os.write(fd, os.fsencode(text))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _enter(directory: str, home: str) -> None:
    try:
        os.chdir(directory or home)
    except OSError:
        os.chdir(home)
