"""Runs beside the agent where there are no namespaces: starts it, and ends what it leaves behind.

A program of its own, started with `python -I -S`, that imports the standard library and `inside`
only. Everything that blocks start stays below it: when the agent has ended, for whatever reason,
all of that is ended too.

    monitor.py INSIDE DIRECTORY FILTER RULES PROGRAM ARGUMENT...

starts PROGRAM in DIRECTORY, without privileges, under the system call filter that is read from the
descriptor FILTER and under the Landlock rules behind the descriptor RULES; as it is where these are
-1. INSIDE is the path of that package.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import sys
import time

PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 22, 24, 36, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
SECCOMP_MODE_FILTER = 2
LANDLOCK_RESTRICT_SELF = 446
CAPABILITIES = 64
CAPABILITY_VERSION = 0x20080522

REST = 0.0005

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def main(arguments: list[str]) -> None:
    """Do what the arguments say; end with a line on stderr where it does not work."""
    inside, directory, code, rules, *program = arguments
    sys.path.append(os.path.dirname(inside))
    processes = importlib.import_module(f"{os.path.basename(inside)}.processes")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _check("subreaper", _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
        agent = os.fork()
    except OSError as error:
        sys.exit(f"monitor: {error}")
    if not agent:
        _become(directory, int(code), int(rules), program)
    _hold_nothing()
    os.waitid(os.P_PID, agent, os.WEXITED | os.WNOWAIT)
    family = processes.Family(os.open("/proc", os.O_RDONLY | os.O_DIRECTORY))
    while family.strangers(0):
        family.kill_strangers(0)
        _reap()
        time.sleep(REST)


def _become(directory: str, code: int, rules: int, program: list[str]) -> None:
    try:
        os.chdir(directory)
        if code >= 0:
            _drop_privileges()
            _check("rules", _libc.syscall(LANDLOCK_RESTRICT_SELF, rules, 0))
            os.close(rules)
            _filter(code)
        os.execv(program[0], program)  # noqa: S606 - it is what this program is for
    except OSError as error:
        sys.stderr.write(f"monitor: {error}\n")
    os._exit(1)


def _drop_privileges() -> None:
    """Let this process, whoever runs it, have no capability and no way to one."""
    for number in range(CAPABILITIES):
        _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # root alone can; the others have none to get
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = _Header(CAPABILITY_VERSION, 0)
    _check("capset", _libc.capset(ctypes.byref(header), bytes(24)))
    _check("no new privileges", _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def _filter(descriptor: int) -> None:
    code = os.pread(descriptor, 1 << 16, 0)
    os.close(descriptor)
    program = _Program(len(code) // 8, code)
    mode = ctypes.c_ulong(SECCOMP_MODE_FILTER)
    _check("filter", _libc.prctl(PR_SET_SECCOMP, mode, ctypes.byref(program), 0, 0))


def _hold_nothing() -> None:
    """Close what was inherited for the agent, or nobody would notice its end; and stderr."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _check(what: str, result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main(sys.argv[1:])
