"""Planting something, or leaving a way out, where blocks write the project for real."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

from tests.sandbox.abuse.case import Check, Step, bash, case, ends, host, python, refused, that
from tests.sandbox.abuse.persistence import OBEYED
from tests.sandbox.abuse.stage import Stage

TITLE = "A project that blocks write for real"

WRITE_ALL = f"""
for name in {OBEYED!r}:
    tried(os.makedirs, os.path.dirname(name) or ".", exist_ok=True)
    tried(lambda: open(name, "a").write("# evil\\n"))
open("fine", "w").write("fine\\n")
"""


def _undo(stage: Stage) -> Any:
    return stage.session.wait(stage.session.executor.written.undo())


def _undo_one(stage: Stage) -> Any:
    return stage.session.wait(stage.session.executor.written.undo(1))


def _planted(stage: Stage) -> list[str]:
    """Return what is in the project and holds the word that all evil here holds."""
    return [
        str(path.relative_to(stage.world.project))
        for path in stage.world.project.rglob("*")
        if path.is_file() and not path.is_symlink() and b"evil" in path.read_bytes()
    ]


def _repositories(stage: Stage) -> list[str]:
    """Return the directories that Git would take for repositories of their own."""
    found = []
    for path in stage.world.project.rglob("*"):
        if path.is_dir() and ".git" not in path.parts:
            command = ["git", "-c", "safe.directory=*", "-C", path, "rev-parse", "--git-dir"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.stdout.strip() == ".":
                found.append(path.name)
    return found


def _found(stage: Stage) -> list[Path]:
    """Return what is in the directories that the block nested."""
    top = stage.world.project / "d"
    return [Path(at, name) for at, inner, names in os.walk(top) for name in (*inner, *names)]


def _text(*path: str) -> Step:
    def read(stage: Stage) -> str:
        file = stage.world.project.joinpath(*path)
        return file.read_text() if file.is_file() and not file.is_symlink() else ""

    return host(read)


def saw(words: str, value: Any) -> Check:
    return that(words, lambda seen: seen.last == value)


SHOWN = that("the change is shown", lambda seen: "M file.txt" in seen.last.text("diff"))
NOTHING = (host(_planted), saw("nothing is planted", []))
REAL = {"policy": "write", "alone": True}

CASES = (
    case(
        "written",
        "What a block writes is real, and nothing beside it",
        bash("echo more >> file.txt; echo x > ../outside/canary; echo x > <<home>>/.bashrc; ls .."),
        _text("file.txt"),
        saw("the project has it", "unchanged\nmore\n"),
        changes=("file.txt",),
        **REAL,
    ),
    case(
        "start-up-files",
        "Hooks, start-up files and editors' tasks that a block writes are taken away",
        python(WRITE_ALL),
        ends("ok"),
        *NOTHING,
        _text("fine"),
        saw("other files stay", "fine\n"),
        changes=("fine",),
        **REAL,
    ),
    case(
        "spellings",
        "So are they in any spelling, at any depth and as any kind of file",
        bash(
            "mkdir -p .GIT/hooks a/b/.git/hooks .VSCode; echo evil > .GIT/hooks/x; echo evil > a/b/.git/hooks/x;"
            " echo evil > .VSCode/tasks.json; echo 'gitdir: evil' > a/.git; echo evil > SiteCustomize.py;"
            " echo evil > X.PTH; mkdir a/.envrc; echo evil > a/.envrc/x; mkfifo .profile; ln -s /tmp .zshrc"
        ),
        *NOTHING,
        host(
            lambda stage: sorted(
                p.name for p in stage.world.project.iterdir() if p.name.startswith(".")
            )
        ),
        saw("no such name is left", [".env", ".git"]),
        changes=("a",),
        **REAL,
    ),
    case(
        "git",
        "The Git directory cannot be written, moved, replaced or configured",
        python("""
import subprocess
def run(*command):
    done = subprocess.run(command, capture_output=True)
    if done.returncode: raise OSError(1, "")
{"hook": tried(open, ".git/hooks/pre-commit", "w"), "link": tried(os.symlink, "/tmp", ".git/hooks/evil"),
 "move": tried(os.rename, ".git", "x"), "move hooks": tried(os.rename, ".git/hooks", "h"),
 "config": tried(run, "git", "config", "core.hooksPath", "/tmp/evil"), "remove": tried(os.rmdir, ".git"),
 "mode": tried(os.chmod, ".git/hooks", 0o777), "info": tried(open, ".git/info/exclude", "a"),
 "head": tried(open, ".git/HEAD", "w"), "times": tried(os.utime, ".git", (1, 1))}
"""),
        refused("EROFS", "EBUSY", "EPERM", "EACCES", "EXDEV"),
        **REAL,
    ),
    case(
        "renamed-parent",
        "A directory that is renamed does not bring in what is protected under another name",
        bash(
            "mkdir -p harmless/hooks; echo evil > harmless/hooks/pre-commit; mkdir nest; mv harmless nest/.git;"
            " mkdir t; echo evil > t/tasks.json; mv t .vscode; mv sub moved; mkdir -p sub/.idea; echo evil > sub/.idea/x"
        ),
        *NOTHING,
        changes=("nest", "sub", "moved"),
        **REAL,
    ),
    case(
        "closed-directories",
        "Nothing is planted in a directory that is closed as the block ends",
        bash(
            "mkdir -p shut/in; echo evil > shut/in/.envrc; echo evil > shut/.bashrc; chmod 0 shut/in; chmod 0 shut"
        ),
        host(lambda stage: (stage.world.project / "shut").chmod(0o700)),
        host(lambda stage: (stage.world.project / "shut" / "in").chmod(0o700)),
        *NOTHING,
        changes=("shut",),
        **REAL,
    ),
    case(
        "closed-project",
        "Nor in the project itself where that is closed",
        bash("echo evil > .bashrc; mkdir .idea; echo evil > .idea/x; chmod 500 <<project>>"),
        host(lambda stage: stage.world.project.chmod(0o755)),
        *NOTHING,
        bash("mkdir -p .vscode; echo evil > .vscode/x; chmod 0 <<project>>"),
        host(lambda stage: stage.world.project.chmod(0o755)),
        *NOTHING,
        changes=("nothing",),
        **REAL,
    ),
    case(
        "left-running",
        "What Python left running plants nothing between blocks, nor after the last one",
        python("""
import subprocess
planter = subprocess.Popen(["bash", "-c", "while :; do mkdir -p .vscode late; echo evil > .vscode/tasks.json;"
    " echo evil > .bashrc; echo evil > late/.envrc; mv late later; mv later late; rm -rf .vscode; done"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
"""),
        *NOTHING,
        bash("sleep 0.1"),
        *NOTHING,
        python("1"),
        *NOTHING,
        changes=("late", "later"),
        **REAL,
    ),
    case(
        "repositories",
        "No directory becomes a Git repository by what a block puts into it, bit by bit or at once",
        bash(
            "mkdir -p a/objects a/refs/heads b c; echo 'ref: refs/heads/x' > a/HEAD; git init -q --bare d"
        ),
        bash("echo ref: refs/heads/x > b/HEAD; echo ../a > c/commondir; mkdir b/refs"),
        bash("mkdir b/objects; ln -s refs/heads/x c/HEAD; mv a/objects a/x; mv a/x a/objects"),
        host(_repositories),
        saw("Git sees none but the project's", []),
        changes=("a", "b", "c", "d"),
        **REAL,
    ),
    case(
        "links-out",
        "Nothing outside is read, written or removed through links, nor when their block is undone",
        bash(
            "rm -r sub; ln -s ../outside/tree sub; ln -s ../outside/canary c; echo evil > c; echo evil > sub/inner;"
            " rm -f sub/inner; cat c sub/inner; mkdir d; mv out d/out; ln -s <<home>> h; rm -rf h/"
        ),
        host(_undo),
        that("the block is undone", lambda seen: not seen.last[1].refused),
        _text("sub", "inner"),
        saw("what it removed is back", "inner\n"),
        changes=("sub", "c", "d", "out", "h"),
        **REAL,
    ),
    case(
        "undo-everything",
        "A person takes back whatever a block did",
        bash(
            "rm -rf file.txt script.sh sub; echo evil > file.txt; mkdir script.sh; ln -s x sub; echo evil > new;"
            " chmod 500 ."
        ),
        host(_undo),
        *NOTHING,
        _text("file.txt"),
        saw("a file is as it was", "unchanged\n"),
        changes=("file.txt", "script.sh", "sub", "new"),
        **REAL,
    ),
    case(
        "nested-deep",
        "Nothing is planted so deep that nobody looks",
        python("""
for n in range(300): os.mkdir("d"); os.chdir("d")
os.mkdir(".vscode"); open(".vscode/x", "w").write("evil"); open(".bashrc", "w").write("evil")
os.chdir("<<project>>")
"""),
        host(lambda stage: [path.name for path in _found(stage) if path.name.startswith(".")]),
        saw("none of it is left", []),
        host(_undo),
        changes=("d",),
        **REAL,
    ),
    case(
        "leases",
        "Nobody who opens a file has to wait for a block to let go of it",
        python("""
import fcntl
fd, write = os.open("file.txt", os.O_RDONLY), os.open("script.sh", os.O_RDWR)
{f"{fd} {kind}": tried(fcntl.fcntl, fd, 1024, kind) for fd in (fd, write) for kind in (0, 1)}
"""),
        refused("EPERM"),
        **REAL,
    ),
    case(
        "other-names",
        "What is written under a second name of a file is shown and undone with the first",
        bash("ln file.txt sub/x; echo evil >> sub/x; rm sub/x; touch new"),
        SHOWN,
        host(_undo),
        *NOTHING,
        changes=("file.txt", "sub", "new"),
        **REAL,
    ),
    case(
        "held-open",
        "What is written through mappings and open files of an earlier block is shown and undone",
        python("""
import mmap, socket
file = open("file.txt", "r+b"); mapped = mmap.mmap(file.fileno(), 0); file.close()
"""),
        python("mapped[:4] = b'evil'"),
        SHOWN,
        host(_undo_one),
        *NOTHING,
        python("""
os.link("file.txt", "sub/x"); file = open("sub/x", "r+b", buffering=0); os.unlink("sub/x")
"""),
        python("other = mmap.mmap(file.fileno(), 0); other[:4] = b'evil'; other.close()"),
        SHOWN,
        host(_undo_one),
        *NOTHING,
        python("""
file = open("file.txt", "r+b"); ours, theirs = socket.socketpair()
def away(): socket.send_fds(ours, [b"x"], [file.fileno()]); file.close()
away()
"""),
        python("""
_, (fd,), _, _ = socket.recv_fds(theirs, 9, 9); file = os.fdopen(fd, "r+b")
other = mmap.mmap(fd, 0); other[:4] = b"evil"; other.close(); away()
"""),
        SHOWN,
        host(_undo_one),
        *NOTHING,
        changes=("file.txt", "sub"),
        **REAL,
    ),
    case(
        "secrets",
        "Files that hold secrets can neither be read nor replaced nor moved away",
        bash(
            "cat .env server.pem; mv .env x; cat x; echo evil > .env; rm -f .env; ln -sf file.txt .env;"
            " cp file.txt .env; chmod 644 .env; cat .env; mv . ../other; ls ../other"
        ),
        that("nothing is printed", lambda seen: seen.last.out == ""),
        changes=("nothing",),
        **REAL,
    ),
    case(
        "set-user-id",
        "A program that a block leaves has no rights of its owner's",
        bash("cp /bin/true program; chmod 6777 program; mkdir s; chmod 2777 s; cp -p program s/"),
        host(
            lambda stage: [
                p.name
                for p in (stage.world.project / "program", stage.world.project / "s" / "program")
                if p.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)
            ]
        ),
        saw("they have none", []),
        changes=("program", "s"),
        **REAL,
    ),
    case(
        "flood",
        "What a block writes into the project is limited",
        bash("for n in $(seq 40); do head -c 7M /dev/zero > f$n; done; sleep 20"),
        ends("limit"),
        host(lambda stage: [path.unlink() for path in stage.world.project.glob("f[0-9]*")]),
        changes=tuple(f"f{n}" for n in range(1, 41)),
        **REAL,
    ),
    case(
        "killed",
        "Nothing is planted by a block that is ended, or that ends its sandbox",
        bash(
            "while :; do echo evil > .bashrc; mkdir -p .idea; echo evil > .idea/x; done",
            timeout=0.3,
        ),
        ends("timeout"),
        *NOTHING,
        python(
            "open('.bashrc', 'w').write('evil'); os.kill(os.getppid(), 9); import time; time.sleep(1)"
        ),
        *NOTHING,
        changes=("nothing",),
        **REAL,
    ),
)
