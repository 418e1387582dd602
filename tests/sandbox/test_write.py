"""Directories that blocks write for real: what is protected there, swept away, and undone."""

from __future__ import annotations

import dataclasses
import os
import shutil
import stat
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from llmrepl.errors import ConfigError, LlmreplError, SandboxUnavailable
from llmrepl.executors import Policy, rules
from llmrepl.executors.place import settle
from llmrepl.executors.writing.guards import MAX_GUARDS
from tests.sandbox import promises
from tests.sandbox.session import SMALL, Session
from tests.sandbox.test_cow import snapshot


@pytest.fixture
def tree(project: Path) -> Path:
    (project / "file.txt").write_text("one\ntwo\n")
    (project / "sub").mkdir()
    (project / "sub" / "kept").write_text("kept\n")
    (project / "link").symlink_to("file.txt")
    subprocess.run(["git", "init", "-q", project], check=True)
    (project / ".envrc").write_text("export A=1\n")
    (project / "sub" / ".vscode").mkdir()
    (project / "sub" / ".vscode" / "tasks.json").write_text("{}\n")
    return project


@pytest.fixture
def quarantine(tmp_path: Path) -> Path:
    return tmp_path / "data" / "quarantine"


@pytest.fixture
def session(tree: Path, quarantine: Path):
    policy = Policy(
        project=tree, limits=SMALL, copy_on_write=True, write=(tree,), quarantine=quarantine
    )
    with Session(policy) as session:
        yield session


def undo(session: Session, blocks: int | None = None):
    return session.wait(session.executor.written.undo(blocks))


def visible(top: Path) -> dict[str, tuple[object, ...]]:
    """What is below `top` but for times of directories, which undo does not give back."""
    return {
        path: facts if stat.S_ISREG(facts[0]) else (facts[0], facts[2])
        for path, facts in snapshot(top).items()
    }


def test_what_a_block_writes_is_real_at_once_and_the_result_has_the_diff(session, tree):
    found = session.bash("echo three >> file.txt; rm sub/kept; mkdir d; printf a > d/new")
    assert (tree / "file.txt").read_text() == "one\ntwo\nthree\n"
    assert (tree / "d" / "new").read_text() == "a"
    assert not (tree / "sub" / "kept").exists()
    assert found.text("diff").startswith(
        "A d/\nA d/new +1\nM file.txt +1\nD sub/kept -1\n--- /dev/null\n+++ b/d/new\n"
    )
    assert "\n one\n two\n+three\n" in found.text("diff")
    assert session.bash("cat file.txt").text("diff") == ""
    assert session.executor.policy == f"writes {tree} for real, and /tmp; no network"
    assert any("is real and stays" in rule for rule in rules(session.executor.settings))


def test_undo_takes_back_a_block_and_then_the_one_before(session, tree):
    before = visible(tree)
    session.bash("echo three >> file.txt; chmod 600 file.txt; rm -r sub/kept link; ln -s sub link")
    between = visible(tree)
    session.python("import os; os.mkdir('d'); open('d/x', 'w').write('x'); os.remove('file.txt')")
    blocks, undone = undo(session, 1)
    assert (blocks, undone.conflicts, undone.refused) == (1, (), ())
    assert set(undone.done) == {"d", "d/x", "file.txt"}
    assert visible(tree) == between
    assert set(undo(session, 1)[1].done) == {"file.txt", "sub/kept", "link"}
    assert visible(tree) == before
    assert undo(session) == (0, undo(session)[1])


def test_the_blocks_of_a_turn_are_undone_together(session, tree):
    before = visible(tree)
    for session.turn in (1, 2, 2, 2):
        session.bash(f"echo {session.turn} >> file.txt")
    session.turn = 3
    session.bash("true")
    assert undo(session)[0] == 3
    assert (tree / "file.txt").read_text() == "one\ntwo\n1\n"
    assert undo(session)[0] == 1
    assert visible(tree) == before


def test_a_file_changed_outside_since_is_named_and_left_alone(session, tree):
    session.bash("echo three >> file.txt; echo new > new; mkdir d; echo x > gone")
    (tree / "file.txt").write_text("theirs\n")
    (tree / "d" / "theirs").write_text("theirs\n")
    (tree / "gone").unlink()
    session.bash("echo four > four")
    assert set(undo(session, 1)[1].done) == {"four"}
    _, undone = undo(session, 1)
    assert undone.done == ("new",)
    assert dict(undone.conflicts) == {
        "d": "there is something else in it",
        "file.txt": "it was changed outside since",
        "gone": "it was changed outside since",
    }
    assert (tree / "file.txt").read_text() == "theirs\n"
    assert (tree / "d" / "theirs").read_text() == "theirs\n"


def test_what_was_too_large_to_keep_is_said_when_written_and_when_undone(session, tree):
    session.bash("head -c 20000000 /dev/zero > big; echo a > small")
    found = session.bash("echo x >> big; echo b > small")
    assert "! big cannot be undone: what stood there was not kept" in found.text("diff")
    _, undone = undo(session, 1)
    assert undone.done == ("small",)
    assert [path for path, _ in undone.refused] == ["big"]
    assert "too large" in undone.refused[0][1]


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


def test_set_user_id_bits_are_removed_and_whiteouts_moved_away(session, tree):
    found = session.bash("cp /bin/true tool; chmod 6755 tool; mknod white c 0 0; true")
    assert stat.S_IMODE((tree / "tool").stat().st_mode) == 0o755
    assert "! the set-user-id bit of tool was removed" in found.text("diff")
    assert not (tree / "white").exists()


def test_a_directory_that_was_shut_is_swept_all_the_same(session, tree):
    found = session.bash("mkdir shut; echo x > shut/.bashrc; chmod 0 shut")
    assert "shut/.bashrc was put into quarantine" in found.text("diff")
    assert list((tree / "shut").iterdir()) == []


def test_what_python_left_running_rests_between_blocks(session, tree):
    session.python(
        "import threading, time\n"
        "def later():\n"
        "    while True: time.sleep(0.01); open('beat', 'a').write('.')\n"
        "threading.Thread(target=later, daemon=True).start(); time.sleep(0.1)"
    )
    size = (tree / "beat").stat().st_size
    threading.Event().wait(0.3)
    assert (tree / "beat").stat().st_size == size
    session.python("time.sleep(0.1)")
    assert (tree / "beat").stat().st_size > size
    assert set(undo(session, 2)[1].done) == {"beat"}


WAKES_ITSELF = """
import ctypes, struct, threading, time
libc = ctypes.CDLL(None)
timer = ctypes.c_void_p()
event = struct.pack("qii", 0, 18, 0) + bytes(48)  # SIGCONT
assert libc.timer_create(0, event, ctypes.byref(timer)) == 0
assert libc.timer_settime(timer, 0, struct.pack("qqqq", 0, 0, 0, 300_000_000), None) == 0
def later():
    time.sleep(0.2)
    for name in (".bashrc", "late"):
        open(name, "w").write("x")
threading.Thread(target=later).start()
"""


def test_what_wakes_between_blocks_by_a_trick_is_swept_as_the_blocks(session, tree):
    session.python(WAKES_ITSELF)
    threading.Event().wait(0.6)
    assert (tree / "late").exists()
    found = session.bash("true")
    assert ".bashrc was put into quarantine" in found.text("diff")
    assert not (tree / ".bashrc").exists()
    assert undo(session)[1].done == ("late",)


def test_what_a_person_makes_between_blocks_is_theirs_and_is_protected(session, tree, quarantine):
    session.python("kept = 1")
    (tree / ".bashrc").write_text("theirs\n")
    assert session.python("kept").value == "1"
    assert "put back" in session.bash("echo evil >> .bashrc").text("diff")
    assert (tree / ".bashrc").read_text() == "theirs\n"
    subprocess.run(["git", "init", "-q", tree / "sub"], check=True)
    found = session.bash("echo x > sub/.git/hooks/pre-commit")
    assert found.status == "error"
    assert not (tree / "sub" / ".git" / "hooks" / "pre-commit").exists()
    assert "sub/.git is new and has to be protected" in session.python("1").reason


def test_a_directory_outside_of_the_project_is_written_next_to_a_copy(tree, tmp_path, quarantine):
    out = tmp_path / "out"
    out.mkdir()
    policy = Policy(project=tree, copy_on_write=True, write=(out,), quarantine=quarantine)
    with Session(policy) as session:
        assert session.executor.policy == (
            f"writes a copy of {tree}, {out} for real, and /tmp; no network"
        )
        found = session.bash(f"echo real > {out}/a; echo copied > b; echo x > {out}/.envrc")
        assert (out / "a").read_text() == "real\n"
        assert not (out / ".envrc").exists()
        assert not (tree / "b").exists()
        assert found.text("diff").startswith("A b +1\n--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n")
        assert f"A {out}/a +1\n! {out}/.envrc was put into quarantine" in found.text("diff")
        assert undo(session)[1].done == (f"{out}/a",)
        assert [str(c) for c in session.wait(session.executor.written.changes())] == ["A b +1"]


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


def test_no_diff_shows_a_secret(session, tree):
    (tree / "sub" / ".env").write_text("KEY=hush\n")
    found = session.bash("mv sub moved; mv moved/.env moved/x; cat moved/.env moved/x")
    assert "D sub/.env\n" in found.text("diff")
    assert "hush" not in str(found)


def test_a_block_that_is_interrupted_is_swept_and_can_be_undone(session, tree):
    before = visible(tree)
    session.meanwhile(
        "bash",
        "echo x > .bashrc; echo x > x; echo now; sleep 60",
        "now",
        session.executor.interrupt,
    )
    assert not (tree / ".bashrc").exists()
    assert undo(session)[1].done == ("x",)
    assert visible(tree) == before


def test_a_sandbox_that_has_to_start_again_goes_on(session, tree):
    session.bash("echo three >> file.txt")
    agent = session.agent
    os.kill(agent, 9)
    while Path(f"/proc/{agent}").exists():
        threading.Event().wait(0.01)
    assert session.bash("tail -n 1 file.txt; echo four >> file.txt").out == "three\n"
    undo(session, 2)
    assert (tree / "file.txt").read_text() == "one\ntwo\n"


def test_too_much_that_is_written_ends_the_block(session, tree):
    found = session.bash("for n in 1 2 3 4 5 6; do head -c 9000000 /dev/zero > $n; done; sleep 5")
    assert found.status == "limit"
    assert str(tree) in found.reason
    assert session.bash("rm ?; echo gone").out == "gone\n"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/", "whole machine"),
        ("/usr/lib", "part of the system"),
        ("/etc/ssl", "part of the system"),
        ("~", "home directory"),
        ("~/..", "part of the machine"),
        ("~/.config/x", ".config is protected"),
        ("~/code/.git", ".git is protected"),
        ("~/other", "as a home directory does"),
        ("~/data", "llmrepl keeps files of its own"),
        ("~/data/own/x", "llmrepl keeps files of its own"),
        ("~/missing", "not a directory"),
        ("~/link", "part of the machine"),
    ],
)
def test_a_place_that_blocks_must_not_write_is_refused_by_name(tmp_path, path, why):
    home = tmp_path / "home"
    for name in (".config/x", "code/.git", "other/.ssh", "data/own/x"):
        (home / name).mkdir(parents=True)
    (home / "link").symlink_to("/usr")
    named = Path(path.replace("~", str(home)))
    policy = Policy(project=home / "code", write=(named,), closed=(home / "data" / "own",))
    with pytest.raises(ConfigError, match=why):
        settle(policy, {"HOME": str(home)})


def change(session: Session, **changes: object) -> None:
    given = session.executor.given
    session.wait(session.executor.change(dataclasses.replace(given, **changes)))


def test_a_wider_policy_holds_at_once_and_what_is_lost_is_said(project):
    with Session(Policy(project=project, limits=SMALL)) as session:
        session.python("kept = 1; open('/tmp/kept', 'w').write('kept')")
        session.bash("cd /tmp; export KEPT=1")
        assert session.bash(f"echo x > {project}/new").status == "error"
        change(session, write=(project,))
        assert session.executor.policy == f"writes {project} for real, and /tmp; no network"
        assert session.bash(f"pwd; echo $KEPT; cat kept; echo x > {project}/new").out == (
            "/tmp\n1\nkept"
        )
        assert (project / "new").exists()
        found = session.python("kept")
        assert "started again under another policy, so Python's variables are lost" in found.reason
        change(session, net=("example.org",))
        assert session.executor.policy.endswith("reaches example.org")
        assert session.bash("echo $HTTP_PROXY").out.startswith("http://127.0.0.1:")
        assert undo(session)[1].done == ("new",)


def test_a_policy_that_cannot_be_had_leaves_the_one_before(tree):
    with Session(Policy(project=tree, copy_on_write=True, limits=SMALL)) as session:
        session.bash("echo x > new")
        before = session.executor.policy
        with pytest.raises(LlmreplError, match="would be lost"):
            change(session, write=(tree,))
        with pytest.raises(ConfigError, match="whole machine"):
            change(session, write=(Path("/"),))
        assert session.executor.policy == before
        assert session.bash("cat new").out == "x\n"
        session.wait(session.executor.written.discard())
        change(session, write=(tree,))
        session.bash("echo real > new")
        assert (tree / "new").read_text() == "real\n"
        change(session, write=())
        assert session.executor.policy == before
        session.bash("echo copied > new")
        assert (tree / "new").read_text() == "real\n"
        assert undo(session)[1].done == ("new",)


def test_changes_in_a_copy_survive_a_wider_policy(tree, tmp_path):
    (tmp_path / "out").mkdir()
    with Session(Policy(project=tree, copy_on_write=True, limits=SMALL)) as session:
        session.bash("echo x > new; rm sub/kept")
        change(session, write=(tmp_path / "out",))
        assert session.bash(f"cat new; echo y > {tmp_path}/out/y; ls sub").out == "x\n"
        assert [str(c) for c in session.wait(session.executor.written.changes())] == [
            "A new +1",
            "D sub/kept -1",
        ]


def test_the_promises_of_writing_for_real_are_kept(project):
    (project / ".git" / "hooks").mkdir(parents=True)
    with Session(Policy(project=project, write=(project,), limits=SMALL)) as session:
        promises.real_writes_are_swept_and_undone(session, project)


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


def test_undo_does_not_remove_the_only_copy_of_what_was_moved(session, tree):
    (tree / "large").write_bytes(b"0123456789abcdef" * (17 << 16))
    session.bash("mkdir d; mv large d/x; touch new")
    _, undone = undo(session)
    assert (tree / "d" / "x").stat().st_size == 17 << 20
    assert ("d/x", "it is all that is left of large: move it back yourself") in undone.refused
    assert "new" in undone.done


def test_a_program_that_a_block_changed_loses_its_owners_rights(session, tree):
    (tree / "tool").write_text("fine")
    (tree / "tool").chmod(0o4755)
    found = session.bash("printf evil > tool; chmod 4755 tool")
    assert stat.S_IMODE((tree / "tool").stat().st_mode) == 0o755
    assert "! the set-user-id bit of tool was removed" in found.text("diff")


def test_a_directory_that_somebody_replaced_is_written_and_undone_as_the_new_one(tree, quarantine):
    sub = tree / "sub"
    with Session(Policy(project=tree, write=(sub,), quarantine=quarantine)) as session:
        assert session.bash("echo x > sub/new").status == "ok"
        sub.rename(tree / "old")
        sub.mkdir()
        found = session.bash("echo y > sub/newer; ls sub")
        assert found.out == "newer\n"
        assert found.text("diff").startswith("A sub/newer +1")
        assert not (tree / "old" / "newer").exists()
        assert undo(session, 1)[1].done == ("sub/newer",)
        sub.rmdir()
        for make in (lambda: sub.symlink_to("old"), lambda: sub.write_text("x"), lambda: None):
            make()
            with pytest.raises(SandboxUnavailable, match="is no directory any more"):
                session.bash("echo evil > sub/x")
            sub.unlink(missing_ok=True)
        assert not (tree / "old" / "x").exists()
