"""The profile for macOS's sandbox, and the executor around it with another one in its place.

No Mac has seen it: what is tested here is the text, and that nothing runs where it does not hold.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.errors import SandboxUnavailable
from llmrepl.executors import Policy, rules
from llmrepl.executors.macos import SeatbeltExecutor
from llmrepl.executors.walls.interpreter import Interpreter
from llmrepl.executors.walls.layout import Layout
from llmrepl.executors.walls.seatbelt import PROGRAM, command, profile, quoted
from tests.sandbox.session import SMALL, Session

LAYOUT = Layout(
    interpreter=Interpreter(Path("/opt/python/bin/python3"), (Path("/opt/python"),), ()),
    system=(),
    etc=(),
    shown=(Path("/opt/python"),),
    links=(),
    masked=(Path("/Users/me/project/.env"),),
)
PROJECT, SCRATCH = Path("/Users/me/project"), Path("/private/var/folders/x/scratch")
TEXT = profile(PROJECT, LAYOUT, SCRATCH)


def rules_of(text: str, operation: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"({operation}")]


def test_what_is_not_allowed_is_denied():
    lines = TEXT.splitlines()
    assert lines[:2] == ["(version 1)", "(deny default)"]
    assert "(allow default)" not in TEXT
    assert lines[-1] == "(deny network*)"
    assert TEXT.count("(") == TEXT.count(")")


def test_only_the_scratch_and_devices_can_be_written():
    writing = [line for line in TEXT.splitlines() if "write" in line]
    devices = '(literal "/dev/null") (literal "/dev/zero") (literal "/dev/random")'
    assert writing == [
        f'(allow file-read* file-write-data {devices} (literal "/dev/urandom"))',
        f'(allow file-read* file-write* (subpath "{SCRATCH}"))',
    ]


def test_the_project_and_the_python_can_be_read_and_no_home_directory():
    (reading,) = [line for line in rules_of(TEXT, "allow file-read*") if "/usr" in line]
    assert f'(subpath "{PROJECT}")' in reading
    assert '(subpath "/opt/python")' in reading
    for place in ('"/Users"', '"/Users/me"', '"/private/var"', '"/private/tmp"', '"/private/etc"'):
        assert place not in TEXT


def test_files_of_secrets_are_denied_after_the_project_was_allowed():
    lines = TEXT.splitlines()
    denied = lines.index('(deny file-read* (literal "/Users/me/project/.env"))')
    assert denied > max(i for i, line in enumerate(lines) if line.startswith("(allow"))


def test_an_empty_list_makes_no_rule_that_fits_everything():
    text = profile(None, Layout(LAYOUT.interpreter, (), (), (), (), ()), SCRATCH)
    assert "deny file-read*" not in text
    assert str(PROJECT) not in text
    unfiltered = {line for line in text.splitlines() if line.endswith("*)")}
    assert unfiltered == {"(deny network*)"}


def unquoted(text: str) -> str:
    """Read a string as the profile's language does."""
    assert (text[0], text[-1]) == ('"', '"')
    found, rest = "", text[1:-1]
    while rest:
        assert rest[0] != '"', text
        step = 2 if rest[0] == "\\" else 1
        found, rest = found + rest[step - 1], rest[step:]
    return found


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1))
def test_a_path_stays_one_string_whatever_is_in_it(name):
    path = Path("/x") / name
    if not str(path).isprintable():
        with pytest.raises(ValueError, match="cannot be written down"):
            quoted(path)
        return
    assert unquoted(quoted(path)) == str(path)


def test_quotes_and_backslashes_in_a_path_allow_nothing_more():
    hostile = Path('/Users/me/x") (subpath "/')
    text = profile(hostile, LAYOUT, SCRATCH)
    assert '(subpath "/Users/me/x\\") (subpath \\"")' in text.replace('/")', '")')
    assert '(subpath "/")' not in text


@pytest.mark.parametrize("path", ["/a\nb", "/a\x00b", "/a\x1bb", "/a\u202eb", "a/relative/one"])
def test_a_path_that_cannot_be_written_down_is_refused(path):
    with pytest.raises(ValueError, match="cannot be written down"):
        quoted(Path(path))


def test_the_command_line_hands_the_profile_over_and_sets_limits():
    found = command(PROGRAM, TEXT, (("n", 512), ("c", 0)), ["/bin/bash", "-c", "echo $1"])
    assert found[:3] == ["/usr/bin/sandbox-exec", "-p", TEXT]
    assert found[3:6] == ["/bin/sh", "-c", 'ulimit -n 512 && ulimit -c 0 && exec "$@"']
    assert found[-3:] == ["/bin/bash", "-c", "echo $1"]


def launcher(tmp_path: Path, body: str) -> str:
    path = tmp_path / "sandbox-exec"
    path.write_text(f"#!/bin/sh\n[ $1 = -p ] || exit 99\nshift 2\n{body}\n")
    path.chmod(0o755)
    return str(path)


CONFINING = """
exec /usr/bin/bwrap --ro-bind / / --dev /dev --proc /proc --unshare-net --unshare-pid \
    --tmpfs "${SCRATCH%/*}" --bind "$SCRATCH" "$SCRATCH" \\
    --remount-ro "${SCRATCH%/*}" --chdir "$PWD" -- "$@"
"""


class Seatbelt(Session):
    """A session with the executor for macOS."""

    def __init__(self, policy: Policy, launcher: str) -> None:
        super().__init__(policy)
        self.executor = SeatbeltExecutor(policy, dict(os.environ), launcher)


@pytest.fixture
def session(project, tmp_path):
    policy = Policy(project=project, limits=SMALL)
    with Seatbelt(policy, launcher(tmp_path, CONFINING)) as session:
        yield session


def test_blocks_run_where_every_promise_is_kept(session, project):
    assert session.python("print(open('file.txt').read(), end='')").out == "unchanged\n"
    assert all(proof.ok for proof in session.executor.proofs)
    assert len(session.executor.proofs) == 6
    result = session.bash(
        "pwd; echo x > $SCRATCH/x; mkdir $SCRATCH/artifacts; cd $SCRATCH;"
        " echo y > artifacts/y; echo no > file.txt; exit 3"
    )
    assert result.out == f"{project}\n"
    assert (result.status, result.finished.exit_code) == ("error", 3)
    assert [path.rpartition("/")[2] for path in result.finished.artifacts] == ["y"]
    assert session.bash("cat $SCRATCH/x; echo $HOME").out.startswith("x\n/")
    assert {path.name for path in project.iterdir()} == {"file.txt"}


def test_a_block_that_takes_too_long_floods_or_leaves_something_is_ended(session):
    assert session.bash("sleep 60", timeout=0.3).status == "timeout"
    assert session.bash("yes").status == "limit"
    assert session.bash("sleep 60 & echo on").out == "on\n"
    assert session.python("1 / 0").status == "error"
    assert session.block("tool", "x").status == "error"


def test_an_interrupt_ends_a_block(session):
    result = session.meanwhile("bash", "echo on; sleep 60", "on", session.executor.interrupt)
    assert (result.status, result.out) == ("cancelled", "on\n")


def test_nothing_runs_where_a_promise_is_broken(project, tmp_path):
    policy = Policy(project=project, limits=SMALL)
    with Seatbelt(policy, launcher(tmp_path, 'exec "$@"')) as session:
        with pytest.raises(SandboxUnavailable, match="does not keep its promises") as raised:
            session.bash("echo x > ran")
        for name in ("other files closed", "nothing outside writable", "no network"):
            assert name in raised.value.message
        assert "nothing was run" in raised.value.message
    assert {path.name for path in project.iterdir()} == {"file.txt"}


@pytest.mark.parametrize("body", ["exit 65", "echo nonsense", "echo cannot apply >&2; exit 71"])
def test_nothing_runs_where_the_launcher_fails(project, tmp_path, body):
    policy = Policy(project=project)
    for path, told in (
        (launcher(tmp_path, body), "Python does not start in it"),
        (str(tmp_path / "missing"), "it does not start"),
    ):
        with Seatbelt(policy, path) as session, pytest.raises(SandboxUnavailable, match=told):
            session.start()


def test_it_says_that_it_is_experimental(session, project):
    assert session.executor.name == "sandbox-exec"
    assert session.executor.policy.startswith("EXPERIMENTAL macOS sandbox: reads")
    told = " ".join(rules(session.executor.settings))
    assert "nothing lasts from one to the next" in told
    assert "variables, imports" not in told
