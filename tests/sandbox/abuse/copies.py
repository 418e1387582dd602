"""Tricks with the copy of the project, whose changes the host looks at and a person applies."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Any

from tests.sandbox.abuse.case import Seen, bash, case, host, prints, python, refused, that
from tests.sandbox.abuse.stage import Stage

TITLE = "The copy of the project"


def _apply(*paths: str) -> Any:
    return host(
        lambda stage: stage.session.wait(stage.session.executor.written.apply(paths or None))
    )


def _discard(*paths: str) -> Any:
    return host(
        lambda stage: stage.session.wait(stage.session.executor.written.discard(paths or None))
    )


def _apply_often(stage: Stage) -> set[str]:
    """Apply and drop while something that Python left running changes the copy all the time."""
    done: set[str] = set()
    for _ in range(15):
        with contextlib.suppress(OSError):  # what is being written cannot be dropped
            done |= set(stage.session.wait(stage.session.executor.written.apply()).done)
            stage.session.wait(stage.session.executor.written.diff())
            stage.session.wait(stage.session.executor.written.discard())
    return done


def _all_harmless(stage: Stage) -> bool:
    """Whether no file of the project's holds a secret, and no link in it leads out."""
    world = stage.world
    for path in world.project.rglob("*"):
        if path.is_symlink() and path.name != "out":
            if not path.resolve().is_relative_to(world.project):
                return False
        elif path.is_file() and path.parent != world.project:
            text = path.read_bytes().decode(errors="replace")
            if any(secret in text for secret in world.secrets.values()):
                return False
    return True


NOTHING = that("nothing is applied", lambda seen: seen.last.done == ())


def _refused(*paths: str) -> Any:
    named = " and ".join(f"`{path}`" for path in paths)
    return that(
        f"{named} is refused",
        lambda seen: set(paths) <= {path for path, _ in seen.last.refused},
    )


def _shows(path: str) -> Any:
    return that(f"`{path}` is shown", lambda seen: f"{path} +" in seen.last.text("diff"))


def _no_marks(seen: Seen) -> bool:
    """Whether what was applied has no attribute that a block gave it."""
    project = seen.stage.world.project
    return not any(
        name.startswith(("user.overlay", "trusted", "user.evil"))
        for path in (project / "marked", project / "plain")
        if path.exists()
        for name in os.listxattr(path)
    )


CASES = (
    case(
        "whiteouts",
        "Marks of deletion can be made in no way but by deleting",
        python("""
import stat
{"mknod": tried(os.mknod, "<<project>>/gone", stat.S_IFCHR, os.makedev(0, 0)),
 "over": tried(os.mknod, "<<project>>/sub/gone", stat.S_IFCHR, 0)}
"""),
        refused("EPERM"),
    ),
    case(
        "marks-of-the-overlay",
        "The copy's own marks, which could show other directories, cannot be set",
        python("""
os.makedirs("marked", exist_ok=True)
found = {}
for name in ("opaque", "redirect", "origin", "impure", "metacopy", "nlink", "upper", "protattr"):
    for prefix in ("user.overlay.", "trusted.overlay.", "user.overlay.overlay."):
        try: os.setxattr("marked", prefix + name, b"<<outside>>"); found[prefix + name] = "done"
        except OSError as error: found[prefix + name] = _errno.errorcode[error.errno]
        if prefix != "trusted.overlay." and found[prefix + name] == "done": found[prefix + name] = "escaped"
os.listdir("marked") or found
"""),
        that(
            "none shows anything",
            lambda seen: "canary" not in seen.last.value and "done" not in seen.last.value,
        ),
        _apply("marked"),
        that("none is applied with the directory", _no_marks),
        alone=True,
        changes=("marked",),
    ),
    case(
        "links-out",
        "Links that lead out of the project are not applied, whichever way they do",
        bash(
            "ln -s <<outside>>/canary abs; ln -s ../outside/canary rel; ln -s sub/../../outside up;"
            " ln -s out/canary through; mkdir d; ln -s ../../home d/deep; ln -s /proc/self/cwd proc"
        ),
        _apply(),
        _refused("abs", "rel", "up", "through", "d/deep", "proc"),
        alone=True,
        changes=("d",),
    ),
    case(
        "directory-for-a-link",
        "What is written below a directory that is a link in the project does not go through it",
        bash(
            "rm out; mkdir out; echo evil > out/canary; mkdir out/tree; echo evil > out/tree/inner"
        ),
        _apply("out/canary", "out/tree/inner"),
        NOTHING,
        alone=True,
    ),
    case(
        "link-for-a-directory",
        "What is deleted behind a new link is not deleted where the link leads",
        bash("rm -r sub; ln -s ../outside/tree sub; rm -f sub/inner; ls sub"),
        _apply("sub/inner", "sub"),
        that(
            "no link is applied",
            lambda seen: not seen.stage.world.project.joinpath("sub").is_symlink(),
        ),
        alone=True,
        changes=("sub",),
    ),
    case(
        "swapped-while-applied",
        "Directories, files and links that change places while a person applies lead nowhere",
        bash("mkdir -p swap"),
        python("""
import subprocess
swapper = subprocess.Popen(["bash", "-c", '''
mkdir -p swap/d; while :; do
    echo harmless > swap/d/file; echo harmless > swap/f
    mv swap/d swap/e; ln -s ../../outside swap/d; ln -sf <<home>>/.ssh/id_ed25519 swap/f
    ln -s ../../home/.ssh/id_ed25519 swap/e/link; rm swap/d; mv swap/e swap/d; rm -f swap/f swap/d/link
    rm -rf swap/d; mkdir -p swap/d; done'''], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
"""),
        host(_apply_often),
        that(
            "only what is in the swapped directory is written",
            lambda seen: all(path.startswith("swap") for path in seen.last),
        ),
        host(_all_harmless),
        that("no secret is in the project, no link leads out", lambda seen: seen.last is True),
        alone=True,
        changes=("swap",),
    ),
    case(
        "special-files",
        "Pipes, sockets and files that are no files are not applied, nor waited for",
        bash("mkfifo pipe; mkdir p; mkfifo p/pipe; rm file.txt; mkfifo file.txt"),
        that("the block ends at once", lambda seen: seen.last.finished.ms < 5000),
        _apply("pipe", "p/pipe", "file.txt"),
        that("none of them is", lambda seen: not set(seen.last.done) - {"p", "file.txt"}),
        alone=True,
        changes=("p", "file.txt"),
    ),
    case(
        "set-user-id",
        "A program is applied without the marks that give it its owner's rights",
        bash("cp /bin/true program; chmod 6777 program; mkdir s; chmod 3777 s"),
        _apply("program", "s"),
        that(
            "it has none",
            lambda seen: all(
                not (seen.stage.world.project / name).stat().st_mode & (stat.S_ISUID | stat.S_ISGID)
                for name in ("program", "s")
            ),
        ),
        alone=True,
        changes=("program", "s"),
    ),
    case(
        "attributes",
        "Attributes and owners of files in the copy are not taken over",
        python(
            "open('plain', 'w').write('x')\n"
            "{'set': tried(os.setxattr, 'plain', 'user.evil', b'1') and 'EPERM'}"
        ),
        _apply("plain"),
        that("the file has none", _no_marks),
        alone=True,
        changes=("plain",),
    ),
    case(
        "protected-names",
        "Protected names are seen in any spelling, at any depth and as any kind of file",
        bash(
            "mkdir -p .GIT/hooks a/b/.git/hooks .VSCode; echo e > .GIT/hooks/x; echo e > a/b/.git/hooks/x;"
            " echo e > .VSCode/tasks.json; echo 'gitdir: /tmp/evil' > a/.git; ln -s sub .idea;"
            " echo e > SiteCustomize.py; echo e > X.PTH; mkdir a/.envrc; echo ok > a/ok"
        ),
        _apply(),
        _refused(
            ".GIT/hooks/x",
            "a/b/.git/hooks/x",
            ".VSCode/tasks.json",
            "a/.git",
            ".idea",
            "SiteCustomize.py",
            "X.PTH",
            "a/.envrc",
        ),
        alone=True,
        changes=("a",),
    ),
    case(
        "repositories",
        "What makes a directory a Git repository is applied only where it is named",
        bash("mkdir one two; echo 'ref: refs/heads/x' > one/HEAD; git init -q --bare two"),
        _apply(),
        _refused("two/HEAD"),
        bash("mkdir -p one/objects one/refs/heads; echo x > one/refs/heads/x; echo x > one/other"),
        _apply(),
        _refused("one/objects", "one/refs", "one/refs/heads"),
        _apply("one/refs", "two/HEAD"),
        that(
            "the rest is, and what is named",
            lambda seen: {"one/refs/heads/x", "two/HEAD"} <= set(seen.last.done),
        ),
        alone=True,
        changes=("one", "two"),
    ),
    case(
        "hidden-changes",
        "A change is shown whatever time a block gives the file, and however it writes it",
        bash("echo one > new; echo one > mapped"),
        bash("cp -p new /tmp/like; echo two > new; touch -r /tmp/like new"),
        _shows("new"),
        python(
            "import mmap; f = open('mapped', 'r+b'); m = mmap.mmap(f.fileno(), 0); m[:1] = b'O'; f.close()"
        ),
        python("m[:3] = b'two'"),
        _shows("mapped"),
        alone=True,
    ),
    case(
        "hard-links",
        "Names of one file in the copy become files of their own in the project",
        bash("echo one > one; ln one two; ln file.txt three; echo more >> three; cat file.txt"),
        _apply("one", "two", "three"),
        that(
            "they have one name each",
            lambda seen: all(
                (seen.stage.world.project / name).stat().st_nlink == 1
                for name in ("one", "two", "three")
            ),
        ),
        alone=True,
        changes=("one", "two", "three"),
    ),
    case(
        "odd-names",
        "Files with line ends and escape sequences in their names are applied as they are named",
        bash("echo x > $'line\\nend'; echo x > $'\\e[2J'; mkdir -- -rf; echo x > './-rf/..x'"),
        _apply(),
        that(
            "they are",
            lambda seen: {"line\nend", "\x1b[2J", "-rf", "-rf/..x"} == set(seen.last.done),
        ),
        alone=True,
        changes=("line\nend", "\x1b[2J", "-rf", "-rf/..x"),
    ),
    case(
        "closed-directories",
        "Directories in the copy that nobody may enter are no trouble to apply or to drop",
        bash("mkdir -p shut/in; echo x > shut/in/file; chmod 0 shut/in; chmod 0 shut; chmod 0 sub"),
        _apply("shut"),
        _discard(),
        bash("ls sub shut 2>/dev/null"),
        that("the copy is as the project again", lambda seen: "inner" in seen.last.out),
        alone=True,
        changes=("shut",),
    ),
    case(
        "deep-directories",
        "Directories nested hundreds deep are neither applied nor in the way",
        python(
            "os.chdir('<<project>>')\nfor n in range(300): os.mkdir('d'); os.chdir('d')\nos.chdir('<<project>>')"
        ),
        _discard(),
        bash("ls -d d 2>/dev/null | wc -l"),
        prints("0\n"),
        alone=True,
    ),
    case(
        "changed-by-somebody-else",
        "A file that the person changed meanwhile is not written over",
        bash("echo block >> file.txt"),
        host(lambda stage: (stage.world.project / "file.txt").write_text("the person's\n")),
        _apply(),
        that(
            "it is a conflict",
            lambda seen: [path for path, _ in seen.last.conflicts] == ["file.txt"],
        ),
        host(lambda stage: (stage.world.project / "file.txt").read_text()),
        that("it is as the person wrote it", lambda seen: seen.last == "the person's\n"),
        alone=True,
        changes=("file.txt",),
    ),
)
