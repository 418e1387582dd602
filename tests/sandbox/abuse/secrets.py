"""Reading what is not a block's business."""

from __future__ import annotations

from tests.sandbox.abuse.case import (
    bash,
    case,
    gives,
    host,
    prints,
    python,
    refused,
    that,
)
from tests.sandbox.abuse.stage import Stage

TITLE = "Secrets"


def _beside(stage: Stage) -> str:
    """Count what a block sees of another session's process and files."""
    with stage._session("copy") as other:
        other.python("import subprocess; left = subprocess.Popen(['sleep', '86404'])")
        other.bash("echo hidden > /tmp/hidden; echo hidden > hidden")
        found = stage.session.bash(
            "ps -ef | grep -c '[s]leep 86404'; ls /tmp/hidden hidden 2>/dev/null | wc -l"
        )
        return " ".join(found.out.split())


CASES = (
    case(
        "environment",
        "No variable of the person's is in the environment of anything in the sandbox",
        python("""
found = set()
for pid in filter(str.isdigit, os.listdir("/proc")):
    try: found |= {v.split(b"=")[0].decode() for v in open(f"/proc/{pid}/environ", "rb").read().split(b"\\0")}
    except OSError: pass
[os.environ.get("API_TOKEN"), "API_TOKEN" in found, "PATH" in found]
"""),
        gives("[None, False, True]"),
        bash("env; cat /proc/[0-9]*/environ; declare -p; set"),
        that("nothing of it is shown", lambda seen: "API_TOKEN" not in seen.last.out),
    ),
    case(
        "environment-of-the-supervisor",
        "The supervisor's memory, environment and descriptors cannot be opened (`--clearenv` would"
        " leave the variables there)",
        python("""
def read(path):
    with open(path, "rb", buffering=0) as file:
        file.read(1)
found = {name: tried(read, f"/proc/1/{name}")
    for name in ("environ", "mem", "maps", "auxv", "stack", "syscall", "pagemap", "smaps")}
for number in range(5):
    found[f"fd {number}"] = tried(os.readlink, f"/proc/1/fd/{number}")
found
"""),
        refused("EACCES", "EPERM", "ENOENT", "EIO"),
    ),
    case(
        "home",
        "The person's home directory, with keys and credentials, is not there",
        python("""
import os.path
{path: tried(os.stat, path) for path in ("<<home>>", "<<home>>/.ssh/id_ed25519",
    "<<home>>/.aws/credentials", "/root/.ssh", "/root/.bash_history", "/home/user", "/root/.netrc")}
"""),
        refused("ENOENT", "EACCES"),
        bash("cat ~/.ssh/id_ed25519 ~root/.bashrc; ls -A ~ | wc -l; echo ~"),
        that(
            "the home directory is another", lambda seen: seen.last.out.endswith("/home/sandbox\n")
        ),
    ),
    case(
        "other-files",
        "Other files of the machine are not there, those that everybody may read included",
        python("""
{path: tried(open, path) for path in ("<<outside>>/canary", "<<common>>", "/etc/shadow", "/etc/gshadow",
    "/etc/sudoers", "/etc/machine-id", "/etc/hostname", "/etc/ssh/sshd_config", "/etc/fstab",
    "/etc/resolv.conf", "/etc/crontab", "/var/log/syslog", "/var/lib/dpkg/status", "/var/spool/cron",
    "/boot/config", "/run/utmp", "/sys/class/net", "/sys/kernel/notes", "/srv", "/opt", "/mnt")}
"""),
        refused("ENOENT", "EACCES"),
    ),
    case(
        "users",
        "The list of users is made up",
        bash("cut -d: -f1 /etc/passwd /etc/group | sort -u; id -un; id -Gn"),
        prints("root\nsandbox\nsandbox\nsandbox\n"),
    ),
    case(
        "machine",
        "The machine's name is not told",
        python("import socket; (os.uname().nodename, socket.gethostname())"),
        gives("('sandbox', 'sandbox')"),
    ),
    case(
        "masked-files",
        "Files of the project that usually hold secrets cannot be read, by any name or way",
        bash("""
cd <<project>>; cat .env server.pem ./.env sub/../.env /proc/self/cwd/.env; cp .env /tmp/env
ln .env /tmp/env; ln -s "$PWD/.env" /tmp/link; cat /tmp/link /tmp/env; mv .env /tmp/moved
mount --bind file.txt .env; umount .env; umount -l .env; rm -f .env; mv .env other; cat other
chmod 644 .env; chown 1000 .env; cat .env; tar cf - .env | tar xfO -; dd if=.env; rm -f /tmp/link
python3 -c "import mmap,os;print(mmap.mmap(os.open('.env',os.O_RDONLY),0)[:])"
git add -f .env server.pem; git diff --cached; git reset -q; exec 3<.env; cat <&3"""),
        that("nothing is printed", lambda seen: "KEY" not in seen.last.out),
    ),
    case(
        "masked-files-moved-with-their-directory",
        "Nor where the directory around them is moved, replaced or linked",
        bash(
            "mv <<project>> <<project>>2; cp -r <<project>> /tmp/copied; cat /tmp/copied/.env;"
            " ln -s <<project>> /tmp/p; cat /tmp/p/.env; rm -rf /tmp/copied /tmp/p"
        ),
        that("nothing is printed", lambda seen: "KEY" not in seen.last.out),
    ),
    case(
        "masked-files-read-only",
        "Nor can they in a project that is read-only",
        bash(
            "cat .env server.pem; cp .env /tmp/; cat /tmp/.env; umount .env; cat .env; rm -f /tmp/.env"
        ),
        prints(""),
        policy="read-only",
    ),
    case(
        "descriptors",
        "No descriptor of the host's is inherited",
        python("""
kinds = {}
for name in os.listdir("/proc/self/fd"):
    try: kinds[int(name)] = os.readlink(f"/proc/self/fd/{name}").partition(":")[0]
    except OSError: pass
sorted(kind for number, kind in kinds.items() if number > 2 and kind not in ("pipe", "socket")
    and not kind.startswith(("/proc", "anon_inode", "/dev/null", "/usr", "/tmp")))
"""),
        gives("[]"),
        bash(
            "for f in /proc/$$/fd/*; do readlink $f; done | grep -v -e ^pipe -e ^/dev/null -e memfd"
        ),
        that("there are none in bash either", lambda seen: seen.last.out == ""),
    ),
    case(
        "command-lines",
        "The command line of the supervisor names no secret, and those of the host are not there",
        bash("cat /proc/*/cmdline | tr '\\0' ' '; echo"),
        that(
            "no process of the host's is listed",
            lambda seen: "pytest" not in seen.last.out and "bwrap" not in seen.last.out,
        ),
    ),
    case(
        "memory",
        "No secret is in the memory of what runs the blocks",
        python("""
import re
found = []
for line in open("/proc/self/maps"):
    area, kinds, *_ = line.split()
    start, end = (int(x, 16) for x in area.split("-"))
    if kinds.startswith("rw") and end - start < 1 << 26:
        with open("/proc/self/mem", "rb", buffering=0) as memory:
            try: memory.seek(start); found += re.findall(rb"hush[a-z]+[0-9a-f]{16}", memory.read(end - start))
            except (OSError, OverflowError, ValueError): pass
len(found)
"""),
        gives("0"),
    ),
    case(
        "keys-of-the-kernel",
        "The kernel's store of keys is closed",
        python(
            "{name: tried(call, name, 0, 0, 0, 0, 0) for name in ('keyctl', 'add_key', 'request_key')}"
        ),
        refused("EPERM"),
        bash("cat /proc/keys /proc/key-users 2>/dev/null | grep -c hush"),
        prints("0\n"),
    ),
    case(
        "kernel-log",
        "The kernel's messages and addresses are closed",
        python(
            "{'syslog': tried(call, 'syslog', 3, _ctypes.create_string_buffer(99), 99),"
            " 'kcore': tried(open, '/proc/kcore'), 'kmsg': tried(open, '/proc/kmsg')}"
        ),
        refused("EPERM", "EACCES", "ENOENT"),
    ),
    case(
        "other-sessions",
        "Of another sandbox of the same user neither files nor processes can be seen",
        host(_beside),
        that("it sees nothing", lambda seen: seen.last == "0 0"),
    ),
    case(
        "mounts",
        "The list of mounts does not say where on the host the sandbox's files lie",
        bash("cat /proc/self/mountinfo /proc/1/mountinfo /proc/self/mounts"),
        that(
            "the copy's directories are not named",
            lambda seen: "upperdir=/proc/self" in seen.last.out or "/upper" not in seen.last.out,
        ),
    ),
)
