"""The sandbox's system call filter, as a classic BPF program made without a library.

A denylist: what is not named is allowed. A call is judged by its number and, for seven calls, by
the low half of arguments that the kernel itself reads as 32 bits.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from llmrepl.executors.walls.syscalls import (
    CHECKED,
    DENIED,
    DENIED_IN_SHARED,
    UNSUPPORTED_IN_SHARED,
)

KILL = 0x80000000
ALLOW = 0x7FFF0000
_ERRNO = 0x00050000


def fail(number: int) -> int:
    """Return the filter's answer that makes a call fail with the errno `number`."""
    return _ERRNO | number


LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K

# Offsets in struct seccomp_data, little-endian.
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""The kernel's name for each architecture."""

X32_BIT = 0x40000000

NEW_NAMESPACES = (
    0x00020000  # mount
    | 0x02000000  # cgroup
    | 0x04000000  # uts
    | 0x08000000  # ipc
    | 0x10000000  # user
    | 0x20000000  # pid
    | 0x40000000  # net
)
"""The flags of clone that make one; a time namespace only comes from unshare and clone3."""

TIOCSTI, TIOCLINUX = 0x5412, 0x541C

F_SETLEASE = 1024
"""The command of fcntl that lets a file's owner hold up whoever opens it, for most of a minute."""

FILE_SETTERS = (
    *(0x40086602, 0x40046602),  # FS_IOC_SETFLAGS and its 32-bit form
    *(0x40087602, 0x40047602),  # FS_IOC_SETVERSION
    0x401C5820,  # FS_IOC_FSSETXATTR
    0x40806685,  # FS_IOC_ENABLE_VERITY
    0x800C6613,  # FS_IOC_SET_ENCRYPTION_POLICY
)
"""Requests of ioctl that change a file which was only opened to be read."""

TYPE_BITS = 0xF
"""The part of a socket's type that is not flags."""

PAIRS = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
"""Types of pairs: one for datagrams could be pointed at any socket that has a path."""

SO_SNDBUF, SO_RCVBUF = 7, 8


@dataclass(frozen=True, slots=True)
class Instruction:
    """One BPF instruction; jumps count the instructions they skip."""

    code: int
    value: int
    if_true: int = 0
    if_false: int = 0


def program(
    machine: str, families: Iterable[int] = (), *, shared: bool = False
) -> tuple[Instruction, ...]:
    """Return the filter for `machine`, one of `AUDIT`.

    Args:
        machine: as `os.uname().machine` says it.
        families: address families `socket()` may still open, for TCP and UDP alone; none without
            a network.
        shared: whether blocks share all namespaces with the person; then what would reach out of
            them is denied too.

    Raises:
        KeyError: there is no filter for this machine.
    """
    checked = CHECKED[machine]
    denied = fail(errno.EPERM)
    code = [
        Instruction(LOAD, ARCHITECTURE),
        *_unless_equal(AUDIT[machine], KILL),
        Instruction(LOAD, NUMBER),
    ]
    if machine == "x86_64":
        code += _when(AT_LEAST, X32_BIT, fail(errno.ENOSYS))
    code += _when(EQUAL, checked["clone3"], fail(errno.ENOSYS))  # its flags cannot be read: clone
    refused = {**DENIED[machine], **(DENIED_IN_SHARED[machine] if shared else {})}
    for number in sorted(refused.values()):
        code += _when(EQUAL, number, denied)
    for number in sorted(UNSUPPORTED_IN_SHARED[machine].values()) if shared else ():
        code += _when(EQUAL, number, fail(errno.EOPNOTSUPP))
    code += _argument(checked["clone"], 0, _when(ANY_BIT, NEW_NAMESPACES, denied))
    code += _argument(checked["fcntl"], 1, _when(EQUAL, F_SETLEASE, denied))
    requests = (TIOCSTI, TIOCLINUX, *(FILE_SETTERS if shared else ()))
    refusals = [step for request in requests for step in _when(EQUAL, request, denied)]
    code += _argument(checked["ioctl"], 1, refusals)
    code += _argument(checked["prlimit64"], 0, _only((0,), denied))  # its own limits, not PID 1's
    code += _argument(checked["setsockopt"], 1, _buffers())
    code += _argument(checked["socket"], 0, _sockets(tuple(families)))
    code += _argument(checked["socketpair"], 0, _pairs())
    return (*code, Instruction(RETURN, ALLOW))


def assemble(instructions: Sequence[Instruction]) -> bytes:
    """Return `instructions` as the kernel and bubblewrap read them: 8 bytes each."""
    return b"".join(
        struct.pack("<HBBI", i.code, i.if_true, i.if_false, i.value) for i in instructions
    )


def _when(test: int, value: int, answer: int) -> list[Instruction]:
    return [Instruction(test, value, 0, 1), Instruction(RETURN, answer)]


def _unless_equal(value: int, answer: int) -> list[Instruction]:
    return [Instruction(EQUAL, value, 1, 0), Instruction(RETURN, answer)]


def _only(values: Iterable[int], answer: int) -> list[Instruction]:
    allowed = [step for value in values for step in _when(EQUAL, value, ALLOW)]
    return [*allowed, Instruction(RETURN, answer)]


def _buffers() -> list[Instruction]:
    """Return code that ignores how large a socket's buffers are to be.

    They would hold memory that counts for no process. To a program the size is a hint anyway.
    """
    return [
        Instruction(EQUAL, socket.SOL_SOCKET, 1, 0),
        Instruction(RETURN, ALLOW),
        Instruction(LOAD, ARGUMENTS + 16),
        *_when(EQUAL, SO_SNDBUF, fail(0)),
        *_when(EQUAL, SO_RCVBUF, fail(0)),
    ]


def _pairs() -> list[Instruction]:
    """Return code that lets pairs of sockets be opened that reach each other alone."""
    return [
        *_unless_equal(socket.AF_UNIX, fail(errno.EAFNOSUPPORT)),
        Instruction(LOAD, ARGUMENTS + 8),
        Instruction(AND, TYPE_BITS),
        *_only(PAIRS, fail(errno.EPERM)),
    ]


def _sockets(families: tuple[int, ...]) -> list[Instruction]:
    """Return code that lets `families` be opened, and of their many protocols the two usual ones.

    The others are loaded into the kernel when first asked for, and little tried.
    """
    refused = Instruction(RETURN, fail(errno.EAFNOSUPPORT))
    if not families:
        return [refused]
    return [
        *(
            Instruction(EQUAL, family, len(families) - index, 0)
            for index, family in enumerate(families)
        ),
        refused,
        Instruction(LOAD, ARGUMENTS + 8),
        Instruction(AND, TYPE_BITS),
        Instruction(EQUAL, socket.SOCK_STREAM, 2, 0),
        Instruction(EQUAL, socket.SOCK_DGRAM, 1, 0),
        Instruction(RETURN, fail(errno.EPERM)),
        Instruction(LOAD, ARGUMENTS + 16),
        *_only((0, socket.IPPROTO_TCP, socket.IPPROTO_UDP), fail(errno.EPERM)),
    ]


def _argument(number: int, index: int, judge: list[Instruction]) -> list[Instruction]:
    """Return code that runs `judge` on an argument of call `number`, then allows the call."""
    body = [
        Instruction(LOAD, ARGUMENTS + 8 * index),
        *judge,
        Instruction(RETURN, ALLOW),
    ]
    return [Instruction(EQUAL, number, 0, len(body)), *body]
