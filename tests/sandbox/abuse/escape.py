"""Writing where no block may, and getting out of what holds blocks."""

from __future__ import annotations

from tests.sandbox.abuse.case import bash, case, gives, host, prints, python, refused, that
from tests.sandbox.abuse.stage import Stage

TITLE = "Escape"

WRITE = ("EROFS", "EACCES", "EPERM", "ENOENT", "EBUSY")


def _no_setuid(stage: Stage) -> bool:
    """Whether a program in the scratch gives nobody its owner's rights: nobody else reaches it."""
    private = stage.session.scratch.parent
    return private.stat().st_mode & 0o077 == 0


CASES = (
    case(
        "write-anywhere",
        "No file can be made anywhere but in the project's copy, /tmp and the sandbox's home",
        python("""
places = ["/", "/usr", "/usr/bin", "/usr/local", "/etc", "/home", "/root", "/var/tmp", "/var",
    "/run", "/run/llmrepl", "/run/llmrepl/_llmrepl_inside", "/dev", "/dev/pts", "/proc", "/sys",
    "/opt", "/srv", "/mnt", "/boot", "/lib", "<<home>>", "<<outside>>", "<<outside>>/tree",
    os.path.dirname("<<project>>")]
{place: tried(open, place + "/<<marker>>", "w") for place in places}
"""),
        refused(*WRITE),
    ),
    case(
        "write-outside",
        "Neither the person's files outside the project nor those everybody may write change",
        python("""
found = {}
for path in ("<<outside>>/canary", "<<home>>/.bashrc", "<<home>>/.ssh/id_ed25519"):
    found |= {f"{path} {n}": tried(*attempt) for n, attempt in enumerate((
        (open, path, "a"), (open, path, "r+"), (os.unlink, path), (os.rename, path, "/tmp/taken"),
        (os.truncate, path, 0), (os.link, path, "/tmp/linked")))}
found
"""),
        refused(*WRITE),
    ),
    case(
        "write-in-the-common-directory",
        "What blocks write to /tmp lands in a directory of their own, under the same name too",
        bash("ls /tmp | grep -c canary; echo x > <<common>>; chmod 0 <<common>>; rm -f <<common>>"),
        prints("0\n"),
    ),
    case(
        "change-attributes",
        "Modes, owners, times and attributes of files outside stay as they are",
        python("""
found = {}
for path in ("<<outside>>/canary", "<<common>>", "/usr/bin/env", "/etc/hosts", "/usr"):
    found |= {f"{path} {n}": tried(*attempt) for n, attempt in enumerate((
        (os.chmod, path, 0o777), (os.chown, path, 1000, 1000), (os.utime, path, (1, 1)),
        (os.setxattr, path, "user.canary", b"taken"), (os.removexattr, path, "user.canary")))}
found
"""),
        refused(*WRITE, "EINVAL", "ENODATA", "ENOTSUP"),
    ),
    case(
        "change-devices",
        "The machine's devices keep their mode and owner, which root could change",
        python("""
found = {f"chmod {n}": tried(os.chmod, f"/dev/{n}", 0) for n in ("null", "zero", "urandom", "tty")}
found | {"chown": tried(os.chown, "/dev/null", 1000, 1000), "unlink": tried(os.unlink, "/dev/null")}
"""),
        refused("EPERM", "EROFS", "EBUSY", "EACCES"),
    ),
    case(
        "change-the-mode-of-the-project",
        "The project's directory keeps its mode, whatever is done to the copy's",
        bash(
            "chmod 0 . ; chmod 700 <<project>>; chmod 4777 script.sh; touch -d 2001-01-01 . file.txt;"
            " git checkout -q file.txt; chmod 755 . script.sh"
        ),
    ),
    case(
        "symlink",
        "A link in /tmp or in the copy to a file outside leads nowhere",
        bash(
            "ln -s <<outside>>/canary /tmp/soft; ln -s <<outside>>/canary soft; echo x > /tmp/soft;"
            " echo x >> soft; cp --remove-destination file.txt /tmp/soft/; ls <<outside>>;"
            " rm -f soft /tmp/soft"
        ),
        that("the directory is not there", lambda seen: seen.last.out == ""),
    ),
    case(
        "hard-link",
        "A file of the project or the system gets no second name where it could be written",
        python(
            "{path: tried(os.link, path, '/tmp/hard') for path in"
            " ('<<project>>/file.txt', '/usr/bin/env', '/etc/passwd', '/etc/hosts')}"
        ),
        refused("EXDEV", "EPERM", "EROFS"),
    ),
    case(
        "dots",
        "The way up from the project, from the root and past links shows nothing",
        python("""
found = {}
for way in ("..", "../outside/canary", "../../../..<<outside>>/canary", "/../..<<outside>>/canary",
        "/proc/self/root/..<<outside>>/canary", "/proc/self/cwd/../outside/canary",
        "/proc/1/root<<outside>>/canary", "/proc/1/cwd/../outside/canary",
        "/proc/thread-self/root<<outside>>/canary"):
    found[way] = tried(os.listdir, way) if way == ".." else tried(open, way, "r+")
found.pop("..")
found
"""),
        refused("ENOENT", "EACCES", "EROFS"),
    ),
    case(
        "root-of-others",
        "Through /proc no root or directory of another process opens that shows more",
        python("""
found = {}
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("root", "cwd"):
        path = f"/proc/{pid}/{name}<<outside>>/canary"
        found[path] = tried(open, path)
found
"""),
        refused("ENOENT", "EACCES", "ENOTDIR"),
    ),
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
        "devices-of-the-machine",
        "No device of the machine's is there but the harmless ones",
        python("""
names = ("mem", "kmem", "port", "kmsg", "sda", "vda", "nvme0n1", "loop0", "loop-control", "kvm",
    "fuse", "net/tun", "mapper/control", "vhost-vsock", "vsock", "uinput", "input/event0", "snd/seq",
    "dri/card0", "btrfs-control", "autofs", "userfaultfd", "watchdog", "rtc0", "hpet", "tty0", "ppp")
{name: tried(os.open, f"/dev/{name}", os.O_RDWR) for name in names}
"""),
        refused("ENOENT", "EACCES"),
        python(
            "sorted(set(os.listdir('/dev')) - {'null', 'zero', 'full', 'random', 'urandom', 'tty', 'pts',"
            " 'shm', 'fd', 'stdin', 'stdout', 'stderr', 'core', 'ptmx', 'console'})"
        ),
        gives("[]"),
    ),
    case(
        "settings-of-the-machine",
        "The machine's settings in /proc and /sys cannot be written, by root either",
        python("""
names = ("sys/kernel/core_pattern", "sys/kernel/modprobe", "sys/kernel/hostname", "sysrq-trigger",
    "sys/vm/drop_caches", "sys/vm/overcommit_memory", "sys/kernel/panic", "sys/fs/binfmt_misc/register",
    "sys/net/ipv4/ip_forward", "sys/kernel/yama/ptrace_scope", "sys/user/max_user_namespaces",
    "sys/kernel/ns_last_pid", "irq/default_smp_affinity", "1/oom_score_adj", "1/oom_adj", "1/uid_map",
    "1/comm", "1/coredump_filter", "1/timerslack_ns", "self/uid_map", "self/gid_map", "self/setgroups",
    "self/projid_map", "mtrr", "bus/pci", "acpi/wakeup", "fs/xfs", "scsi/scsi")
found = {name: tried(open, f"/proc/{name}", "w") for name in names}
found |= {name: tried(open, name, "w") for name in ("/sys/power/state", "/sys/kernel/uevent_helper",
    "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/release_agent", "/sys/kernel/debug/x")}
found
"""),
        refused("EROFS", "EACCES", "EPERM", "ENOENT", "EISDIR", "ENOTDIR"),
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
        "write-through-memory",
        "A file that is shown read-only does not change through memory or another descriptor",
        python("""
import mmap
def mapped(path):
    with open(path, "rb") as file:
        mmap.mmap(file.fileno(), 0, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
def reopened(path):
    fd = os.open(path, os.O_PATH)
    try: os.close(os.open(f"/proc/self/fd/{fd}", os.O_RDWR))
    finally: os.close(fd)
found = {}
for path in ("/usr/bin/env", "/etc/hosts", "/run/llmrepl/_llmrepl_inside/agent.py"):
    found |= {f"mapped {path}": tried(mapped, path), f"opened again {path}": tried(reopened, path)}
found
"""),
        refused("EACCES", "EROFS"),
    ),
    case(
        "write-own-memory",
        "A process' own memory, with files that are mapped in it, cannot be written through /proc",
        python(
            "{name: tried(open, f'/proc/{name}/mem', 'r+b') for name in ('self', 'thread-self')}"
        ),
        refused("EROFS", "EACCES"),
    ),
    case(
        "mount-points",
        "What is mounted cannot be moved away, to put something else in its place",
        python("""
{path: tried(os.rename, path, path + ".away") for path in
    ("<<project>>", "/tmp", "/home/sandbox", "/usr", "/proc", "/dev/shm", "/run/llmrepl")}
"""),
        refused("EBUSY", "EROFS", "EPERM", "EACCES", "EXDEV"),
    ),
    case(
        "stubs",
        "Nothing that was hidden or protected leaves a stub in the project",
        bash("ls -A"),
        host(lambda stage: sorted(p.name for p in stage.world.project.iterdir())),
        that(
            "the project has the names it had",
            lambda seen: (
                seen.last
                == [
                    ".env",
                    ".git",
                    "dgram.sock",
                    "file.txt",
                    "out",
                    "script.sh",
                    "server.pem",
                    "stream.sock",
                    "sub",
                ]
            ),
        ),
        alone=True,
        policy="read-only",
    ),
    case(
        "project-read-only",
        "A project that is read-only stays as it is, whatever is tried",
        python("""
path = "<<project>>/file.txt"
found = {str(n): tried(*attempt) for n, attempt in enumerate((
    (open, path, "a"), (open, path, "r+"), (os.unlink, path), (os.rename, path, path + "2"),
    (os.truncate, path, 0), (os.link, path, path + "2"), (os.chmod, path, 0o777),
    (os.utime, path, (1, 1)), (os.setxattr, path, "user.x", b"1"), (os.mkdir, "<<project>>/new"),
    (os.symlink, "x", "<<project>>/new"), (os.mkfifo, "<<project>>/new"),
    (os.rename, "<<project>>/.git", "<<project>>/git"), (os.chown, path, 1000, 1000),
    (open, "<<project>>/.git/config", "a"), (open, "<<project>>/.git/hooks/pre-commit", "w")))}
found
"""),
        refused("EROFS", "EBUSY", "EPERM"),
        policy="read-only",
    ),
    case(
        "project-copy",
        "A project that blocks write as a copy stays as it is, whatever is done to the copy",
        bash("""
rm -rf sub .git/hooks; mv file.txt moved; echo x > file.txt; ln -s /etc link; chmod -R 700 .
dd if=/dev/urandom of=script.sh bs=1k count=9 2>/dev/null; mkdir -p sub/inner; mkfifo pipe
find . -type f -exec sh -c 'echo >> "$1"' _ {} \\; 2>/dev/null; mv .git git; ls -A | wc -l"""),
        that("blocks see what they did", lambda seen: int(seen.last.out) > 5),
        alone=True,
    ),
    case(
        "shared-directory-programs",
        "A program in /dev/shm, in /tmp or in memory runs under the same rules",
        python("""
import shutil, subprocess
found = {}
fd = os.memfd_create("program"); os.write(fd, open("/usr/bin/unshare", "rb").read())
places = [f"/proc/self/fd/{fd}"]
for place in ("/dev/shm/unshare", "/tmp/unshare", "/home/sandbox/unshare"):
    shutil.copy("/usr/bin/unshare", place); places.append(place)
for place in places:
    ended = subprocess.run([place, "-Ur", "touch", "/var/tmp/<<marker>>"], capture_output=True,
        pass_fds=(fd,)).returncode
    found[place] = "EPERM" if ended else "done"
for place in places[1:]: os.unlink(place)
found
"""),
        refused("EPERM"),
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
