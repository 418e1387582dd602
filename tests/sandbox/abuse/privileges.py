"""Gaining rights: over mounts, namespaces, users, and the machine itself."""

from __future__ import annotations

from tests.sandbox.abuse.case import bash, case, gives, host, python, refused, that
from tests.sandbox.abuse.stage import Stage

TITLE = "Privileges"


def _no_setuid(stage: Stage) -> bool:
    """Whether a program in the scratch gives nobody its owner's rights: nobody else reaches it."""
    private = stage.session.scratch.parent
    return private.stat().st_mode & 0o077 == 0


CASES = (
    case(
        "remount",
        "Nothing can be mounted again to be written, by no way to mount",
        python(r"""
targets = (b"/", b"/usr", b"/proc", b"/dev", b"/run/llmrepl/_llmrepl_inside", b"<<project>>")
found = {str(t): tried(call, "mount", None, t, None, 32 | 4096, None) for t in targets}
found |= {f"new {t}": tried(call, "mount", b"none", t, b"tmpfs", 0, None) for t in targets}
found["bind"] = tried(call, "mount", b"/tmp", b"/usr", None, 4096, None)
found["umount"] = tried(call, "umount2", b"/proc", 2)
found |= {name: tried(call, name, -100, b"/tmp", 0, 0, 0) for name in
    ("move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr")}
found
"""),
        refused("EPERM"),
    ),
    case(
        "mount-programs",
        "The system's programs to mount, switch users or enter namespaces have no rights here",
        bash("""
for c in "mount -o remount,rw /" "mount --bind /tmp /usr" "umount -l /proc" "unshare -Ur true" \\
    "unshare -m true" "nsenter -t 1 -m true" "chroot / true" "pivot_root . ." "mount -t proc p /mnt" \\
    "unshare --user --map-root-user --mount true" "sudo -n true" "sg root true" \\
    "setpriv --reuid=0 true" "bwrap --ro-bind / / true" "bwrap --unshare-all --bind / / true" \\
    "fusermount -u /tmp" "capsh --print -- -c true"
do $c >/dev/null 2>&1 </dev/null && echo "done: $c"; done; true"""),
        that(
            "none succeeds", lambda seen: seen.last.out in ("", "done: capsh --print -- -c true\n")
        ),
    ),
    case(
        "change-root",
        "No other root directory can be taken",
        python(
            "{'chroot': tried(os.chroot, '/tmp'), 'pivot_root': tried(call, 'pivot_root', b'/tmp', b'/tmp')}"
        ),
        refused("EPERM"),
    ),
    case(
        "namespaces",
        "No namespace can be made or entered, by any of the calls that could",
        python("""
flags = {"mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000,
    "user": 0x10000000, "pid": 0x20000000, "net": 0x40000000}
found = {f"unshare {name}": tried(call, "unshare", flag) for name, flag in flags.items()}
found |= {f"clone {name}": tried(call, "clone", flag | 17, 0, 0, 0, 0) for name, flag in flags.items()}
for name in os.listdir("/proc/self/ns"):
    fd = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
    found[f"setns {name}"] = tried(call, "setns", fd, 0); os.close(fd)
found["time"] = tried(call, "unshare", 0x80)
found
"""),
        refused("EPERM"),
    ),
    case(
        "clone3",
        "The newer call to make processes, whose flags no filter can read, does not exist",
        python(
            "import struct\n{'clone3': tried(call, 'clone3',"
            " struct.pack('8Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0), 64)}"
        ),
        refused("ENOSYS"),
    ),
    case(
        "handles",
        "No file can be opened by a handle, past the names that are shown",
        python("""
handle = _ctypes.create_string_buffer((8).to_bytes(4, "little") + bytes(4) + (2).to_bytes(8, "little"))
{"name_to_handle_at": tried(call, "name_to_handle_at", -100, b"/", handle, handle, 0),
 "open_by_handle_at": tried(call, "open_by_handle_at", 3, handle, 2)}
"""),
        refused("EPERM"),
    ),
    case(
        "set-user-id",
        "Programs that change the user they run as do not",
        python("""
import subprocess
flagged = [e.path for e in os.scandir("/usr/bin") if e.is_file() and e.stat().st_mode & 0o6000]
ids = subprocess.run(["/usr/bin/id", "-u"], capture_output=True, text=True).stdout.strip()
privileges = [line for line in open("/proc/self/status") if line.startswith(("NoNewPrivs", "Cap"))]
len(flagged) > 0, ids, sorted({line.split()[1] for line in privileges})
"""),
        gives("(True, '1000', ['0000000000000000', '1'])"),
        python(
            "{'setuid': tried(os.setuid, 0), 'setgid': tried(os.setgid, 0),"
            " 'setgroups': tried(os.setgroups, [0]), 'setresuid': tried(os.setresuid, 0, 0, 0)}"
        ),
        refused("EPERM", "EINVAL"),
    ),
    case(
        "leave-a-set-user-id-file",
        "A set-user-id program that a block leaves in /tmp is out of everybody's reach",
        bash("cp /bin/bash /tmp/evil; chmod 6777 /tmp/evil; chmod 777 /tmp; /tmp/evil -pc 'id -u'"),
        that("it runs as before", lambda seen: seen.last.out == "1000\n"),
        host(_no_setuid),
        that("its directory is closed to others", lambda seen: seen.last is True),
        bash("rm /tmp/evil"),
    ),
    case(
        "capabilities",
        "No capability can be had, file capabilities and ambient ones included",
        python(r"""
import struct
header = struct.pack("Ii", 0x20080522, 0)
everything = struct.pack("6I", *[0xFFFFFFFF] * 6)
capset = {"x86_64": 126, "aarch64": 91}[os.uname().machine]
open("/tmp/program", "w").close()
caps = struct.pack("5I", 0x02000001, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0)
{"capset": tried(call, capset, header, everything),
 "ambient": tried(lambda: _libc.prctl(47, 2, 21, 0, 0) and (_ for _ in ()).throw(OSError(1, ""))),
 "file": tried(os.setxattr, "/tmp/program", "security.capability", caps)}
"""),
        refused("EPERM", "EROFS"),
        bash("rm /tmp/program"),
    ),
    case(
        "control-groups",
        "Control groups cannot be mounted, written or left",
        bash(
            "mkdir /tmp/cg && mount -t cgroup2 none /tmp/cg; mount -t cgroup -o pids none /tmp/cg;"
            " ls /tmp/cg; rmdir /tmp/cg; ls /sys/fs/cgroup | wc -l"
        ),
        that("there is none", lambda seen: seen.last.out == "0\n"),
    ),
    case(
        "loader",
        "Variables of the loader and of Python give no rights to programs of the system",
        bash(
            "LD_PRELOAD=/tmp/x.so LD_LIBRARY_PATH=/tmp PYTHONPATH=/tmp GCONV_PATH=/tmp id -u 2>/dev/null;"
            " /lib64/ld-linux-x86-64.so.2 /usr/bin/id -u 2>/dev/null || id -u"
        ),
        that("they run as before", lambda seen: seen.last.out == "1000\n1000\n"),
    ),
    case(
        "core-files",
        "A crash writes no core file, into the project or anywhere, and starts no handler of cores",
        python("import resource; resource.getrlimit(resource.RLIMIT_CORE)"),
        gives("(1, 1)"),
        python("_ctypes.string_at(0)"),
        that("the crash is told", lambda seen: "SIGSEGV" in seen.last.reason),
        bash("sh -c 'kill -SEGV $$'; ls core* <<project>>/core* /tmp/core* 2>/dev/null | wc -l"),
        that("there is no core file", lambda seen: seen.last.out == "0\n"),
    ),
    case(
        "clock-and-name",
        "The machine's clock and name cannot be set",
        python(r"""
import struct, time
now = struct.pack("2q", 1, 1)
{"clock_settime": tried(time.clock_settime, time.CLOCK_REALTIME, 1.0),
 "settimeofday": tried(call, "settimeofday", now, None),
 "adjtimex": tried(call, "adjtimex", _ctypes.create_string_buffer(struct.pack("I", 1), 512)),
 "sethostname": tried(call, "sethostname", b"taken", 5),
 "setdomainname": tried(call, "setdomainname", b"taken", 5)}
"""),
        refused("EPERM"),
    ),
)
