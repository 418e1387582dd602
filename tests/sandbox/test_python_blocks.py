"""Python blocks behave like the cells of a notebook."""

from __future__ import annotations

import pytest

from llmrepl.executors import Policy
from tests.sandbox.session import Session


def test_the_value_of_a_last_expression_is_shown(shared):
    result = shared.python("x = 20\nx + 1")
    assert result.status == "ok"
    assert result.finished.exit_code == 0
    assert result.value == "21"
    assert result.out == ""


def test_none_is_not_shown(shared):
    assert shared.python("None").finished.parts == ()
    assert shared.python("").finished.parts == ()
    assert shared.python("# only a comment").status == "ok"


def test_variables_imports_functions_and_the_working_directory_last(shared):
    shared.python("import math, os\ndef twice(n): return 2 * n\nkept = twice(21); os.chdir('/tmp')")
    assert shared.python("(kept, math.floor(2.5), twice(2), os.getcwd())").value == (
        "(42, 2, 4, '/tmp')"
    )


def test_the_last_value_is_in_the_underscore(shared):
    shared.python("40")
    assert shared.python("_ + 2").value == "42"


def test_what_is_written_arrives_while_the_block_runs_and_in_its_result(shared):
    result = shared.python("import sys\nprint('out')\nprint('err', file=sys.stderr)\n'v'")
    assert "out\n" in result.live
    assert "err\n" in result.live
    assert [(p.stream, p.text) for p in result.finished.parts] == [
        ("stdout", "out\n"),
        ("stderr", "err\n"),
        ("value", "'v'"),
    ]


def test_an_exception_shows_the_lines_of_the_block_and_nothing_else(shared):
    result = shared.python("def inner():\n    return 1 / 0\n\ninner()")
    assert result.status == "error"
    assert result.finished.exit_code == 1
    assert result.reason == "ZeroDivisionError: division by zero"
    error = result.text("error")
    assert error.startswith("Traceback (most recent call last):")
    assert error.count("  File ") == 2
    assert "line 4, in <module>\n    inner()" in error
    assert "return 1 / 0" in error
    assert "_llmrepl_inside" not in error


def test_a_traceback_reaches_into_earlier_blocks(shared):
    shared.python("def from_before():\n    raise KeyError('lost')")
    error = shared.python("from_before()").text("error")
    assert "raise KeyError('lost')" in error
    assert "from_before()" in error


def test_frames_of_libraries_are_left_out_and_causes_are_kept(shared):
    code = (
        "import json\ntry:\n    json.loads('{')\nexcept ValueError as e:\n"
        "    raise RuntimeError('no') from e"
    )
    error = shared.python(code).text("error")
    assert "decoder.py" not in error
    assert "json.loads('{')" in error
    assert "The above exception was the direct cause" in error
    assert error.endswith("RuntimeError: no")


def test_state_survives_an_exception(shared):
    shared.python("before = 1\nraise ValueError")
    assert shared.python("before").value == "1"


@pytest.mark.parametrize("code", ["print('ran')\nif True\n    pass", "print('ran')\nx = (1,\n"])
def test_a_syntax_error_runs_nothing_and_points_at_the_place(shared, code):
    result = shared.python(code)
    assert result.status == "error"
    assert "ran" not in result.out
    error = result.text("error")
    assert "line 2" in error
    assert "^" in error
    assert result.reason.startswith("SyntaxError")
    assert "Traceback" not in error


def test_await_works_at_top_level_and_its_loop_lasts(shared):
    assert (
        shared.python(
            "import asyncio\nawait asyncio.sleep(0.001)\nloop = asyncio.get_running_loop()"
        )
    ).status == "ok"
    assert shared.python("await asyncio.sleep(0, loop is asyncio.get_running_loop())").value == (
        "True"
    )
    assert shared.python("async def f(): raise OSError('x')\nawait f()").reason == "OSError: x"


@pytest.mark.parametrize(
    ("code", "status", "exit_code"),
    [
        ("exit()", "ok", 0),
        ("quit(0)", "ok", 0),
        ("import sys; sys.exit(3)", "error", 3),
        ("raise SystemExit('bye')", "error", 1),
    ],
)
def test_exit_ends_the_block_and_not_the_session(shared, code, status, exit_code):
    shared.python("alive = True")
    result = shared.python(f"{code}\nprint('after')")
    assert (result.status, result.finished.exit_code) == (status, exit_code)
    assert result.out == ""
    assert shared.python("alive").value == "True"


def test_the_message_of_an_exit_is_on_stderr(shared):
    assert shared.python("raise SystemExit('bye')").text("stderr") == "bye\n"


def test_nobody_can_type_and_the_reason_says_so(shared):
    result = shared.python("input('name? ')")
    assert "EOFError" in result.text("error")
    assert "standard input is empty" in result.reason


def test_a_process_that_ends_itself_loses_the_variables_and_says_so(shared):
    shared.python("gone = 1")
    result = shared.python("import os; os._exit(9)")
    assert (result.status, result.finished.exit_code) == ("error", 9)
    assert "variables are lost" in result.reason
    assert shared.python("gone").reason == "NameError: name 'gone' is not defined"


def test_a_crash_names_its_signal(shared):
    result = shared.python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert result.status == "error"
    assert "SIGSEGV" in result.reason
    assert shared.python("1").value == "1"


def test_a_fork_that_comes_to_the_end_of_the_block_ends_there(shared):
    code = (
        "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\n"
        "print('parent' if pid else 'child')"
    )
    result = shared.python(code)
    assert result.status == "ok"
    assert sorted(result.out.split()) == ["child", "parent"]
    assert shared.python("1 + 1").value == "2"


def test_threads_processes_and_pipes_work(shared):
    code = """
import concurrent.futures, multiprocessing, subprocess, sys
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    threads = list(pool.map(abs, [-1, -2]))
with multiprocessing.get_context("fork").Pool(2) as pool:
    forks = pool.map(abs, [-3, -4])
said = subprocess.run([sys.executable, "-c", "print(5)"], capture_output=True, text=True).stdout
(threads, forks, said)
"""
    assert shared.python(code).value == r"([1, 2], [3, 4], '5\n')"


def test_a_stream_that_a_block_closed_is_back_for_the_next(shared):
    shared.python("import sys; sys.stdout.close(); sys.stdin.close()")
    assert shared.python("print('here')").out == "here\n"


def test_a_value_whose_repr_fails_is_an_error_of_the_block(shared):
    result = shared.python("class Bad:\n    def __repr__(self): return 1 / 0\nBad()")
    assert result.reason == "ZeroDivisionError: division by zero"


def test_a_huge_value_keeps_head_and_tail(shared):
    result = shared.python("'a' * 1_000_000 + 'z'")
    assert result.status == "ok"
    assert len(result.value) < 200_000
    assert result.value.startswith("'aaa")
    assert result.value.endswith("z'")
    assert result.finished.dropped_bytes > 800_000


def test_every_character_comes_through_and_control_sequences_do_not(shared):
    result = shared.python(
        r"print('héllo 世界 😀 \x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07\u202eevil')"
    )
    assert result.out == "héllo 世界 😀 red evil\n"
    assert shared.python(r"'\ud800'").status == "ok"
    assert "\x1b" not in shared.python(r"raise ValueError('\x1b[2J')").text("error")


def test_bytes_that_are_no_text_are_replaced(shared):
    result = shared.python("import os; os.write(1, bytes(range(256))) and None")
    assert "\ufffd" in result.out
    assert "ABC" in result.out


def test_too_long_a_source_is_refused_and_the_session_goes_on(shared):
    result = shared.python("#" * (2 << 20))
    assert result.status == "error"
    assert "too long" in result.reason
    assert shared.python("1").value == "1"


def test_a_nul_character_is_refused(shared):
    assert "NUL" in shared.python("a\0b").reason
    assert "NUL" in shared.bash("a\0b").reason


def test_a_tool_does_not_exist_here_and_the_reason_names_what_does(shared):
    result = shared.block("tool", "{}")
    assert result.status == "error"
    assert "python" in result.reason
    assert "bash" in result.reason


def test_an_unknown_language_is_refused(shared):
    assert "ruby" in shared.block("ruby", "puts 1").reason


def test_files_under_artifacts_are_handed_over(shared):
    shared.python("import os; os.makedirs('/tmp/artifacts/plots', exist_ok=True)")
    result = shared.python("open('/tmp/artifacts/plots/a.txt', 'w').write('figure')")
    (path,) = result.finished.artifacts
    assert path == str(shared.scratch / "artifacts/plots/a.txt")
    assert (shared.scratch / "artifacts/plots/a.txt").read_text() == "figure"
    assert shared.python("1").finished.artifacts == ()


def test_a_process_left_by_python_lives_on_and_its_output_harms_nobody(shared):
    code = (
        "import subprocess\nleft = subprocess.Popen(['bash', '-c',"
        " 'while sleep 0.01; do echo still here; done'])"
    )
    shared.python(code)
    assert shared.bash("true").status == "ok"
    assert shared.python("import time; time.sleep(0.1); left.poll()").finished.parts == ()
    shared.python("left.kill(); left.wait()")


def test_a_double_fork_of_python_lives_on_after_a_bash_block(shared):
    code = (
        "import os, subprocess\n"
        "subprocess.run(['bash', '-c', 'setsid sleep 97.5 >/dev/null 2>&1 & echo $!'])"
    )
    assert shared.python(code).out.strip().isdigit()
    assert "97.5" in shared.bash("ps -eo args").out
    assert "97.5" in shared.bash("ps -eo args").out
    shared.bash("pkill -f 'sleep 97.[5]'")


def test_the_first_block_tells_the_version_of_python_and_a_later_one_nothing(project):
    with Session(Policy(project=project)) as session:
        told = session.python("import sys; '%d.%d.%d' % sys.version_info[:3]")
        assert told.finished.versions == {"python": told.value.strip("'")}
        assert session.python("import json, wave").finished.versions == {}


def test_versions_that_a_block_makes_up_are_cut_or_left_out(shared):
    make = (
        "import sys, types\nfor name, version in {}.items():\n    made = types.ModuleType(name)\n"
    )
    make += (
        "    made.__file__, made.__version__ = '/opt/x.py', version\n    sys.modules[name] = made"
    )
    told = shared.python(make.format({"aa": "\x1b[31m1", "bb": "9" * 999, "cc": 7}))
    assert told.finished.versions == {"aa": "1", "bb": "9" * 64}
    assert shared.python("sys.modules[1] = None; 2").value == "2"
    assert shared.python("del sys.modules[1]; 3").value == "3"
