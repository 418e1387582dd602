"""Filling the disk, and names and trees that are made to harm whoever looks at them."""

from __future__ import annotations

import os
import signal

from tests.sandbox.abuse.case import (
    Check,
    Seen,
    bash,
    case,
    ends,
    gives,
    host,
    prints,
    python,
    refused,
    that,
)

TITLE = "Disk"

FULL = ends("limit", "/tmp")
CLEAR = bash("chmod -R u+rwx /tmp/* 2>/dev/null; rm -rf /tmp/* /tmp/.[!.]*")


def _below(megabytes: int) -> Check:
    def holds(seen: Seen) -> bool:
        scratch = seen.stage.session.scratch
        return sum(p.stat().st_blocks * 512 for p in scratch.glob("*")) < megabytes << 20

    return that(f"at most {megabytes} MiB are on the host's disk", holds)


CASES = (
    case(
        "large-file",
        "A file cannot grow past its limit",
        bash("head -c 1G /dev/zero > /tmp/large"),
        that("the block ends badly", lambda seen: seen.last.status in ("limit", "error")),
        _below(9),
        CLEAR,
    ),
    case(
        "allocated-file",
        "Nor can space for it be set aside",
        python("""
fd = os.open("/tmp/large", os.O_CREAT | os.O_RDWR)
{"fallocate": tried(os.posix_fallocate, fd, 0, 100 << 30), "truncate": tried(os.ftruncate, fd, 1 << 40)}
"""),
        refused("EFBIG"),
        CLEAR,
    ),
    case(
        "many-files",
        "Many files that are each below the limit are ended at the limit of /tmp",
        bash("for n in $(seq 40); do head -c 7M /dev/zero > /tmp/f$n; done; sleep 20"),
        FULL,
        CLEAR,
    ),
    case(
        "empty-files",
        "Empty files without number in /tmp are ended at a limit",
        python("for n in range(1_000_000): open(f'/tmp/e{n}', 'x').close()"),
        ends("limit", "2000 files in /tmp"),
        CLEAR,
    ),
    case(
        "empty-files-in-home",
        "Empty files without number in the home directory are ended at a limit",
        python("for n in range(1_000_000): open(f'/home/sandbox/e{n}', 'x').close()"),
        ends("limit", "home directory"),
        bash("find /home/sandbox -name 'e*' -delete"),
    ),
    case(
        "empty-files-in-shm",
        "So are those in /dev/shm",
        python("for n in range(1_000_000): open(f'/dev/shm/e{n}', 'x').close()"),
        that("the block ends with `limit`", lambda seen: seen.last.status == "limit"),
        bash("find /dev/shm -name 'e*' -delete"),
    ),
    case(
        "files-in-the-copy",
        "A copy of the project that grows too large is ended at a limit",
        bash("for n in $(seq 40); do head -c 7M /dev/zero > f$n; done; sleep 20"),
        ends("limit", "the copy of the project"),
        bash("rm -f f*; git checkout -q file.txt"),
    ),
    case(
        "names-in-the-copy",
        "Empty files without number in the copy of the project are ended at a limit",
        python("os.makedirs('many')\nfor n in range(1_000_000): open(f'many/{n}', 'x').close()"),
        ends("limit", "the copy of the project"),
        bash("rm -rf many"),
    ),
    case(
        "closed-directory",
        "What lies in a directory that the host may not read is counted all the same",
        bash(
            "mkdir /tmp/closed; chmod 300 /tmp/closed; for n in $(seq 40);"
            " do head -c 7M /dev/zero > /tmp/closed/f$n; done; sleep 20"
        ),
        ends("limit", "32 MiB"),
        CLEAR,
    ),
    case(
        "closed-scratch",
        "Closing /tmp itself hides nothing, and later blocks can open it again",
        bash(
            "chmod 300 /tmp; for n in $(seq 40); do head -c 7M /dev/zero > /tmp/f$n; done; sleep 20"
        ),
        ends("limit", "32 MiB"),
        bash("chmod 0 /tmp; kill -9 -1"),
        bash("chmod 700 /tmp; rm -rf /tmp/*; echo open"),
        prints("open\n"),
    ),
    case(
        "moving-directory",
        "What lies in a directory that is moved all the time is counted all the same",
        bash(
            "mkdir -p /tmp/a/in /tmp/b; (while :; do mv /tmp/a/in /tmp/b; mv /tmp/b/in /tmp/a; done)"
            " 2>/dev/null & cd /tmp/a/in; for n in $(seq 40); do head -c 7M /dev/zero > f$n; done; sleep 20"
        ),
        ends("limit", "32 MiB"),
        CLEAR,
    ),
    case(
        "removed-file",
        "A file that is removed and kept open is counted",
        python("""
import time
held = []
for number in range(12):
    held.append(open(f"/tmp/r{number}", "wb", buffering=0)); os.unlink(f"/tmp/r{number}")
    held[-1].write(os.urandom(4096) * 1792)
time.sleep(20)
"""),
        ends("limit", "32 MiB"),
        python("held = None"),
    ),
    case(
        "hard-links",
        "Links to one file are not without number",
        python(
            "open('/tmp/one', 'w').close()\nfor n in range(1_000_000): os.link('/tmp/one', f'/tmp/l{n}')"
        ),
        that(
            "the block ends with `limit` or `Too many links`",
            lambda seen: seen.last.status == "limit" or "Too many links" in seen.last.reason,
        ),
        CLEAR,
    ),
    case(
        "deep-directories",
        "Directories without end, which nobody can walk, end in a limit and can be removed",
        python(
            "os.chdir('/tmp')\nfor n in range(2200):\n    os.mkdir('d'); os.chdir('d')\nimport time; time.sleep(20)"
        ),
        FULL,
        python("os.chdir('/tmp')"),
        CLEAR,
    ),
    case(
        "closed-project",
        "Closing the project's copy leaves a session that goes on and starts again",
        bash("chmod 0 ."),
        bash("pwd; kill -9 -1"),
        python("import signal; os.kill(os.getppid(), signal.SIGKILL)"),
        host(lambda stage: os.kill(stage.session.agent, signal.SIGKILL)),
        bash("true"),
        bash("cd <<project>>; ls file.txt; chmod 755 ."),
        prints("file.txt\n"),
        alone=True,
    ),
    case(
        "closed-directories",
        "Directories that nobody may enter are removed when the session ends",
        python(
            "for n in range(50):\n    os.makedirs(f'/tmp/c{n}/in/in'); os.chmod(f'/tmp/c{n}/in/in', 0)\n"
            "    os.chmod(f'/tmp/c{n}/in', 0); os.chmod(f'/tmp/c{n}', 0)"
        ),
        ends("ok"),
        alone=True,
    ),
    case(
        "link-loops",
        "Links in circles and links to anywhere lead the host nowhere",
        bash(
            "mkdir -p /tmp/artifacts; cd /tmp/artifacts; ln -s loop loop; ln -s / root;"
            " ln -s <<outside>>/canary stolen; ln -s /proc/self/mem mem; ln -s .. up; mkfifo pipe"
        ),
        that("none is handed to the person", lambda seen: seen.last.finished.artifacts == ()),
        CLEAR,
    ),
    case(
        "artifact-flood",
        "Of files without number left for the person, few are named",
        bash("mkdir -p /tmp/artifacts; cd /tmp/artifacts; touch $(seq 1500)"),
        that("at most 64 are named", lambda seen: len(seen.last.finished.artifacts) <= 64),
        CLEAR,
    ),
    case(
        "artifact-names",
        "Names with line ends, escape sequences or half characters are not handed on",
        bash(
            "mkdir -p /tmp/artifacts; cd /tmp/artifacts; touch $'a\\nb' $'\\e[2J' $'\\xff' $'\\u202e' ok"
        ),
        that("the harmless one is", lambda seen: len(seen.last.finished.artifacts) == 1),
        CLEAR,
    ),
    case(
        "names-in-a-diff",
        "Such names are written as text where a result says what changed in the project",
        bash(
            "touch $'new\\nD file.txt' $'\\e[2Jx' $'\\xffy' $'r\\u202ez'; echo $'\\e]0;t\\a\\e[2J' > content"
        ),
        that(
            "the diff has a line for each",
            lambda seen: (
                len([line for line in seen.last.text("diff").splitlines() if line.startswith("A ")])
                == 5
            ),
        ),
        bash("git clean -fdq"),
    ),
    case(
        "large-diff",
        "A change of any size makes a short diff, soon",
        python(
            "open('big', 'w').write('\\n'.join(map(str, range(400_000)))); "
            "open('wide', 'w').write('x' * 5_000_000)"
        ),
        that(
            "it has less than 20,000 characters", lambda seen: len(seen.last.text("diff")) < 20_000
        ),
        bash("rm -f big wide"),
    ),
    case(
        "sync-storm",
        "A block that writes to the disk and waits for it all the time ends when its time is over",
        python(
            """
fd = os.open("/tmp/s", os.O_CREAT | os.O_RDWR)
while True:
    os.pwrite(fd, b"x" * 4096, 0); os.fsync(fd)
""",
            timeout=0.3,
        ),
        ends("timeout"),
        bash("while :; do sync -f /tmp/s; done", timeout=0.3),
        ends("timeout"),
        CLEAR,
    ),
    case(
        "open-files",
        "A process can have a limited number of files open",
        python("{'open': tried(lambda: [open('/dev/null') for _ in range(2000)])}"),
        refused("EMFILE"),
    ),
    case(
        "devices",
        "No device can be made, nor opened where one of the machine's is expected",
        python("""
import stat
made = {f"mknod {kind}": tried(os.mknod, f"/tmp/{kind}", stat.S_IFBLK | 0o666, os.makedev(*kind))
    for kind in ((8, 0), (7, 0), (252, 0), (259, 0))}
for place in ("/tmp", "/home/sandbox", "/dev/shm", "."):
    made[place] = tried(os.mknod, place + "/mem", stat.S_IFCHR | 0o666, os.makedev(1, 1))
made
"""),
        refused("EPERM"),
    ),
    case(
        "full-disk-in-the-block",
        "A block that fills what it may can clear it away itself",
        bash("for n in $(seq 40); do head -c 7M /dev/zero > /tmp/f$n; done; sleep 20"),
        FULL,
        bash("rm /tmp/f*; echo cleared"),
        prints("cleared\n"),
    ),
    case(
        "long-names",
        "Names and paths as long as the system allows are no trouble",
        python("""
name = "n" * 255
os.makedirs("/tmp/artifacts/" + "/".join([name] * 12))
open("/tmp/artifacts/f" + name[1:], "w").close()
len(name)
"""),
        gives("255"),
        CLEAR,
    ),
)
