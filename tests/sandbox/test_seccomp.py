"""The system call filter, run instruction by instruction as the kernel would."""

from __future__ import annotations

import errno
import platform
import re
import socket
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.executors.walls.seccomp import (
    ALLOW,
    AND,
    ANY_BIT,
    AT_LEAST,
    AUDIT,
    EQUAL,
    FILE_SETTERS,
    KILL,
    LOAD,
    NEW_NAMESPACES,
    RETURN,
    X32_BIT,
    assemble,
    fail,
    program,
)
from llmrepl.executors.walls.syscalls import (
    CHECKED,
    DENIED,
    DENIED_IN_SHARED,
    UNSUPPORTED_IN_SHARED,
)

MACHINES = sorted(AUDIT)
BOTH = pytest.mark.parametrize("machine", MACHINES)


def judge(code: bytes, machine: str, number: int, *arguments: int) -> int:
    """Return the filter's answer to a call, from its assembled form."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number, AUDIT[machine], 0, *padded)
    steps = list(struct.iter_unpack("<HBBI", code))
    place = accumulator = 0
    while True:
        operation, if_true, if_false, value = steps[place]
        place += 1
        if operation == LOAD:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif operation == AND:
            accumulator &= value
        elif operation == RETURN:
            return value
        else:
            holds = {
                EQUAL: accumulator == value,
                AT_LEAST: accumulator >= value,
                ANY_BIT: bool(accumulator & value),
            }[operation]
            place += if_true if holds else if_false


def named(machine: str) -> dict[str, int]:
    """Return the number of every call that a filter has something to say about."""
    shared = {**DENIED_IN_SHARED[machine], **UNSUPPORTED_IN_SHARED[machine]}
    return {**DENIED[machine], **CHECKED[machine], **shared}


def answer(machine: str, call: str, *arguments: int, families=(), shared=False) -> int:
    code = assemble(program(machine, families, shared=shared))
    return judge(code, machine, named(machine)[call], *arguments)


@BOTH
def test_every_call_that_is_denied_fails_with_eperm(machine):
    code = assemble(program(machine))
    for name, number in DENIED[machine].items():
        assert judge(code, machine, number) == fail(errno.EPERM), name


@BOTH
@given(number=st.integers(0, 500))
def test_every_call_that_is_not_named_is_allowed(machine, number):
    more = named(machine).values()
    some = {*DENIED[machine].values(), *CHECKED[machine].values()}
    for code, numbers in ((program(machine), some), (program(machine, shared=True), more)):
        if number not in numbers:
            assert judge(assemble(code), machine, number) == ALLOW


@BOTH
def test_without_namespaces_more_calls_are_denied(machine):
    code = assemble(program(machine, shared=True))
    for name, number in {**DENIED[machine], **DENIED_IN_SHARED[machine]}.items():
        assert judge(code, machine, number) == fail(errno.EPERM), name
    for name, number in UNSUPPORTED_IN_SHARED[machine].items():
        assert judge(code, machine, number) == fail(errno.EOPNOTSUPP), name
    less = assemble(program(machine))
    for name in (*DENIED_IN_SHARED[machine], *UNSUPPORTED_IN_SHARED[machine]):
        assert judge(less, machine, named(machine)[name]) == ALLOW, name


@BOTH
def test_without_namespaces_all_the_rest_is_judged_the_same(machine):
    for call, arguments in (
        ("clone3", ()),
        ("clone", (17,)),
        ("clone", (17 | NEW_NAMESPACES,)),
        ("socket", (socket.AF_UNIX, 1)),
        ("socketpair", (socket.AF_UNIX,)),
        ("prlimit64", (1, 7)),
        ("ioctl", (0, 0x5412)),
        ("ioctl", (0, 0x5413)),
    ):
        answers = {answer(machine, call, *arguments, shared=shared) for shared in (True, False)}
        assert len(answers) == 1, call
    assert judge(assemble(program(machine, shared=True)), other(machine), 0) == KILL


def other(machine: str) -> str:
    return next(name for name in MACHINES if name != machine)


@BOTH
def test_without_namespaces_no_file_is_changed_by_ioctl(machine):
    for request in FILE_SETTERS:
        assert answer(machine, "ioctl", 3, request, shared=True) == fail(errno.EPERM)
        assert answer(machine, "ioctl", 3, request) == ALLOW


@BOTH
def test_no_call_is_named_twice(machine):
    tables = (DENIED, CHECKED, DENIED_IN_SHARED, UNSUPPORTED_IN_SHARED)
    numbers = [number for table in tables for number in table[machine].values()]
    assert len(numbers) == len(set(numbers))


def test_another_architecture_is_killed():
    x86, arm = AUDIT["x86_64"], AUDIT["aarch64"]
    assert x86 != arm
    code = assemble(program("x86_64"))
    assert judge(code, "aarch64", 0) == KILL
    assert judge(assemble(program("aarch64")), "x86_64", 0) == KILL


def test_the_x32_calls_of_x86_64_do_not_exist():
    code = assemble(program("x86_64"))
    assert judge(code, "x86_64", X32_BIT | 1) == fail(errno.ENOSYS)
    assert judge(code, "x86_64", 0xFFFFFFFF) == fail(errno.ENOSYS)


@BOTH
def test_clone_makes_threads_and_processes_but_no_namespaces(machine):
    threads = 0x3D0F00
    assert answer(machine, "clone", threads) == ALLOW
    assert answer(machine, "clone", 17) == ALLOW  # SIGCHLD
    for bit in range(7, 32):
        flag = 1 << bit
        expected = fail(errno.EPERM) if flag & NEW_NAMESPACES else ALLOW
        assert answer(machine, "clone", threads | 17 | flag) == expected
    assert answer(machine, "clone3", 0) == fail(errno.ENOSYS)


@BOTH
def test_no_socket_opens_without_a_network(machine):
    for family in range(50):
        assert answer(machine, "socket", family) == fail(errno.EAFNOSUPPORT)


@BOTH
def test_with_a_network_only_the_families_named_open(machine):
    families = (socket.AF_INET, socket.AF_INET6)
    for family in range(50):
        expected = ALLOW if family in families else fail(errno.EAFNOSUPPORT)
        assert answer(machine, "socket", family, 1, families=families) == expected


@BOTH
def test_of_the_families_named_only_tcp_and_udp_open(machine):
    families = (socket.AF_INET, socket.AF_INET6)
    flags = 0x80800  # not to wait, and to be closed by exec
    for family in families:
        for kind in range(16):
            expected = ALLOW if kind in (1, 2) else fail(errno.EPERM)
            assert answer(machine, "socket", family, kind | flags, families=families) == expected
        for protocol in range(300):
            expected = ALLOW if protocol in (0, 6, 17) else fail(errno.EPERM)
            assert answer(machine, "socket", family, 1, protocol, families=families) == expected


@BOTH
def test_a_process_sets_its_own_limits_only(machine):
    assert answer(machine, "prlimit64", 0, 7) == ALLOW
    assert answer(machine, "prlimit64", 1, 7) == fail(errno.EPERM)


@BOTH
def test_pairs_of_sockets_are_of_the_unix_family_and_reach_each_other_alone(machine):
    for kind in range(16):
        expected = ALLOW if kind in (1, 5) else fail(errno.EPERM)
        for flags in (0, 0x80000, 0x800):
            assert answer(machine, "socketpair", socket.AF_UNIX, kind | flags) == expected
        assert answer(machine, "socketpair", socket.AF_INET, kind) == fail(errno.EAFNOSUPPORT)
    high = 1 << 32  # the kernel reads 32 bits, and so do we
    assert answer(machine, "socketpair", high | socket.AF_UNIX, high | 1) == ALLOW


@BOTH
def test_the_buffers_of_sockets_keep_their_size(machine):
    for name in range(64):
        expected = fail(0) if name in (7, 8) else ALLOW
        assert answer(machine, "setsockopt", 3, socket.SOL_SOCKET, name) == expected
        assert answer(machine, "setsockopt", 3, socket.IPPROTO_TCP, name) == ALLOW


@BOTH
def test_nothing_can_be_typed_into_a_terminal(machine):
    for request in (0x5412, 0x541C):
        assert answer(machine, "ioctl", 0, request) == fail(errno.EPERM)
        assert answer(machine, "ioctl", 0, (1 << 32) | request) == fail(errno.EPERM)
    assert answer(machine, "ioctl", 0, 0x5413) == ALLOW  # the window's size


@BOTH
def test_nobody_can_be_held_up_by_a_lease(machine):
    assert answer(machine, "fcntl", 3, 1024) == fail(errno.EPERM)
    assert answer(machine, "fcntl", 3, (1 << 32) | 1024) == fail(errno.EPERM)
    assert answer(machine, "fcntl", 3, 1030) == ALLOW


@BOTH
def test_every_jump_lands_in_the_program_and_every_path_returns(machine):
    steps = program(machine, families=(2, 10), shared=True)
    for index, step in enumerate(steps):
        assert index + 1 + max(step.if_true, step.if_false) < len(steps) or step.code == RETURN
    assert steps[-1].code == RETURN
    assert len(steps) < 4096


def test_an_unknown_machine_has_no_filter():
    with pytest.raises(KeyError):
        program("riscv64")


def header(path: str, pattern: str) -> dict[str, int]:
    file = Path(path)
    found = re.findall(pattern, file.read_text(), re.MULTILINE) if file.exists() else ()
    return {name: int(number) for name, number in found}


@pytest.mark.parametrize(
    ("machine", "path"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_the_numbers_are_those_of_the_kernel_s_headers_where_they_are_installed(machine, path):
    numbers = header(path, r"^#define __NR(?:3264)?_(\w+)\s+(\d+)")
    for name, number in named(machine).items():
        assert numbers.get(name, number) == number, name


def test_there_is_a_filter_for_this_machine():
    assert platform.machine() in AUDIT
