"""Whatever a block tries, nothing outside of its scratch changes and nothing private is seen."""

from __future__ import annotations

import os

import pytest

from llmrepl.executors import Policy
from tests.sandbox import promises
from tests.sandbox.session import SMALL, Session


def test_nothing_outside_is_written(project):
    with Session(Policy(project=project, limits=SMALL)) as session:
        promises.nothing_outside_is_written(session, project)


def test_nothing_outside_is_read(project):
    with Session(Policy(project=project, limits=SMALL)) as session:
        promises.nothing_outside_is_read(session, project)


def test_there_is_no_network(shared):
    promises.no_network(shared)


def test_there_is_no_power(shared):
    promises.no_power(shared)


def test_variables_of_the_person_are_invisible_everywhere(project):
    secret = "llmrepl-secret-83456"
    environ = {**os.environ, "API_KEY": secret}
    os.environ["LLMREPL_TEST_SECRET"] = secret
    try:
        with Session(Policy(project=project, environment={"GIVEN": "1"}), environ) as session:
            found = session.bash(
                f"env | grep -c {secret}; cat /proc/[0-9]*/environ 2>/dev/null | grep -c {secret};"
                " echo $GIVEN"
            )
            assert found.out == "0\n0\n1\n"
            names = session.python("import os; sorted(os.environ)").value
            assert "API_KEY" not in names
            assert "GIVEN" in names
    finally:
        del os.environ["LLMREPL_TEST_SECRET"]


def test_files_of_secrets_in_the_project_cannot_be_read(project):
    (project / ".env").write_text("KEY=secret\n")
    (project / "server.pem").write_text("secret\n")
    (project / ".env.example").write_text("KEY=\n")
    with Session(Policy(project=project)) as session:
        result = session.python("open('.env').read()")
        assert "hides files" in result.reason
        assert session.bash("cat .env server.pem; chmod 644 .env; cat .env").out == ""
        assert session.bash("cat .env.example").out == "KEY=\n"
    assert (project / ".env").read_text() == "KEY=secret\n"


def test_only_three_descriptors_are_open_in_a_bash_block(shared):
    names = shared.bash("for f in /proc/$$/fd/*; do readlink $f; done").out.splitlines()
    assert all(name.startswith(("pipe:", "/dev/null", "/memfd:state")) for name in names), names


def test_a_bash_block_cannot_reach_the_channels(shared):
    code = """
import os
kinds = sorted(os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in os.listdir('/proc/self/fd')
    if os.path.exists(f'/proc/self/fd/{n}'))
kinds
"""
    kinds = shared.python(code).value
    assert kinds.count("socket") == 1, kinds  # the kernel's own


def test_a_forged_result_is_only_text_and_ends_nothing_else(shared):
    code = """
import json, os, socket, struct
for n in range(3, 64):
    try: sock = socket.socket(fileno=os.dup(n))
    except OSError: continue
    body = json.dumps({"id": 999999, "exit": 0, "value": "forged"}).encode()
    sock.send(struct.pack(">I", len(body)) + body)
import time; time.sleep(5)
"""
    result = shared.python(code)
    assert result.status == "error"
    assert "no result" in result.reason
    assert shared.python("'after'").value == "'after'"


@pytest.mark.parametrize("junk", ["b'\\xff' * 5000", "struct.pack('>I', 10) + b'[' * 10", "b''"])
def test_garbage_on_the_channel_ends_the_block_only(shared, junk):
    code = f"""
import os, socket, struct, time
for n in range(3, 64):
    try: sock = socket.socket(fileno=os.dup(n))
    except OSError: continue
    sock.send({junk})
    sock.shutdown(socket.SHUT_RDWR)
time.sleep(5)
"""
    result = shared.python(code)
    assert result.status == "error"
    assert shared.python("'after'").value == "'after'"


def test_every_way_to_harm_the_supervisor_ends_in_blocks_that_work(shared):
    for language, code in (
        ("python", "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"),
        ("bash", "kill -9 -1"),
        ("bash", "kill -STOP -1"),
        ("python", "import os; os.kill(-1, 9)"),
        ("python", "import resource; resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))"),
        ("python", "import os; os.closerange(0, 100)"),
        ("python", "import sys; sys.modules.clear(); sys.stdout = sys.stderr = None"),
        ("python", "import builtins; builtins.eval = builtins.compile = builtins.repr = None"),
        ("bash", "exec 62>&-; export BIG=$(head -c 300000 /dev/zero | tr '\\0' x)"),
    ):
        shared.block(language, code)
        # What was killed may take its time to go, and a block or two with it; no more than that.
        tries = [shared.python("print(1 + 1)", timeout=1).out for _ in range(4)]
        assert tries[-1] == "2\n", (code, tries)
        assert shared.bash("echo fine").out == "fine\n", code


def test_the_scratch_is_private_writable_and_lasts(shared):
    assert (
        shared.bash("echo kept > $SCRATCH/note; echo $TMPDIR; stat -c %a /tmp").out
        == ("/tmp\n700\n")
        or shared.bash("echo $TMPDIR").out == "/tmp\n"
    )
    assert shared.python("open('/tmp/note').read()").value == r"'kept\n'"
    assert shared.scratch.parent.stat().st_mode & 0o777 == 0o700


def test_a_scratch_that_is_given_outlives_the_session(project, tmp_path):
    for expected in ("", "kept"):
        with Session(Policy(project=project, scratch=tmp_path / "scratch")) as session:
            found = session.bash("cat /tmp/note 2>/dev/null; printf kept > /tmp/note")
            assert found.out == expected
    assert (tmp_path / "scratch" / "note").read_text() == "kept"


def test_without_a_project_blocks_start_in_an_empty_scratch(tmp_path):
    with Session(Policy(project=tmp_path), {**os.environ, "HOME": str(tmp_path)}) as session:
        assert "home directory" in session.executor.policy
        assert session.bash("pwd; ls -A").out == "/tmp\n"
        assert session.python("import os; os.getcwd()").value == "'/tmp'"
        assert session.bash("mkdir artifacts; echo x > artifacts/here").finished.artifacts != ()


def test_a_link_in_the_scratch_leads_no_mount_elsewhere(project, tmp_path):
    trap = tmp_path / "trap"
    trap.mkdir()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    first = project.parts[2]
    (scratch / first).symlink_to(f"/oldroot{trap}")
    with Session(Policy(project=project, scratch=scratch)) as session:
        assert session.bash("cat file.txt").out == "unchanged\n"
    assert list(trap.iterdir()) == []
    assert not (scratch / first).is_symlink()


def test_artifacts_that_are_links_or_no_files_are_not_listed(shared):
    result = shared.bash(
        "mkdir -p /tmp/artifacts; cd /tmp/artifacts; ln -s /etc/passwd link; mkfifo fifo;"
        " ln -s / root; echo real > real; touch $'odd\\e[2J' $'\\xff'"
    )
    assert [path.rpartition("/")[2] for path in result.finished.artifacts] == ["real"]
