"""Too much memory, in every kind that counts for some process, and in those that count for none."""

from __future__ import annotations

from tests.sandbox.abuse.case import bash, case, ends, python, refused, that

TITLE = "Memory"

LIMITED = ends("limit", "memory limit of 96 MiB")

CASES = (
    case(
        "one-object",
        "An object larger than the limit is refused, and Python goes on",
        python("kept = 'kept'"),
        python("bytearray(2 << 30)"),
        ends("limit", "MemoryError"),
        python("kept"),
        that("the variables are kept", lambda seen: seen.last.value == "'kept'"),
    ),
    case(
        "growing-list",
        "A list that grows without end is ended at the limit",
        python("grown = []\nwhile True: grown.append(bytearray(1 << 20))"),
        that("the block ends with `limit`", lambda seen: seen.results[-1].status == "limit"),
        python("grown = None"),
    ),
    case(
        "bash-string",
        "A string in bash that doubles without end is ended at the limit",
        bash("s=0123456789; while :; do s=$s$s; done"),
        that("the block ends badly", lambda seen: seen.last.status in ("error", "limit")),
    ),
    case(
        "many-small-processes",
        "Processes that are each below the limit are counted together",
        python("""
import time
for _ in range(8):
    if not os.fork():
        held = os.urandom(1) * (40 << 20)
        time.sleep(60)
time.sleep(20)
"""),
        LIMITED,
    ),
    case(
        "shared-map",
        "Memory that processes share, which no limit of the system counts, is counted",
        python("""
import mmap, time
maps = []
while True:
    each = mmap.mmap(-1, 8 << 20)
    each.write(b"x" * (8 << 20)); maps.append(each)
"""),
        LIMITED,
    ),
    case(
        "memory-files",
        "Files in memory that have no name are counted",
        python("""
held = []
while True:
    fd = os.memfd_create("x")
    os.write(fd, b"x" * (4 << 20)); held.append(fd)
"""),
        LIMITED,
    ),
    case(
        "passed-on-files",
        "Files in memory are counted while they travel between processes",
        python("""
import array, socket, time
pairs = []
while True:
    fd = os.memfd_create("x")
    os.write(fd, b"x" * (4 << 20))
    one, other = socket.socketpair()
    socket.send_fds(one, [b"x"], [fd])
    os.close(fd)
    pairs.append((one, other))
"""),
        that("the block ends with `limit`", lambda seen: seen.last.status == "limit"),
    ),
    case(
        "shared-directory",
        "/dev/shm has a size",
        python("""
def fill():
    for number in range(100):
        with open(f"/dev/shm/{number}", "wb") as file:
            file.write(b"x" * (4 << 20))
found = tried(fill)
for name in os.listdir("/dev/shm"):
    os.unlink(f"/dev/shm/{name}")
{"fill": found}
"""),
        refused("ENOSPC"),
    ),
    case(
        "home-directory",
        "The sandbox's home directory, which is memory, has a size",
        python("""
def fill():
    for number in range(100):
        with open(f"/home/sandbox/{number}", "wb") as file:
            file.write(b"x" * (4 << 20))
found = tried(fill)
for name in os.listdir("/home/sandbox"):
    os.path.isfile(f"/home/sandbox/{name}") and os.unlink(f"/home/sandbox/{name}")
{"fill": found}
"""),
        refused("ENOSPC"),
    ),
    case(
        "page-tables",
        "The tables that describe much empty memory are counted",
        python("""
import mmap, time
kinds = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000
empty = mmap.mmap(-1, 1 << 38, prot=mmap.PROT_READ, flags=kinds)
for place in range(0, 1 << 38, 1 << 21):
    empty[place]
time.sleep(20)
"""),
        LIMITED,
    ),
    case(
        "socket-buffers",
        "What lies in the buffers of sockets is counted, and no buffer can be made larger",
        python("""
import socket, time
for _ in range(10):
    if os.fork():
        continue
    held = []
    try:
        while True:
            held += socket.socketpair()
            for each in held[-2:]:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
                each.setblocking(False)
                tried(lambda: [each.send(b"x" * 100_000) for _ in range(100)])
    except OSError:
        time.sleep(60)
time.sleep(20)
"""),
        LIMITED,
    ),
    case(
        "system-v",
        "Shared memory, semaphores and queues that outlive every process cannot be made",
        python(
            "{name: tried(call, name, 0, 1 << 10, 0o1600) for name in ('shmget', 'semget')}"
            " | {'msgget': tried(call, 'msgget', 0, 0o1600)}"
        ),
        refused("EPERM"),
    ),
    case(
        "message-queues",
        "POSIX message queues hold 64 KiB at most",
        python("""
import struct
def fill():
    library = _ctypes.CDLL(None, use_errno=True)
    for number in range(64):
        large = struct.pack("8q", 0, 10, 8192, 0, 0, 0, 0, 0)
        if library.mq_open(f"/queue{number}".encode(), 0o102, 0o600, large) < 0:
            raise OSError(_ctypes.get_errno(), "")
{"fill": tried(fill)}
"""),
        refused("EMFILE", "ENOSYS", "EACCES", "EPERM", "ENOSPC"),
    ),
    case(
        "locked-memory",
        "A block cannot lock memory",
        python(
            "import mmap\npart = mmap.mmap(-1, 1 << 20)\n"
            "address = _ctypes.addressof(_ctypes.c_char.from_buffer(part))\n"
            "_libc.mlock.argtypes = _ctypes.c_void_p, _ctypes.c_size_t\n"
            "_libc.mlock(address, 1 << 20)"
        ),
        that("the call fails", lambda seen: seen.last.value == "-1"),
    ),
    case(
        "recursion",
        "Recursion without end ends the block at most",
        python("import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()", timeout=1),
        that("the block does not end well", lambda seen: seen.last.status != "ok"),
        bash("f() { f; }; f", timeout=1),
        that("neither does one in bash", lambda seen: seen.last.status != "ok"),
    ),
    case(
        "regular-expression",
        "A regular expression that takes for ever ends when its time is over",
        python("import re; re.match(r'(a*)*b', 'a' * 40)", timeout=0.2),
        ends("timeout"),
    ),
)
