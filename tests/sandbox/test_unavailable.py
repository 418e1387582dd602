"""Where bubblewrap cannot work, or not wholly.

Either nothing runs and the fix is told, or a variant that proves itself is taken and told.
"""

from __future__ import annotations

import json
import platform

import pytest

from tests.cli.machine import LLMREPL, WITHOUT_BUBBLEWRAP, Machine, until
from tests.repl.terminal import PROMPT, Terminal
from tests.sandbox.emulations import (
    MASKED_PROC,
    NESTED,
    NO_LANDLOCK,
    NO_NAMESPACES_LEFT,
    container_filter,
    old_bubblewrap,
)

FILTERED = container_filter(platform.machine())

REFUSING = {
    "no bubblewrap": (WITHOUT_BUBBLEWRAP[:-1], "there is no bwrap on PATH", "install bubblewrap"),
    "no namespaces left": (NO_NAMESPACES_LEFT, "could not make", "user.max_user_namespaces=16384"),
    "nested": (NESTED, "could not make a sandbox", "start"),
    "a container's filter": (FILTERED, "could not make a sandbox", "start it"),
    "a filter and a masked /proc": ((*MASKED_PROC, *FILTERED), "could not make", "start it"),
}

BLOCK = 'Look.\n\n<helpers lang="bash">\ntouch ran /tmp/ran-{mark}\n</helpers>\n'


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def nothing_ran(machine):
    assert machine.processes() == []
    assert not list(machine.root.rglob("ran*"))


@pytest.mark.parametrize("name", REFUSING)
def test_nothing_runs_and_the_fix_is_told(machine, name):
    prefix, said, fix = REFUSING[name]
    command = (*prefix, LLMREPL)
    model = machine.script(BLOCK.format(mark=machine.mark), "Done.")
    for args, code in (
        (("exec", "--lang", "bash"), 3),
        (("run", "--model", model, "go"), 3),
        (("check", "sandbox", "--model", model), 1),
    ):
        ran = machine.run(*args, stdin="touch ran", command=command)
        told = ran.out + ran.err
        assert ran.code == code, (args, ran)
        assert said in told
        assert "nothing was run" in told
        assert fix in told
        assert "--sandbox reduced" in told
    nothing_ran(machine)


@pytest.mark.parametrize("name", ["no namespaces left", "a container's filter"])
def test_a_chat_goes_on_without_running_anything(machine, name):
    prefix, said, fix = REFUSING[name]
    model = machine.script(BLOCK.format(mark=machine.mark), "I could not.")
    terminal = Terminal(machine, "--model", model, command=(*prefix, LLMREPL))
    try:
        terminal.wait("Ctrl-D to leave", PROMPT)
        terminal.turn("go", "✗ denied", said, fix, "I could not.")
        terminal.appear("NO SANDBOX: /check says why")
        assert terminal.leave() == 0
    finally:
        terminal.kill()
    nothing_ran(machine)


@pytest.mark.parametrize("name", REFUSING)
def test_the_reduced_sandbox_works_there_when_it_is_asked_for(machine, name):
    prefix, _, _ = REFUSING[name]
    args = ("exec", "--lang", "bash", "--json", "--sandbox", "reduced")
    code = "echo x > $SCRATCH/x && cat $SCRATCH/x; echo x > ran; cat /proc/1/status; echo $HOME"
    ran = machine.run(*args, stdin=code, command=(*prefix, LLMREPL))
    assert ran.json["stdout"].startswith("x\n/"), ran
    assert ran.json["stdout"].count("\n") == 2
    assert ran.json["sandbox"].startswith("REDUCED sandbox")
    assert "REDUCED sandbox" in ran.err
    nothing_ran(machine)


def test_without_landlock_there_is_no_reduced_sandbox_either(machine):
    for prefix in (NO_LANDLOCK, (*FILTERED, *NO_LANDLOCK)):
        args = ("exec", "--sandbox", "reduced")
        ran = machine.run(*args, stdin="open('ran', 'w')", command=(*prefix, LLMREPL))
        assert ran.code == 3
        assert "Landlock of version 6" in ran.err
        assert "Linux 6.12" in ran.err
    nothing_ran(machine)


def details(machine, **options):
    ran = machine.run("check", "sandbox", "--json", "--model", "demo/assistant", **options)
    assert ran.code == 0, ran
    return json.loads(ran.out)["details"]


VARIANTS = {
    "with an empty /proc": (MASKED_PROC, False),
    "without --size and --disable-userns": ((), True),
    "without --size and --disable-userns, with an empty /proc": (MASKED_PROC, True),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_another_variant_that_proves_itself_is_taken_and_told(machine, tmp_path, variant):
    prefix, old = VARIANTS[variant]
    env = {"PATH": old_bubblewrap(tmp_path / "old")} if old else {}
    command = (*prefix, LLMREPL)
    found = details(machine, command=command, **env)
    assert found["variant"] == variant
    assert all(proof["ok"] for proof in found["proofs"])
    code = "unshare -U true || echo no; echo x > ran; ls /proc | wc -l; cat < /dev/null; exit 4"
    args = ("exec", "--lang", "bash", "--json")
    ran = machine.run(*args, stdin=code, command=command, **env)
    assert ran.json["exit_code"] == 4, ran
    assert ran.json["stdout"].startswith("no\n")
    if "empty" in variant:
        assert ran.json["stdout"] == "no\n0\n"
    assert not (machine.project / "ran").exists()


def test_whatever_a_reduced_sandbox_runs_ends_when_llmrepl_is_killed(machine):
    mark = f"70.{machine.mark}"
    code = f"(setsid sleep {mark} &); setsid -f bash -c 'sleep {mark} & wait'; sleep {mark}"
    (machine.project / "code.sh").write_text(code)
    process = machine.start("exec", "--lang", "bash", "--sandbox", "reduced", "code.sh")
    until(lambda: len(machine.processes(f"sleep\0{mark}")) == 3)
    process.kill()
    process.communicate(timeout=20)
    until(lambda: machine.processes(mark) == [])
    until(lambda: machine.processes() == [])


def test_nobody_is_asked_in_the_reduced_sandbox_where_blocks_write_their_scratch_alone(machine):
    block = 'Look.\n\n<helpers lang="bash">\necho x > $SCRATCH/x; cat $SCRATCH/x\n</helpers>\n'
    model = machine.script(block, "Done.")
    args = ("run", "--sandbox", "reduced", "--output", "json", "--model", model, "go")
    (call,) = machine.run(*args).json["tool_calls"]
    assert (call["status"], call["stdout"]) == ("ok", "x\n")
