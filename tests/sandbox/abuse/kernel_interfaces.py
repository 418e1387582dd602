"""The doors of the kernel that blocks do not need, and the filter that closes them."""

from __future__ import annotations

from pathlib import Path

from tests.sandbox.abuse.case import bash, case, gives, host, python, refused, that

TITLE = "Kernel interfaces"

CASES = (
    case(
        "denied-calls",
        "Each of the system calls that are denied fails, with whatever arguments",
        python("""
judged = {"clone", "clone3", "fcntl", "ioctl", "prlimit64", "socket", "socketpair", "setsockopt"}
found = {f"{name} {n}": tried(call, name, *[n] * 6) for name in set(CALLS) - judged for n in (0, -1)}
{name: error for name, error in found.items() if error != "EPERM"} or {"all": "EPERM"}
"""),
        refused("EPERM"),
    ),
    case(
        "denied-calls-in-children",
        "They fail in the programs that bash starts, and in what these start",
        bash(
            'python3 -c "import ctypes, os\nl = ctypes.CDLL(None)\nif os.fork() == 0:\n'
            "    print([l.unshare(0x10000000), l.syscall(<<bpf>>, 0, 0, 0), l.ptrace(0, 0, 0, 0)],"
            ' flush=True)\n    os._exit(0)\nos.wait()"'
        ),
        that("none succeeds", lambda seen: seen.last.out == "[-1, -1, -1]\n"),
    ),
    case(
        "keyrings",
        "The kernel's store of keys cannot be used",
        python(
            "{name: tried(call, name, 0, -3, 1, 0, 0)"
            " for name in ('keyctl', 'add_key', 'request_key')}"
        ),
        refused("EPERM"),
    ),
    case(
        "programs-in-the-kernel",
        "No program can be loaded into the kernel, and nothing be measured or watched by it",
        python(
            "{name: tried(call, name, 0, _ctypes.create_string_buffer(128), 128, 0, 0, 0) for name"
            " in ('bpf', 'perf_event_open', 'userfaultfd', 'fanotify_init', 'memfd_secret')}"
        ),
        refused("EPERM"),
    ),
    case(
        "machine",
        "The machine cannot be stopped, nor its kernel, modules, swap or quotas changed",
        python(
            "{name: tried(call, name, 0, 0, 0, 0, 0) for name in ('reboot', 'kexec_load',"
            " 'kexec_file_load', 'init_module', 'finit_module', 'delete_module', 'swapon',"
            " 'swapoff', 'quotactl', 'acct')}"
        ),
        refused("EPERM"),
    ),
    case(
        "ports",
        "The machine's ports cannot be reached",
        python(
            "{'none here': 'EPERM'} | {name: tried(call, name, 0, 1, 1)"
            " for name in ('iopl', 'ioperm') if name in CALLS}"
        ),
        refused("EPERM"),
    ),
    case(
        "other-architecture",
        "A system call of 32 bits (`int 0x80`), which a filter could misread, ends its process",
        python("""
import mmap
def enter():
    if os.uname().machine != "x86_64":
        os.kill(os.getpid(), 31)
    kinds = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    code = mmap.mmap(-1, 4096, prot=kinds)
    code.write(bytes.fromhex("b814000000cd80c3"))  # getpid by int 0x80
    _ctypes.CFUNCTYPE(_ctypes.c_int)(_ctypes.addressof(_ctypes.c_char.from_buffer(code)))()
pid = os.fork()
if not pid:
    enter(); os._exit(0)
os.WTERMSIG(os.waitpid(pid, 0)[1])
"""),
        gives("31"),
    ),
    case(
        "other-numbers",
        "The numbers of the x32 calls, another name for each call, do not exist",
        python("""
numbers = [CALLS["socket"], CALLS["unshare"], CALLS["ptrace"], 0, 1, 57]
x32 = os.uname().machine == "x86_64"
{str(n): tried(call, n | 0x40000000, 0, 0, 0, 0) if x32 else "ENOSYS" for n in numbers}
"""),
        refused("ENOSYS"),
    ),
    case(
        "unknown-numbers",
        "Numbers of calls that no kernel has fail",
        python("{str(n): tried(call, n, 0, 0, 0) for n in (1000, 5000, 0xFFFFFF, -1)}"),
        refused("ENOSYS"),
    ),
    case(
        "lift-the-filter",
        "The filter cannot be taken off or weakened, by a new program neither",
        python(r"""
import struct
allow = _ctypes.create_string_buffer(struct.pack("<HBBI", 6, 0, 0, 0x7FFF0000))
_libc.prctl(22, 2, struct.pack("HxxxxxxQ", 1, _ctypes.addressof(allow)), 0, 0)
found = {"after another": tried(call, "unshare", 0x10000000)}
_libc.prctl(22, 0, 0, 0, 0)
found["off"] = tried(call, "unshare", 0x10000000)
found["privileges"] = "EPERM" if _libc.prctl(38, 0, 0, 0, 0) == -1 else "done"
found
"""),
        refused("EPERM"),
        bash("exec unshare -U true"),
        that("nor by exec", lambda seen: seen.last.status == "error"),
    ),
    case(
        "typing-into-terminals",
        "Nothing can be typed into a terminal (`TIOCSTI`), with numbers that are too large neither",
        python(r"""
ioctl = CALLS["ioctl"]
requests = (0x5412, 0x541C, 1 << 32 | 0x5412, 1 << 32 | 0x541C)
import pty
one, other = pty.openpty()
found = {f"{fd} {hex(request)}": tried(call, ioctl, fd, _ctypes.c_ulong(request), b"x")
    for fd in (0, 1, one, other) for request in requests}
os.close(one); os.close(other)
found
"""),
        refused("EPERM"),
    ),
    case(
        "open-the-supervisor",
        "The supervisor and the keeper cannot be made open to others again",
        python(
            "_libc.prctl(4, 1, 0, 0, 0)\n{'mem': tried(open, '/proc/1/mem'), 'keeper':"
            " tried(open, f'/proc/{os.getppid()}/mem')}"
        ),
        refused("EACCES", "EPERM"),
    ),
    case(
        "odd-settings",
        "A process' own odd settings reach no bash block",
        python("""
_libc.personality(0x0400000 | 0x0040000); _libc.prctl(1, 9, 0, 0, 0); _libc.prctl(36, 1, 0, 0, 0)
os.umask(0); os.nice(5); os.chdir("/")
"set"
"""),
        gives("'set'"),
        bash("umask; nice"),
        that("bash begins as always", lambda seen: seen.last.out == "0022\n0\n"),
        python("import signal; os.kill(os.getpid(), signal.SIGKILL)"),
    ),
    case(
        "wild-arguments",
        "System calls with wild numbers, pointers and lengths harm what makes them alone",
        python(
            """
import random, time
kept = {*CALLS.values(), *range(56, 64), 74, 75, 162, 306}  # processes, and waiting for disks
for seed in range(4):
    if os.fork():
        continue
    wild = random.Random(seed)
    numbers = [number for number in range(334) if number not in kept]
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        _libc.alarm(1)
        _libc.syscall(wild.choice(numbers), *(wild.choice((0, 1, -1, 7, 4096, 1 << 40, 1 << 63))
            for _ in range(6)))
    os._exit(0)
time.sleep(0.3)
os._exit(0)
""",
            timeout=5,
        ),
        alone=True,
    ),
    case(
        "limits-of-the-supervisor",
        "What the supervisor starts has its limits: no core file, 64 KiB of locked memory",
        host(lambda stage: Path(f"/proc/{stage.session.agent}/limits").read_text()),
        that(
            "they are set",
            lambda seen: (
                "Max core file size        1                    1" in seen.last
                and "Max locked memory         65536                65536" in seen.last
            ),
        ),
    ),
)
