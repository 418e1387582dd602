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

# An assignment as bash itself writes it, in which nothing is expanded. A block could hand on any
# text: some would run in every later block before it begins, or end it there.
_TEXT = r"""(?:"(?:[^"\\$`]|\\.)*"|\$'(?:[^'\\]|\\.)*')"""
_VARIABLE = re.compile(
    r"(?:declare -(\w*)x\w*|export) ([A-Za-z_]\w*)(?:=(%s|\((?:\[\d+\]=%s ?)*\)))?(?=\n|\Z)"
    % (_TEXT, _TEXT),
    re.ASCII | re.DOTALL,
)

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


def _file(text: str) -> int:
    fd = os.memfd_create("text")
    os.write(fd, os.fsencode(text))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _enter(*directories: str) -> None:
    """Go to the first directory that is there; blocks may have closed or removed any."""
    for directory in (*directories, "/tmp", "/"):
        try:
            os.chdir(directory)
        except OSError:  # that of "" too
            continue
        return
