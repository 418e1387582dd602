"""Bash blocks are fresh shells that hand on their directory and exported variables."""

from __future__ import annotations

import shlex

import pytest

from llmrepl.executors.bash_syntax import check_bash
from tests.sandbox.session import processes


def test_output_and_exit_code_are_those_of_the_shell(shared):
    result = shared.bash("echo out; echo err >&2; exit 3")
    assert (result.status, result.finished.exit_code) == ("error", 3)
    assert (result.out, result.text("stderr")) == ("out\n", "err\n")
    assert result.reason == "exit code 3"


def test_a_block_starts_in_the_project_and_sees_it_at_its_own_path(shared):
    project = str(shared.executor.settings.project)
    result = shared.bash(f"cd {project}; pwd; cat README")
    assert result.out == f"{project}\nhello from the project\n"


def test_directory_and_exported_variables_carry_over_and_others_do_not(shared):
    shared.bash("cd /usr; export KEPT=$'two\\nlines \"and\" $more'; local_one=1; set -u; alias x=y")
    result = shared.bash('pwd; echo "$KEPT"; echo "[${local_one-unset}]"; echo "$nothing"')
    assert result.out == '/usr\ntwo\nlines "and" $more\n[unset]\n\n'


def test_they_carry_over_from_a_block_that_exits_or_fails(shared):
    shared.bash("cd /usr/lib; export MARK=1; exit 4")
    assert shared.bash("pwd; echo $MARK").out == "/usr/lib\n1\n"
    shared.bash("set -e; cd /usr/bin; false; cd /")
    assert shared.bash("pwd").out == "/usr/bin\n"


def test_a_directory_that_is_gone_gives_way_to_the_project(shared):
    shared.bash("mkdir /tmp/gone; cd /tmp/gone; rmdir /tmp/gone")
    assert shared.bash("pwd").out.strip() == str(shared.executor.settings.project)


def test_positional_parameters_are_empty_and_line_numbers_are_those_of_the_block(shared):
    result = shared.bash('echo "$#[$*]"\n\nno-such-command')
    assert result.out == "0[]\n"
    assert "line 3: no-such-command: command not found" in result.text("stderr")
    assert result.finished.exit_code == 127


def test_pipelines_end_as_plain_bash_has_them(shared):
    assert shared.bash("false | true").status == "ok"
    assert shared.bash("set -o pipefail; false | true").finished.exit_code == 1
    assert shared.bash("true | true").status == "ok"


def test_here_documents_quotes_and_unicode_come_through(shared):
    result = shared.bash("cat <<'END'\n$HOME `x` é 世界 \\\nEND\nprintf '%s' \"it's\"")
    assert result.out == "$HOME `x` é 世界 \\\nit's"


def test_code_longer_than_an_argument_may_be_runs(shared):
    result = shared.bash("# " + "x" * 200_000 + "\necho done")
    assert result.out == "done\n"


def test_what_a_block_left_running_is_gone_when_it_ends(shared):
    marker = "sleep 86421"
    code = f"{marker} & setsid {marker} & (setsid bash -c '{marker} & disown' &); echo started"
    result = shared.bash(code)
    assert result.out == "started\n"
    assert processes(marker) == []
    look = "import subprocess; subprocess.run(['ps', '-eo', 'args'], capture_output=True).stdout"
    assert marker not in shared.python(look).value


def test_the_variables_of_python_survive_bash_blocks(shared):
    shared.python("survivor = 5")
    shared.bash("sleep 0.01 & echo")
    assert shared.python("survivor").value == "5"


def test_standard_input_is_empty(shared):
    assert shared.bash("cat; read x || echo nothing").out == "nothing\n"


def test_programs_end_on_a_closed_pipe_as_usual(shared):
    result = shared.bash("yes | head -n 2; trap -p PIPE")
    assert (result.status, result.out) == ("ok", "y\ny\n")


def test_the_sandbox_s_python_is_the_one_on_its_path(shared):
    inside = shared.python("import sys; print(sys.version)").out
    assert shared.bash("python3 -c 'import sys; print(sys.version)'").out == inside


@pytest.mark.parametrize(
    "source",
    ["echo hi", "cat <<END\nx\nEND", "for i in 1 2; do echo $i; done\n", "", "# é 世界", "a\r\n"],
)
def test_a_complete_source_has_no_complaint(source):
    assert check_bash(source) == ""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("if true; then", "syntax error"),
        ("echo 'open", "unexpected EOF"),
        ("cat <<END\nno end", "here-document"),
        ("cat <<END\nEND </helpers>", "here-document"),
        ("fi", "line 1"),
        ("\0", "NUL"),
        ("x" * (2 << 20), "too long"),
    ],
)
def test_an_incomplete_source_has_one_line_of_complaint(source, told):
    problem = check_bash(source)
    assert told in problem
    assert "\n" not in problem


def test_checking_runs_nothing(tmp_path):
    assert check_bash(f"touch {tmp_path}/made; $(touch {tmp_path}/made)") == ""
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_nests_without_end_is_refused_in_bounded_time():
    assert check_bash("$(" * 50_000) != ""
    assert check_bash("{ " * 100_000) != ""


def test_what_a_block_writes_into_its_state_is_never_run(shared):
    shared.bash("export KEPT=kept")
    for forged in (
        "exit 5",
        'declare -x KEPT="forged"; touch /tmp/ran',
        'declare -x KEPT="$(touch /tmp/ran)"',
        "declare -x KEPT=`touch /tmp/ran`",
        "declare -ax KEPT=([a[$(touch /tmp/ran)]]=1)",
        "declare -x PATH=/nowhere; exec true",
    ):
        shared.bash(f"printf '%s\\0%s\\n' /usr {shlex.quote(forged)} >&62; trap - EXIT")
        found = shared.bash("pwd; ls /tmp | grep ran; echo alive $KEPT; cd /tmp; export KEPT=kept")
        assert found.out == "/usr\nalive\n", forged


def test_a_later_block_can_mend_what_was_made_read_only(shared):
    shared.bash("export POSIXLY_CORRECT=1 PATH=/nowhere; declare -rx LANG=x")
    found = shared.bash(
        "unset POSIXLY_CORRECT; export PATH=/usr/bin:/bin LANG=C.UTF-8; ls / | head -1"
    )
    assert found.out == "bin\n"
    assert shared.bash("echo $PATH $LANG").out == "/usr/bin:/bin C.UTF-8\n"
