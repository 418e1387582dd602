"""A project that blocks write as a copy: nothing real changes until a person applies it."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from llmrepl.errors import LlmreplError
from llmrepl.executors import Policy, rules
from tests.sandbox.session import SMALL, Session


def snapshot(top: Path) -> dict[str, tuple[object, ...]]:
    """Everything below `top`: kind, mode, time and content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(top.rglob("*")):
        facts = path.lstat()
        content = path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes()
        found[str(path.relative_to(top))] = (facts.st_mode, facts.st_mtime_ns, content)
    return found


@pytest.fixture
def tree(project: Path) -> Path:
    (project / "file.txt").write_text("one\ntwo\n")
    (project / "sub").mkdir()
    (project / "sub" / "kept").write_text("kept\n")
    (project / "sub" / "other").write_text("other\n")
    (project / "link").symlink_to("file.txt")
    return project


@pytest.fixture
def session(tree: Path):
    with Session(Policy(project=tree, limits=SMALL, copy_on_write=True)) as session:
        yield session


def changes(session: Session) -> list[str]:
    return [str(change) for change in session.wait(session.executor.written.changes())]


def apply(session: Session, *paths: str):
    return session.wait(session.executor.written.apply(paths or None))


def discard(session: Session, *paths: str):
    return session.wait(session.executor.written.discard(paths or None))


def test_the_project_is_the_same_byte_for_byte_whatever_blocks_do_to_it(session, tree):
    before = snapshot(tree)
    session.bash("echo three >> file.txt; rm -r sub; mkdir sub new; echo x > sub/x; chmod 600 link")
    session.python("import os, shutil; os.symlink('/etc', 'away'); os.truncate('file.txt', 0)")
    assert snapshot(tree) == before
    assert session.bash("ls; cat sub/x").out == "away\nfile.txt\nlink\nnew\nsub\nx\n"


def test_a_result_says_what_the_block_changed_with_a_diff(session):
    found = session.bash("echo three >> file.txt; rm sub/kept; printf a > new")
    assert found.text("diff").startswith("M file.txt +1\nA new +1\nD sub/kept -1\n--- a/file.txt\n")
    assert "\n one\n two\n+three\n" in found.text("diff")
    assert "+a\n\\ No newline at end of file\n" in found.text("diff")
    assert session.bash("cat file.txt").text("diff") == ""
    assert session.bash("echo four >> file.txt").text("diff").startswith("M file.txt +2\n--- ")


def test_a_file_that_is_written_as_it_was_is_no_change(session):
    assert session.bash("cp file.txt /tmp/f; cat /tmp/f > file.txt").text("diff") == ""
    assert changes(session) == []


def test_an_applied_change_is_in_the_project_and_no_change_any_more(session, tree):
    session.bash(
        "echo three >> file.txt; rm -r sub; mkdir -p d/e; echo s > d/e/s; chmod 750 d/e/s;"
        " ln -s e/s d/l; rm link"
    )
    applied = apply(session)
    assert (applied.conflicts, applied.refused) == ((), ())
    assert set(applied.done) == {
        *("file.txt", "sub", "sub/kept", "sub/other", "d", "d/e", "d/e/s", "d/l", "link"),
    }
    assert (tree / "file.txt").read_text() == "one\ntwo\nthree\n"
    assert not (tree / "sub").exists()
    assert stat.S_IMODE((tree / "d/e/s").stat().st_mode) == 0o750
    assert str((tree / "d/l").readlink()) == "e/s"
    assert not (tree / "link").is_symlink()
    assert changes(session) == []
    assert session.bash("cat file.txt d/l; ls").out == "one\ntwo\nthree\ns\nd\nfile.txt\n"


def test_some_changes_are_applied_and_others_dropped(session, tree):
    session.bash("rm -r sub; mkdir sub; echo n > sub/new; echo t > file.txt; echo a > added")
    assert discard(session, "sub/kept") == ["sub/kept"]
    assert apply(session, "file.txt", "sub/new").done == ("file.txt", "sub/new")
    assert changes(session) == ["A added +1", "D sub/other -1"]
    assert session.bash("cat sub/*").out == "kept\nn\n"
    assert sorted(path.name for path in (tree / "sub").iterdir()) == ["kept", "new", "other"]
    assert sorted(discard(session)) == ["added", "sub/other"]
    assert session.bash("ls . sub").out == (".:\nfile.txt\nlink\nsub\n\nsub:\nkept\nnew\nother\n")


def test_a_deleted_directory_is_restored_in_part(session):
    session.bash("rm -r sub")
    discard(session, "sub/kept")
    assert session.bash("ls sub").out == "kept\n"
    assert changes(session) == ["D sub/other -1"]


def test_blocks_see_what_was_changed_outside_meanwhile(session, tree):
    assert session.bash("cat file.txt; cat late").out == "one\ntwo\n"
    spare = tree / "spare"
    spare.write_text("as an editor saves\n")
    spare.rename(tree / "file.txt")
    (tree / "late").write_text("late\n")
    assert session.bash("cat file.txt late").out == "as an editor saves\nlate\n"
    assert session.python("open('late').read()").value == "'late\\n'"


def test_a_file_changed_outside_after_a_block_changed_it_is_a_conflict(session, tree):
    session.bash("echo three >> file.txt; rm sub/kept; echo mine > new")
    (tree / "file.txt").write_text("theirs\n")
    (tree / "sub" / "kept").write_text("theirs\n")
    (tree / "new").write_text("theirs\n")
    before = snapshot(tree)
    applied = apply(session)
    assert applied.done == ()
    assert {path for path, _ in applied.conflicts} == {"file.txt", "sub/kept", "new"}
    assert snapshot(tree) == before


def test_a_file_changed_outside_while_a_block_runs_is_a_conflict(session, tree):
    async def meanwhile() -> None:
        (tree / "file.txt").write_text("theirs\n")

    code = "echo three >> file.txt; echo now; sleep 0.3"
    session.meanwhile("bash", code, "now", meanwhile)
    assert [path for path, _ in apply(session).conflicts] == ["file.txt"]
    assert (tree / "file.txt").read_text() == "theirs\n"


def test_the_same_content_saved_again_outside_is_no_conflict(session, tree):
    session.bash("echo three >> file.txt")
    (tree / "file.txt").write_text("one\ntwo\n")
    assert apply(session).done == ("file.txt",)


def test_what_is_run_or_obeyed_unasked_is_applied_only_by_name(session, tree):
    session.bash("mkdir -p .git/hooks sub/.vscode; echo x > .git/hooks/pre-commit; echo x > a.pth")
    session.bash("echo x > sub/.vscode/tasks.json; echo x > .BashRC; echo fine > fine")
    applied = apply(session, ".")
    assert applied.done == ("fine",)
    assert {path for path, _ in applied.refused} >= {
        *(".git/hooks/pre-commit", "sub/.vscode/tasks.json", ".BashRC", "a.pth"),
    }
    assert sorted(path.name for path in tree.iterdir()) == ["file.txt", "fine", "link", "sub"]
    assert apply(session, "sub/.vscode").done == ("sub/.vscode", "sub/.vscode/tasks.json")


@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "..", "../canary", "sub/../../canary", "sub/deep/../../../canary", "out/x"],
)
def test_a_link_out_of_the_project_is_not_applied(session, tree, target):
    (tree / "out").symlink_to("..")
    session.python(f"import os; os.symlink({target!r}, 'bad')")
    applied = apply(session, "bad")
    assert [path for path, _ in applied.refused] == ["bad"]
    assert not (tree / "bad").is_symlink()


def test_nothing_is_written_through_a_link_that_took_a_directorys_place(session, tree):
    session.bash("echo evil > sub/kept")
    (tree / "sub").rename(tree.parent / "moved")
    (tree / "sub").symlink_to(tree.parent / "moved")
    assert apply(session, "sub/kept").done == ()
    assert (tree.parent / "moved" / "kept").read_text() == "kept\n"


def test_set_user_id_is_not_taken_over_and_fifos_are_refused(session, tree):
    session.bash("echo x > tool; chmod 6755 tool; mkfifo pipe")
    applied = apply(session)
    assert applied.done == ("tool",)
    assert [path for path, _ in applied.refused] == ["pipe"]
    assert stat.S_IMODE((tree / "tool").stat().st_mode) == 0o755


def test_a_file_becomes_a_directory_and_a_directory_a_file(session, tree):
    session.bash("rm file.txt; mkdir file.txt; echo i > file.txt/in; rm -r sub; echo f > sub")
    assert apply(session).conflicts == ()
    assert (tree / "file.txt" / "in").read_text() == "i\n"
    assert (tree / "sub").read_text() == "f\n"


def test_names_and_contents_cannot_forge_lines(session):
    found = session.python("open('a\\nD file.txt\\x1b[2J', 'w').write('\\x1b]0;t\\x07x\\n')")
    assert "\x1b" not in found.text("diff")
    assert found.text("diff").splitlines()[0] == "A a\\nD file.txt\\x1b[2J +1"


def test_a_directory_that_nobody_may_enter_is_named_and_can_be_dropped(session):
    session.bash("mkdir shut; echo x > shut/x; chmod 0 shut")
    assert [c.split()[1] for c in changes(session)][:1] == ["shut" + "/" * (os.geteuid() == 0)]
    discard(session)
    assert changes(session) == []
    assert session.bash("ls").out == "file.txt\nlink\nsub\n"


def test_too_much_in_the_copy_ends_the_block(session):
    found = session.bash("for n in 1 2 3 4 5 6; do head -c 9000000 /dev/zero > $n; done; sleep 5")
    assert found.status == "limit"
    assert "the copy of the project" in found.reason


def test_changes_survive_a_sandbox_that_has_to_start_again(session):
    session.bash("echo three >> file.txt")
    session.python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    agent = session.agent
    os.kill(agent, 9)
    while Path(f"/proc/{agent}").exists():
        threading.Event().wait(0.01)
    assert session.bash("tail -n 1 file.txt").out == "three\n"
    assert changes(session) == ["M file.txt +1"]


def test_a_path_outside_of_the_project_is_refused(session):
    for path in ("..", "/etc/passwd", "sub/../.."):
        with pytest.raises(LlmreplError, match="is not in"):
            session.wait(session.executor.written.diff(path))


def test_the_python_in_the_project_stays_as_it_is(tree):
    import venv

    venv.create(tree / ".venv", symlinks=True)
    with Session(Policy(project=tree, copy_on_write=True), {"PATH": "/usr/bin:/bin"}) as session:
        found = session.bash("echo x > .venv/pyvenv.cfg; echo x > fine")
        assert "Read-only file system" in found.text("stderr")
        assert changes(session) == ["A fine +1"]
        assert session.python("import sys; sys.prefix").value == repr(str(tree / ".venv"))


def test_secrets_cannot_be_read_or_replaced_in_the_copy(tree):
    (tree / ".env").write_text("KEY=hush")
    with Session(Policy(project=tree, copy_on_write=True)) as session:
        found = session.bash("cat .env; mv .env x; cp .env y; ln .env z; rm -f .env; cat x y z")
        assert "hush" not in found.live
        assert (tree / ".env").read_text() == "KEY=hush"


def test_where_no_copy_can_be_had_the_project_is_read_only_and_says_why(tree):
    if os.geteuid() == 0:
        os.chown(tree, 65534, 65534)
    else:
        tree = Path("/usr/share")
    with Session(Policy(project=tree, copy_on_write=True)) as session:
        assert "belongs to another user" in session.executor.policy
        assert any("belongs to another user" in rule for rule in rules(session.executor.settings))
        assert "Read-only file system" in session.bash("echo x > x").text("stderr")
        assert changes(session) == []


def test_the_policy_and_the_rules_say_that_it_is_a_copy(session, tree):
    assert session.executor.policy == f"writes a copy of {tree}, and /tmp; no network"
    assert any("/apply" in rule for rule in rules(session.executor.settings))
    found = session.python("open('/usr/x', 'w')")
    assert "everything but the project and /tmp ($SCRATCH) is read-only here" in found.reason
    assert "--write DIRECTORY allows more, in the chat /sandbox" in found.reason


def test_a_read_only_project_names_what_allows_more(project):
    with Session(Policy(project=project)) as session:
        assert "--project copy" in session.bash("echo x > x").reason


def test_what_python_left_running_does_not_lose_an_outside_change(session, tree):
    session.python(
        "import threading, time\n"
        "def later():\n    time.sleep(0.2)\n    open('file.txt', 'a').write('late\\n')\n"
        "threading.Thread(target=later).start()"
    )
    threading.Event().wait(0.4)
    (tree / "file.txt").write_text("theirs\n")
    session.python("1")
    assert [path for path, _ in apply(session).conflicts] == ["file.txt"]
    assert (tree / "file.txt").read_text() == "theirs\n"
