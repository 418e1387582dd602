"""What is protected in directories that blocks write for real, and what becomes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from llmrepl.errors import ConfigError, SandboxUnavailable
from llmrepl.executors import Policy
from llmrepl.executors.writing.guards import MAX_GUARDS
from tests.sandbox.session import Session
from tests.sandbox.test_cow import snapshot
from tests.sandbox.written import undo, visible


def test_a_file_with_other_names_keeps_them(session, tree, tmp_path):
    os.link(tree / "file.txt", tmp_path / "other")
    session.bash("echo three >> file.txt")
    assert (tmp_path / "other").read_text() == "one\ntwo\nthree\n"
    undo(session)
    assert (tmp_path / "other").read_text() == "one\ntwo\n"
    assert (tree / "file.txt").samefile(tmp_path / "other")


def test_what_is_protected_cannot_be_written_renamed_or_removed(session, tree):
    before = snapshot(tree)
    for attempt in (
        "echo x > .git/hooks/pre-commit",
        "echo x >> .git/config",
        "mv .git x",
        "rm -rf .git",
        "echo x >> .envrc",
        "mv .envrc x; echo x > .envrc",
        "rm -f .envrc",
        "echo x > sub/.vscode/tasks.json",
        "mv sub/.vscode x",
    ):
        assert session.bash(attempt).status == "error", attempt
    assert snapshot(tree) == before
    assert session.bash("git status --short").status == "ok"


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("bash", "echo x > .git/hooks/pre-commit"),
        ("bash", "mv .git x"),
        ("python", "open('.git/config', 'w')"),
        ("python", "import os; os.rename('sub/.vscode', 'x')"),
    ],
)
def test_a_refusal_names_what_is_protected(session, language, code):
    reason = session.block(language, code).reason
    assert "is protected, being run or obeyed by other programs: only a person writes it" in reason
    assert ".git is" in reason or ".vscode is" in reason


def test_a_refusal_names_what_would_allow_more(project, tmp_path):
    (tmp_path / "out").mkdir()
    policy = Policy(project=project, write=(tmp_path / "out",))
    with Session(policy) as session:
        reason = session.bash("echo x > new").reason
        assert f"everything but /tmp ($SCRATCH) and {tmp_path}/out is read-only here" in reason
        assert "--project copy or --write DIRECTORY allows more, in the chat /sandbox" in reason


def test_what_is_new_and_protected_is_put_into_quarantine_and_said(session, tree, quarantine):
    found = session.bash(
        "echo evil > .bashrc; mkdir -p sub/.idea deep/er; echo x > sub/.idea/x; echo fine > fine;"
        " ln -s /etc/passwd .Zshrc; echo x > deep/er/a.pth"
    )
    names = (".bashrc", "sub/.idea", ".Zshrc", "deep/er/a.pth")
    for name in names:
        assert not (tree / name).exists()
        assert not (tree / name).is_symlink()
        line = next(x for x in found.text("diff").splitlines() if x.startswith(f"! {name} "))
        assert "was put into quarantine: it is run or obeyed unasked" in line
        place, back = line.rpartition(" mv ")[2].split()
        assert back == str(tree / name)
        assert Path(place).is_relative_to(quarantine)
        assert Path(place).is_symlink() or Path(place).exists()
    assert (tree / "fine").read_text() == "fine\n"
    assert found.text("diff").startswith("A deep/\nA deep/er/\nA fine +1\n! ")
    assert Path("/etc/passwd").exists()
    assert session.bash("ls -A sub").out == ".vscode\nkept\n"


def test_quarantine_on_another_disk_and_none_at_all(tree, tmp_path):
    shared = Path(tempfile.mkdtemp(prefix="llmrepl-test-", dir="/dev/shm"))
    (tmp_path / "file").touch()
    make = (
        "mkdir -p .idea/deep; echo x > .idea/deep/x; ln -s x .idea/l; mkfifo .idea/p; chmod 0 .idea"
    )
    try:
        with Session(Policy(project=tree, write=(tree,), quarantine=shared / "q")) as session:
            session.bash(make)
        assert (shared / "q" / "1" / ".idea" / "deep" / "x").read_text() == "x\n"
    finally:
        shutil.rmtree(shared)
    assert not (tree / ".idea").exists()
    unusable = tmp_path / "file" / "q"
    with Session(Policy(project=tree, write=(tree,), quarantine=unusable)) as session:
        found = session.bash(make)
    assert not (tree / ".idea").exists()
    (place,) = tree.glob("idea.quarantined-*")
    assert str(place) in found.text("diff")
    assert (place / "deep" / "x").read_text() == "x\n"


def test_a_directory_moved_away_does_not_take_its_protection_along(session, tree, quarantine):
    found = session.bash("mv sub moved; mkdir -p sub/.vscode; echo evil > sub/.vscode/tasks.json")
    assert found.status == "ok"
    assert not (tree / "sub" / ".vscode").exists()
    assert "sub/.vscode was put into quarantine" in found.text("diff")
    assert (tree / "moved" / ".vscode" / "tasks.json").read_text() == "{}\n"
    assert session.bash("echo evil > moved/.vscode/tasks.json").status == "error"


def test_a_protected_link_is_put_back(tree, quarantine):
    (tree / "shell").write_text("fine\n")
    (tree / ".profile").symlink_to("shell")
    before = visible(tree)
    with Session(Policy(project=tree, write=(tree,), quarantine=quarantine)) as session:
        assert session.bash("echo evil >> shell").status == "error"
        found = session.bash("rm .profile; echo evil > .profile")
        assert "! .profile is protected and was put back" in found.text("diff")
        assert "! .profile was put into quarantine" in found.text("diff")
        assert visible(tree) == before


def git(*arguments: object) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def test_git_directories_that_lie_elsewhere_are_protected_too(project, quarantine):
    git("init", "-q", f"--separate-git-dir={project / 'store'}", project / "one")
    git("init", "-q", project / "two")
    git("-C", project / "two", "commit", "-q", "--allow-empty", "-m", "x")
    git("-C", project / "two", "worktree", "add", "-q", project / "tree")
    git("-C", project / "two", "config", "core.hooksPath", "tools/hooks")
    (project / "two" / "tools" / "hooks").mkdir(parents=True)
    git("init", "-q", project / "three")
    shutil.rmtree(project / "three" / ".git" / "hooks")
    (project / "scripts").mkdir()
    (project / "three" / ".git" / "hooks").symlink_to(project / "scripts")
    before = snapshot(project)
    with Session(Policy(project=project, write=(project,), quarantine=quarantine)) as session:
        for path in ("store/hooks/x", "tree/.git", "two/.git/worktrees/tree/x", "scripts/x"):
            assert session.bash(f"echo x > {path}").status == "error", path
        assert session.bash("echo x > two/tools/hooks/pre-commit").status == "error"
        assert session.bash("mv two/tools x && mkdir -p two/tools/hooks").status == "ok"
        undo(session)
    assert snapshot(project).keys() == before.keys()


def test_a_directory_that_went_away_is_an_error_that_names_it(project, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with Session(Policy(project=project, write=(out,))) as session:
        session.bash(f"echo x > {out}/x")
        out.rename(tmp_path / "away")
        with pytest.raises(SandboxUnavailable, match="blocks write, is no directory any more"):
            session.bash("true")
        (tmp_path / "away").rename(out)
        assert session.bash(f"cat {out}/x").out == "x\n"


def test_more_protected_files_than_can_be_mounted_are_put_back(project, quarantine):
    for number in range(MAX_GUARDS + 2):
        (project / f"{number:03}").mkdir()
        (project / f"{number:03}" / ".npmrc").write_text("theirs\n")
    before = visible(project)
    with Session(Policy(project=project, write=(project,), quarantine=quarantine)) as session:
        for spoil in ("echo evil > $f", "rm -f $f"):
            session.bash(f"for f in */.npmrc; do {spoil}; done; true")
            assert visible(project) == before


def test_more_protected_directories_than_can_be_mounted_are_refused(project):
    for number in range(MAX_GUARDS + 1):
        (project / str(number) / ".vscode").mkdir(parents=True)
    with (
        Session(Policy(project=project, write=(project,))) as session,
        pytest.raises(ConfigError, match="have to be protected"),
    ):
        session.start()


def test_a_part_of_the_project_is_written_for_real_and_the_rest_read_only(tree, quarantine):
    policy = Policy(project=tree, write=(tree / "sub",), quarantine=quarantine)
    with Session(policy) as session:
        assert session.bash("echo x > sub/new; echo x > new").status == "error"
        assert (tree / "sub" / "new").exists()
        assert not (tree / "new").exists()


def test_secrets_and_the_python_in_a_written_project_stay_as_they_are(tree, quarantine):
    import venv

    venv.create(tree / ".venv", symlinks=True)
    (tree / ".env").write_text("KEY=hush")
    policy = Policy(project=tree, write=(tree,), quarantine=quarantine)
    with Session(policy, {"PATH": "/usr/bin:/bin"}) as session:
        found = session.bash("cat .env; mv .env x; echo x > .venv/pyvenv.cfg; rm -f .env")
        assert "hush" not in found.live
        assert "Read-only file system" in found.text("stderr")
        assert (tree / ".env").read_text() == "KEY=hush"


def test_what_a_hook_or_a_setting_of_git_leads_to_is_protected_too(tree, quarantine):
    (tree / "tools").mkdir()
    for name in ("hook", "watcher", "settings", "more"):
        (tree / "tools" / name).write_text("fine\n")
    (tree / ".git" / "hooks" / "pre-commit").symlink_to("../../tools/hook")
    (tree / "sub" / ".vscode" / "more.json").symlink_to("../../tools/more")
    git("-C", tree, "config", "core.fsmonitor", "tools/watcher")
    git("-C", tree, "config", "include.path", "../tools/settings")
    (tree / "tools" / "settings").write_text(
        "[include] path = unmade\n[core]\nhooksPath = made/later\n"
    )
    (tree / ".zshrc").symlink_to("unmade")
    with Session(Policy(project=tree, write=(tree,), quarantine=quarantine)) as session:
        for name in ("hook", "watcher", "settings", "more"):
            assert session.bash(f"echo evil >> tools/{name}").status == "error"
            assert "evil" not in (tree / "tools" / name).read_text()
        found = session.bash(
            "mkdir -p made/later; echo x > made/later/pre-commit; ln -s .zshrc unmade"
        )
        assert not (tree / "made" / "later").exists()
        assert "made/later was put into quarantine" in found.text("diff")
        assert not os.path.lexists(tree / "unmade")
        assert session.bash("echo x > tools/unmade").status == "ok"
        assert not (tree / "tools" / "unmade").exists()


def test_a_repository_of_any_name_is_protected(tree, quarantine):
    (tree / "in").mkdir()
    for place in (tree / "store", tree / "in" / "store"):
        git("init", "-q", "--bare", place)
    with Session(Policy(project=tree, write=(tree,), quarantine=quarantine)) as session:
        assert session.bash("echo evil >> store/config").status == "error"
        assert session.bash("echo evil > in/store/hooks/post-update").status == "error"
        assert session.bash("mv store x").status == "error"
        moved = session.bash("mv in out; mkdir -p in/store; git init -q --bare in/store")
        assert "in/store was put into quarantine" in moved.text("diff")
        assert not (tree / "in" / "store").exists()
        assert (tree / "out" / "store" / "HEAD").exists()
