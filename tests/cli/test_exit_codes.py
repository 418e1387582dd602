"""Every way a run can end, with the exit code that scripts rely on and what is said about it."""

import array
import fcntl
import os
import signal
import subprocess
import sys
import termios
import time

import pytest

from llmrepl.testing import Broken, Refused, Reply, Wire
from tests.cli.machine import NOBODY, WITHOUT_BUBBLEWRAP, WITHOUT_NAMESPACES, interrupted, until

HELLO = ("run", "--model", "openai/x", "hello")
BLOCK = "Look.\n\n<helpers>\n{}\n</helpers>\n"


# 1: the turn ended in an error


def test_a_server_that_fails_is_an_error(machine, serve):
    serve(Refused(500))
    ran = machine.run(*HELLO)
    assert (ran.code, ran.out) == (1, "")
    assert "failed with status 500" in ran.err


def test_a_reply_that_breaks_off_is_an_error_and_is_kept(machine, serve):
    serve(Broken("It begins we", "cut"))
    ran = machine.run("run", "--model", "openai/x", "--output", "json", "hello")
    assert ran.code == 1
    assert ran.json["stop"] == "error"
    assert ran.json["answer"] == "It begins we"
    assert len(ran.err.splitlines()) <= 2


def test_a_session_that_does_not_exist_is_an_error(machine):
    ran = machine.run("run", "--model", "demo/assistant", "--resume", "nothing-like-it", "hello")
    assert (ran.code, ran.out) == (1, "")
    assert "there is no session 'nothing-like-it'" in ran.err
    assert "llmrepl sessions list" in ran.err


# 2: wrong usage


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["run", "--frobnicate", "hello"], "No such option"),
        (["run", "--output", "xml", "hello"], "'xml' is not one of"),
        (["run"], "there is no prompt"),
        (["exec", "--lang", "cobol"], "'cobol' is not one of"),
        (["exec", "no-such-file.py"], "no-such-file.py"),
        (["chat"], "the chat needs a terminal"),
        ([], "the chat needs a terminal"),
        (["check", "frobnicate"], "no check is called frobnicate"),
        (["sessions", "show"], "Missing argument"),
    ],
)
def test_wrong_usage_says_what_is_wrong(machine, args, said):
    ran = machine.run(*args)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


# 3: no working sandbox


@pytest.mark.parametrize(
    ("command", "said", "fix"),
    [
        (WITHOUT_BUBBLEWRAP, "there is no bwrap on PATH", "apt install bubblewrap"),
        (WITHOUT_NAMESPACES, "bubblewrap could not make a sandbox", "container"),
    ],
)
def test_without_a_sandbox_nothing_runs_and_nobody_is_asked(machine, serve, command, said, fix):
    server = serve("Hello.")
    for args in (HELLO, ("exec", "--lang", "bash")):
        ran = machine.run(*args, stdin="echo hello", command=command)
        assert (ran.code, ran.out) == (3, "")
        assert said in ran.err
        assert fix in ran.err
    assert server.requests == []


# 4: configuration


def test_a_broken_file_is_named_with_its_line_and_key(machine):
    machine.configure('model = "demo/assistant"\n\n[limits]\nmax_steps = "many"\n')
    ran = machine.run("run", "hello")
    assert (ran.code, ran.out) == (4, "")
    assert f"{machine.user_file}:4" in ran.err
    assert "limits.max_steps" in ran.err
    assert "a whole number" in ran.err


def test_a_file_that_is_not_toml_is_named_with_its_line(machine):
    machine.configure("[limits\n")
    ran = machine.run("models")
    assert (ran.code, ran.out) == (4, "")
    assert f"{machine.user_file}:1" in ran.err


def test_an_unknown_key_is_refused_and_the_near_one_named(machine):
    machine.configure('modle = "demo/assistant"\n')
    ran = machine.run("run", "hello")
    assert ran.code == 4
    assert "modle" in ran.err
    assert "model" in ran.err.replace("modle", "")


def test_a_project_cannot_loosen_what_the_person_allows(machine):
    (machine.project / ".llmrepl.toml").write_text('approval = "auto"\n')
    ran = machine.run("run", "hello")
    assert ran.code == 4
    assert ".llmrepl.toml:1" in ran.err
    assert "approval" in ran.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--model", "gpt-4"], "provider/model"),
        (["--model", "nobody/x"], "there is no provider 'nobody'"),
        (["--max-steps", "0"], "--max-steps"),
        (["--budget", "cheap"], "--budget"),
        (["--approval", "maybe"], "deny, ask or auto"),
        (["--net", "*.[::1]"], "--net"),
    ],
)
def test_a_flag_that_is_not_accepted_is_a_configuration_error(machine, args, said):
    ran = machine.run("run", *args, "hello")
    assert (ran.code, ran.out) == (4, "")
    assert said in ran.err


def test_a_variable_that_is_not_accepted_is_named(machine):
    ran = machine.run("run", "hello", LLMREPL_LIMITS_MAX_STEPS="several")
    assert ran.code == 4
    assert "LLMREPL_LIMITS_MAX_STEPS" in ran.err


# 5: the provider refused


@pytest.mark.parametrize(
    ("model", "variable"), [("openai/x", "OPENAI_API_KEY"), ("groq/x", "GROQ_API_KEY")]
)
def test_a_wrong_key_is_refused_and_never_shown(machine, serve, model, variable):
    serve(Refused(401))
    ran = machine.run("run", "--model", model, "hello")
    assert (ran.code, ran.out) == (5, "")
    assert variable in ran.err
    assert machine.env[variable] not in ran.err


@pytest.mark.parametrize("model", ["ollama/lama3", "openai/lama3", "groq/lama3"])
def test_an_unknown_model_is_refused_and_those_that_exist_are_named(machine, serve, model):
    serve(Refused(404), models=("llama3.2:latest", "qwen3:8b"))
    ran = machine.run("run", "--model", model, "hello")
    assert (ran.code, ran.out) == (5, "")
    assert "has no model 'lama3'" in ran.err
    assert "llama3.2:latest" in ran.err


def test_a_bad_request_is_refused(machine, serve):
    serve(Refused(400), Refused(400))  # it is sent a second time, without what some servers lack
    ran = machine.run(*HELLO)
    assert (ran.code, ran.out) == (5, "")
    assert "refused the request" in ran.err


def test_a_missing_key_is_refused_before_anything_is_sent(machine):
    ran = machine.run("run", "--model", "groq/llama-3.3-70b-versatile", "hello")
    assert ran.code in (4, 5)
    assert "GROQ_API_KEY" in ran.err


# 6: a limit ended the turn


def test_the_number_of_steps_ends_a_turn(machine, serve):
    serve(BLOCK.format("print('once')"), "never asked for")
    ran = machine.run("run", "--model", "openai/x", "--max-steps", "1", "--output", "json", "hello")
    assert ran.code == 6
    assert ran.json["stop"] == "max_steps"
    assert ran.json["tool_calls"][0]["stdout"] == "once\n"
    assert "number of steps" in ran.err


def test_the_budget_ends_a_turn_before_a_call_that_it_has_no_room_for(machine, serve):
    server = serve("never asked for")
    model = "groq/llama-3.3-70b-versatile"
    args = ("--budget", "0.000001", "--output", "json")
    ran = machine.run("run", "--model", model, *args, "hello")
    assert ran.code == 6
    assert ran.json["stop"] == "budget"
    assert "the next call to groq/llama-3.3-70b-versatile can cost" in ran.err
    assert not server.requests


def test_the_time_ends_a_turn_and_the_reply_so_far_is_kept(machine, serve):
    serve(Reply("The beginning " + "and more " * 500, rate=50))
    args = ("--timeout", "4", "--output", "json")
    ran = machine.run("run", "--model", "openai/x", *args, "hello")
    assert ran.code == 6
    assert ran.json["stop"] == "max_time"
    assert ran.json["answer"].startswith("The")  # how far it comes is the machine's business
    assert ran.json["ms"] < 15_000


def test_a_model_that_repeats_itself_is_ended(machine, serve):
    serve(*[BLOCK.format("1 + 1")] * 9)
    ran = machine.run("run", "--model", "openai/x", "--output", "json", "hello")
    assert ran.code == 6
    assert ran.json["stop"] == "repetition"
    statuses = [call["status"] for call in ran.json["tool_calls"]]
    assert statuses == ["ok", "ok", "ok", "ok", "limit"]


def test_the_limit_of_output_tokens_ends_a_turn(machine, serve):
    serve("one two three four five six seven eight nine ten eleven twelve")
    ran = machine.run(*HELLO, LLMREPL_MAX_TOKENS=5)
    assert ran.code == 6
    assert ran.out.startswith("one two")
    assert "eleven" not in ran.out


# 75: try again later


def test_no_server_is_told_in_one_line_with_the_fix(machine):
    ran = machine.run("run", "--model", "ollama/llama3.2", "hello")
    assert (ran.code, ran.out) == (75, "")
    problem, fix = ran.err.splitlines()
    assert problem == f"llmrepl: No server answers at {NOBODY}"
    assert "ollama serve" in fix
    assert "OLLAMA_HOST" in fix


@pytest.mark.parametrize("model", ["ollama/x", "openai/x", "groq/x"])
def test_a_rate_limit_says_when_to_come_back_and_does_not_wait(machine, serve, model):
    serve(*[Refused(429, headers={"retry-after": "3600"})] * 9)
    ran = machine.run("run", "--model", model, "hello")
    assert (ran.code, ran.out) == (75, "")
    assert "try again in 3600 s" in ran.err


# 130: interrupted


def test_an_interrupt_keeps_the_reply_so_far(machine, serve):
    server = serve(Reply("Once upon a time " * 500, rate=60))
    process = machine.start("run", "--model", "openai/x", "--session", "s", "Tell me.")
    server.wait_for_requests(1, 30)
    until(lambda: server.tokens)
    time.sleep(0.5)
    ran = interrupted(process)

    assert ran.code == 130
    assert ran.out.startswith("Once upon a time")
    assert "a person interrupted" in ran.err
    last = machine.log("s")[-1]
    assert (last["type"], last["data"]["reason"]) == ("turn.finished", "cancelled")
    assert server.requests[0].ended.wait(5)
    assert server.requests[0].left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("how", ["import time; time.sleep({})", "import os; os.system('sleep {}')"])
def test_an_interrupt_ends_a_block_and_all_its_processes(machine, serve, how, number):
    serve(BLOCK.format("print('so far', flush=True)\n" + how.format(f"60.{machine.mark}")))
    args = ("--session", "s", "--output", "stream-json")
    process = machine.start("run", "--model", "openai/x", *args, "Wait.")
    while b"tool.started" not in process.stdout.readline():
        pass
    time.sleep(0.5)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == 130
    finished = next(r["data"] for r in machine.log("s")[1:] if r["type"] == "tool.finished")
    assert finished["status"] == "cancelled"
    assert finished["parts"][0]["text"] == "so far\n"
    assert machine.processes() == []
    assert machine.processes(f"60.{machine.mark}") == []


def test_an_interrupt_while_the_prompt_is_piped_in_is_quiet(machine):
    process = machine.start("run", stdin=subprocess.PIPE)
    os.write(process.stdin.fileno(), b"x")
    waiting = array.array("i", [1])
    until(lambda: fcntl.ioctl(process.stdin, termios.FIONREAD, waiting) or waiting[0] == 0)
    ran = interrupted(process)
    assert (ran.code, ran.out, ran.err.strip()) == (130, "", "")


def test_an_interrupt_while_modules_are_loaded_is_quiet(machine):
    driver = """if True:
        import os, signal, sys

        class Interrupting:
            def find_spec(self, name, path, target=None):
                if name == "click":
                    os.kill(os.getpid(), signal.SIGINT)

        sys.meta_path.insert(0, Interrupting())
        from llmrepl.__main__ import main
        sys.exit(main())
    """
    ran = machine.run("run", "hello", command=(sys.executable, "-c", driver))
    assert (ran.code, ran.out, ran.err) == (130, "", "")


def test_a_server_that_hangs_can_be_interrupted(machine, serve):
    server = serve(Broken("It begins", "hang"), wire=Wire())
    process = machine.start(*HELLO)
    server.wait_for_requests(1, 30)
    time.sleep(0.3)
    ran = interrupted(process)
    assert (ran.code, ran.out) == (130, "It begins\n")
