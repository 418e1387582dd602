"""`llmrepl exec`: one block in the sandbox, without a model."""

import pytest

from tests.cli.machine import interrupted


@pytest.mark.parametrize(
    ("lang", "code", "out", "err"),
    [
        (
            "python",
            "import sys\nprint('out')\nprint('err', file=sys.stderr)\n6 * 7",
            "out\n42\n",
            "err\n",
        ),
        ("bash", "echo out; echo err >&2", "out\n", "err\n"),
    ],
)
def test_output_goes_where_the_block_sent_it(machine, lang, code, out, err):
    ran = machine.run("exec", "--lang", lang, stdin=code)
    assert (ran.code, ran.out, ran.err) == (0, out, err)


def test_json_tells_everything(machine):
    code = "import sys\nprint('out')\nprint('err', file=sys.stderr)\n6 * 7"
    ran = machine.run("exec", "--lang", "python", "--json", stdin=code)
    assert (ran.code, ran.err) == (0, "")
    told = ran.json
    assert told.pop("ms") > 0
    assert told == {
        "status": "ok",
        "exit_code": 0,
        "stdout": "out\n",
        "stderr": "err\n",
        "value": "42",
        "limits": "",
        "diff": "",
        "sandbox": f"writes a copy of {machine.project}, and /tmp; no network",
    }


def test_a_block_can_come_from_a_file(machine):
    (machine.project / "code.py").write_text("import os\nprint(os.getcwd())\n")
    ran = machine.run("exec", "code.py")
    assert (ran.code, ran.out) == (0, f"{machine.project}\n")


def test_an_exit_code_is_an_error_and_is_told(machine):
    ran = machine.run("exec", "--lang", "bash", stdin="echo before; exit 3")
    assert (ran.code, ran.out) == (1, "before\n")
    assert "exit code 3" in ran.err
    told = machine.run("exec", "--lang", "bash", "--json", stdin="exit 3")
    assert told.code == 1
    assert (told.json["status"], told.json["exit_code"]) == ("error", 3)


def test_a_syntax_error_is_shown_with_its_place(machine):
    ran = machine.run("exec", "--lang", "python", stdin="x = 1\ny = = 2\n")
    assert (ran.code, ran.out) == (1, "")
    assert "line 2" in ran.err
    assert "y = = 2" in ran.err
    assert "SyntaxError" in ran.err


def test_an_exception_is_shown_with_its_place(machine):
    ran = machine.run("exec", "--json", stdin="def f():\n    return 1 / 0\n\nf()\n")
    assert ran.code == 1
    assert ran.json["status"] == "error"
    assert "ZeroDivisionError" in ran.json["stderr"]
    assert "line 2" in ran.json["stderr"]


@pytest.mark.parametrize(
    ("lang", "code"),
    [
        ("python", "print('so far', flush=True)\nwhile True: pass"),
        ("bash", "echo so far; while :; do :; done"),
    ],
)
def test_an_endless_loop_runs_out_of_time(machine, lang, code):
    ran = machine.run("exec", "--lang", lang, "--timeout", "0.5", "--json", stdin=code)
    assert ran.code == 6
    assert ran.json["status"] == "timeout"
    assert ran.json["stdout"] == "so far\n"
    assert "0.5 s" in ran.json["limits"]
    assert 400 < ran.json["ms"] < 10_000


def test_a_block_cannot_ask_for_more_time_than_there_is(machine):
    ran = machine.run(
        *("exec", "--lang", "bash", "--timeout", "60", "--json"),
        stdin="sleep 30",
        LLMREPL_SANDBOX_TIMEOUT_MAX="0.5",
        LLMREPL_SANDBOX_TIMEOUT="0.5",
    )
    assert (ran.code, ran.json["status"]) == (6, "timeout")


@pytest.mark.parametrize(
    ("lang", "code"),
    [
        ("bash", "bomb() { bomb | bomb & }; bomb; wait; sleep 30"),
        (
            "python",
            "import os, time\nwhile True:\n    try: os.fork()\n    except OSError: time.sleep(30)",
        ),
    ],
)
def test_a_fork_bomb_stays_in_its_box(machine, lang, code):
    ran = machine.run("exec", "--lang", lang, "--timeout", "2", "--json", stdin=code)
    assert ran.code in (1, 6)
    assert ran.json["status"] in ("timeout", "limit", "error")
    assert ran.json["limits"]
    assert machine.processes() == []


def test_two_gigabytes_are_more_than_there_are(machine):
    ran = machine.run("exec", "--json", stdin="x = bytearray(2 << 30)")
    assert ran.code == 6
    assert ran.json["status"] == "limit"
    assert "1 GiB of memory" in ran.json["limits"]


def test_two_gigabytes_in_small_pieces_are_too_many_as_well(machine):
    code = "x = []\nwhile True: x.append(bytearray(1 << 20))"
    ran = machine.run("exec", stdin=code, LLMREPL_SANDBOX_MEMORY="128MiB")
    assert (ran.code, ran.out) == (6, "")
    assert "128 MiB" in ran.err


def test_a_flood_of_output_is_ended(machine):
    ran = machine.run("exec", "--lang", "bash", "--json", stdin="yes")
    assert ran.code == 6
    assert ran.json["status"] == "limit"
    assert "it wrote more than 16 MiB" in ran.json["limits"]
    assert len(ran.out) < 1_000_000


def test_blocks_reach_nothing_outside(machine):
    (machine.home / "secret.txt").write_text("the secret")
    code = f"""
        cat {machine.home}/secret.txt
        echo x > {machine.project}/written
        echo x > /etc/written
        (exec 3<>/dev/tcp/127.0.0.1/1) && echo connected
        printenv OPENAI_API_KEY
        true
    """
    ran = machine.run("exec", "--lang", "bash", stdin=code, OPENAI_API_KEY="sk-secret")
    assert ran.out == ""
    assert "Read-only file system" in ran.err
    assert not (machine.project / "written").exists()


def test_control_sequences_of_a_block_are_taken_out(machine):
    code = r"print('\x1b]52;c;aGVsbG8=\x07safe\x1b[2J\x9b31m')"
    ran = machine.run("exec", stdin=code)
    assert ran.code == 0
    assert "safe" in ran.out
    assert "\x1b" not in ran.out
    assert "\x9b" not in ran.out


def test_an_empty_block_does_nothing(machine):
    assert machine.run("exec", stdin="").code == 0


def test_code_that_is_not_utf_8_is_refused_in_words(machine):
    ran = machine.run("exec", stdin=b"print('\xff')")
    assert (ran.code, ran.out) == (2, "")
    assert "is not UTF-8 text" in ran.err


def test_an_interrupt_ends_the_block_and_keeps_its_output(machine):
    (machine.project / "code.sh").write_text(f"echo so far; sleep 60.{machine.mark}")
    process = machine.start("exec", "--lang", "bash", "code.sh")
    assert process.stdout.readline() == b"so far\n"
    ran = interrupted(process)
    assert ran.code == 130
    assert "cancelled" in ran.err
    assert machine.processes() == machine.processes(f"60.{machine.mark}") == []


def test_a_refused_host_is_told_with_the_option_that_allows_it(machine):
    code = "import urllib.request as u; u.urlopen('https://b.test')"
    ran = machine.run("exec", "--net", "a.test", "--json", stdin=code)
    told = ran.json
    assert (ran.code, told["status"]) == (1, "error")
    assert "b.test:443 is not allowed: --net b.test allows it" in told["limits"]
    assert [(asked["host"], asked["decision"]) for asked in told["network"]] == [("b.test", "deny")]
    assert told["sandbox"].endswith("and /tmp; reaches a.test")
