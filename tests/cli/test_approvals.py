"""Without a terminal there is nobody to ask, so rules and the mode answer."""

import pytest

BLOCK = '<helpers lang="bash">\ngetent passwd root > /dev/null; echo it has run\n</helpers>'
"""It starts a program of which nothing is known."""


@pytest.mark.parametrize(
    ("args", "rules", "status"),
    [
        ((), "", "ok"),
        (("--net", "example.org"), "", "denied"),
        (("--net", "example.org"), "allow bash: getent\n", "ok"),
        (("--net", "example.org", "--approval", "auto"), "", "ok"),
        (("--net", "example.org", "--approval", "auto"), "ask bash\n", "denied"),
        ((), "deny any: getent\n", "denied"),
    ],
)
def test_a_block_that_needs_a_yes_runs_only_where_a_rule_or_the_mode_gives_it(
    machine, args, rules, status
):
    file = machine.user_file.with_name("permissions")
    file.parent.mkdir(parents=True)
    file.write_text(rules)
    script = machine.script(BLOCK, "Done.")
    ran = machine.run("run", "--model", script, "--output", "json", *args, "go")
    assert (ran.code, ran.json["answer"]) == (0, "Done.")
    (call,) = ran.json["tool_calls"]
    assert call["status"] == status
    assert ("it has run" in call["stdout"]) is (status == "ok")


def test_rules_that_cannot_be_read_are_an_error_of_the_configuration(machine):
    (machine.project / ".llmrepl.permissions").write_text("allow bash\n")
    ran = machine.run("run", "--model", machine.script("Hello."), "hello")
    assert ran.code == 4
    assert ".llmrepl.permissions:1: a rule there cannot allow: allow bash" in ran.err
