"""Looking into, steering and ending other processes: the host's and the sandbox's own."""

from __future__ import annotations

from tests.sandbox.abuse.case import bash, case, gives, prints, python, refused, that

TITLE = "Other processes"

CASES = (
    case(
        "see",
        "The host's processes cannot be seen",
        python("""
pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
len(pids) < 10, <<host>> in pids and open("/proc/<<host>>/comm").read() != "python3\\n"
"""),
        gives("(True, False)"),
    ),
    case(
        "signal",
        "The host's processes cannot be signalled, by number or by descriptor",
        python("""
signals = {f"kill {pid}": tried(os.kill, pid, 9) for pid in (<<host>> + 100_000, 4_000_000)}
signals |= {"pidfd": tried(os.pidfd_open, <<host>> + 100_000)}
signals
"""),
        refused("ESRCH", "EINVAL"),
    ),
    case(
        "signal-groups",
        "A signal to the own group, to every group and to the session ends nothing outside",
        bash("kill -9 0"),
        that("only the block ends", lambda seen: seen.last.status == "error"),
        python("import signal\nfor n in (1, 2, 3): tried(os.killpg, n, 9)\nos.killpg(0, 9)"),
        that("only Python ends", lambda seen: seen.last.status == "error"),
    ),
    case(
        "trace",
        "No process can be traced, a child of the block's included",
        python("""
pid = os.fork()
if not pid:
    import time; time.sleep(30); os._exit(0)
found = {"attach": tried(call, "ptrace", 16, pid, 0, 0), "seize": tried(call, "ptrace", 0x4206, pid, 0, 0),
    "traceme": tried(call, "ptrace", 0, 0, 0, 0), "supervisor": tried(call, "ptrace", 16, 1, 0, 0)}
os.kill(pid, 9); os.waitpid(pid, 0)
found
"""),
        refused("EPERM"),
    ),
    case(
        "memory",
        "No process' memory can be read or written by the calls for that",
        python("""
buffer = _ctypes.create_string_buffer(64)
{f"{name} {pid}": tried(call, name, pid, buffer, 1, buffer, 1, 0)
    for name in ("process_vm_readv", "process_vm_writev") for pid in (1, os.getppid(), os.getpid())}
"""),
        refused("EPERM"),
    ),
    case(
        "memory-files",
        "The memory of the supervisor and of the keeper cannot be opened, for writing least of all",
        python("""
{f"{pid} {mode}": tried(open, f"/proc/{pid}/mem", mode) for pid in (1, os.getppid()) for mode in ("rb", "r+b")}
"""),
        refused("EACCES", "EPERM", "EROFS"),
    ),
    case(
        "descriptors",
        "No descriptor can be taken from the supervisor or the keeper",
        python("""
found = {}
for pid in (1, os.getppid()):
    fd = os.pidfd_open(pid)
    found |= {f"{pid} {n}": tried(call, "pidfd_getfd", fd, n, 0) for n in range(8)}
    os.close(fd)
    found |= {f"open {pid} {n}": tried(open, f"/proc/{pid}/fd/{n}") for n in range(8)}
found
"""),
        refused("EPERM", "EACCES", "ENOENT"),
    ),
    case(
        "limits",
        "No other process' limits can be set, the supervisor's least of all",
        python("""
import resource
limits = {f"{pid} {name}": tried(resource.prlimit, pid, getattr(resource, "RLIMIT_" + name), (0, 0))
    for pid in (1, os.getppid()) for name in ("NOFILE", "CPU", "FSIZE", "AS")}
limits
"""),
        refused("EPERM"),
    ),
    case(
        "priority",
        "A block that lowers the priority of everything slows down its own session alone",
        bash("renice 19 1; chrt -i -p 0 1; taskset -p 1 1; ionice -c 3 -p 1; true"),
        python("print('on')"),
        prints("on\n"),
        alone=True,
    ),
    case(
        "stop-between-blocks",
        "What Python left running cannot stop the next blocks by stopping everything again and again",
        python("""
import subprocess
stopper = subprocess.Popen([
    "python3", "-c", "import os, time\\nfor n in range(40):\\n    os.kill(-1, 19); time.sleep(0.005)"])
"""),
        bash("echo bash", timeout=1),
        that("bash ends in its time", lambda seen: seen.last.status in ("ok", "error", "timeout")),
        python("try: stopper.kill(); stopper.wait()\nexcept NameError: pass"),
        alone=True,
    ),
    case(
        "messages-between-processes",
        "There is no shared memory, semaphore or queue of the host's to be found",
        bash(
            "ipcs -a | grep -c 0x; cat /proc/sysvipc/shm /proc/sysvipc/msg /proc/sysvipc/sem | grep -vc key;"
            " ls /dev/shm /dev/mqueue 2>/dev/null | wc -l"
        ),
        that("none is listed", lambda seen: seen.last.out.split()[:2] == ["0", "0"]),
    ),
    case(
        "own-supervisor-by-name",
        "A process that calls itself like the supervisor is one process like any other",
        bash("exec -a <<marker>>-agent sleep 86405 & disown; echo named"),
        prints("named\n"),
    ),
    case(
        "out-of-memory-order",
        "The order in which the system ends processes cannot be turned against others",
        python(
            "{name: tried(lambda: open(f'/proc/{name}/oom_score_adj', 'w').write('-1000') and"
            " open(f'/proc/{name}/oom_score_adj', 'w').close()) for name in ('1', 'self')}"
        ),
        refused("EROFS", "EACCES", "EPERM"),
    ),
)
