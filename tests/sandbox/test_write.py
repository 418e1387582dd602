"""Directories that blocks write for real: what is seen of it, swept away, and undone."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from llmrepl.errors import SandboxUnavailable
from llmrepl.executors import Policy, rules
from tests.sandbox import promises
from tests.sandbox.session import SMALL, Session
from tests.sandbox.written import undo, visible


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


def test_the_promises_of_writing_for_real_are_kept(project):
    (project / ".git" / "hooks").mkdir(parents=True)
    with Session(Policy(project=project, write=(project,), limits=SMALL)) as session:
        promises.real_writes_are_swept_and_undone(session, project)


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
