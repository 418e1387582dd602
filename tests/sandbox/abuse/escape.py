"""Writing where no block may, and getting out of what holds blocks."""

from __future__ import annotations

from tests.sandbox.abuse.case import bash, case, gives, host, prints, python, refused, that

TITLE = "Escape"

WRITE = ("EROFS", "EACCES", "EPERM", "ENOENT", "EBUSY")


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
)
