"""The layers of the configuration, through the command line: each overrides the one before it."""

import pytest

from llmrepl.testing import Wire

BLOCK = "Step.\n\n<helpers>\n{}\n</helpers>\n"


@pytest.fixture
def steps(machine):
    """Return how many steps a turn may have, for the given arguments and variables."""
    model = machine.script(*(BLOCK.format(number) for number in range(9)), "never reached")

    def found(*args, **env):
        ran = machine.run("run", "--output", "json", *args, "hello", LLMREPL_MODEL=model, **env)
        assert ran.code == 6, ran
        return ran.json["steps"]

    return found


def test_each_layer_overrides_the_one_before_it(machine, steps):
    machine.configure("[limits]\nmax_steps = 5\n")
    assert steps() == 5
    (machine.project / ".llmrepl.toml").write_text("[limits]\nmax_steps = 4\n")
    assert steps() == 4
    assert steps(LLMREPL_LIMITS_MAX_STEPS=3) == 3
    assert steps("--max-steps", "2", LLMREPL_LIMITS_MAX_STEPS=3) == 2


def test_the_xdg_directories_are_honoured(machine):
    places = {
        "XDG_CONFIG_HOME": machine.root / "xdg" / "config",
        "XDG_DATA_HOME": machine.root / "xdg" / "data",
    }
    file = places["XDG_CONFIG_HOME"] / "llmrepl" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'model = "{machine.script("Hello.")}"\n')
    ran = machine.run("run", "--session", "mine", "hello", **places)
    assert (ran.code, ran.out) == (0, "Hello.\n")
    assert (places["XDG_DATA_HOME"] / "llmrepl" / "sessions" / "mine.jsonl").is_file()
    assert not machine.sessions.exists()


def test_the_directory_of_the_sessions_can_be_set(machine):
    directory = machine.home / "elsewhere"
    env = {"LLMREPL_SESSIONS_DIRECTORY": directory, "LLMREPL_MODEL": machine.script("Hello.")}
    assert machine.run("run", "--session", "mine", "hello", **env).code == 0
    assert {path.name for path in directory.iterdir()} == {"mine.jsonl", "blobs"}
    assert machine.run("sessions", "list", **env).out.startswith("mine")


def test_a_project_file_is_found_from_a_directory_below_it(machine, steps):
    (machine.project / ".llmrepl.toml").write_text("[limits]\nmax_steps = 2\n")
    assert steps() == 2


def test_an_unknown_variable_is_warned_about(machine):
    ran = machine.run("run", "hello", LLMREPL_MODLE="x/y", LLMREPL_MODEL="demo/assistant")
    assert ran.code == 0
    assert "LLMREPL_MODLE" in ran.err
    assert ran.err.startswith("llmrepl: warning: ")


def test_no_mode_runs_an_ambiguous_block_without_a_person(machine, serve):
    # No reading of this block compiles, so nobody can be sure where it ends.
    block = "Hm.\n\n<helpers>\nprint('a'\n</helpers>\nx = (\n</helpers>\n"
    serve(*[block, "Done."] * 3, wire=Wire(obeys_stop=False))
    for mode in ("ask", "deny", "auto"):
        args = ("--approval", mode, "--output", "json")
        ran = machine.run("run", "--model", "openai/x", *args, "go")
        assert (ran.code, ran.json["answer"]) == (0, "Done.")
        assert ran.json["tool_calls"][0]["status"] == "denied"


def test_a_key_can_be_kept_in_a_variable_of_another_name(machine, serve):
    server = serve("Hello.")
    machine.configure('[providers.openai]\napi_key_env = "MY_KEY"\n')
    ran = machine.run("run", "--model", "openai/x", "hello", MY_KEY="sk-of-my-own")
    assert ran.code == 0
    assert server.requests[0].headers["authorization"] == "Bearer sk-of-my-own"
    ran = machine.run("run", "--model", "openai/x", "hello")
    assert ran.code == 4
    assert "MY_KEY, which is not set" in ran.err


def test_variables_reach_blocks_only_where_they_are_named(machine):
    machine.configure('[sandbox]\nenv = ["SHOWN"]\n')
    code = "echo ${SHOWN-nothing} ${HIDDEN-nothing}"
    ran = machine.run("exec", "--lang", "bash", stdin=code, SHOWN="yes", HIDDEN="no")
    assert (ran.code, ran.out) == (0, "yes nothing\n")
