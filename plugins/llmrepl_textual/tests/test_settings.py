"""The settings: what is in force and why, and what a person changes about it."""

import os
import sys

import pytest

from llmrepl.config import load
from llmrepl.config.paths import config_directory, data_directory
from llmrepl.config.showing import show
from llmrepl.config.trying import change
from llmrepl.errors import ConfigError
from llmrepl.events import ApprovalDecided, ConfigChanged
from llmrepl_textual.settings.health import STYLES
from llmrepl_textual.settings.values import editable
from llmrepl_textual.tests.host import events, line_with, said, text, until
from llmrepl_textual.tests.panes import (
    OUTCOMES,
    SIZES,
    configured,
    filtered,
    looks,
    opened,
    play,
    settled,
)
from llmrepl_textual.widgets.dialogs import Ask, Confirm

OWN = """# mine
[limits]
max_steps = 12  # enough

[sandbox]
timeout = 30
"""
PROJECT = "[sandbox]\ntimeout = 20\n"
RULES = "# mine\nallow bash: git status\ndeny any path: ~/.ssh/**\n"


def asks(pilot, words=""):
    """Return whether something is asked."""
    return isinstance(pilot.app.screen, Ask | Confirm) and words in text(pilot)


async def answered(pilot, value):
    """Type an answer in the stead of what stands there, and send it."""
    await until(pilot, lambda: asks(pilot))
    pilot.app.focused.value = value
    await pilot.press("enter")


async def changed(pilot, pane, key, value):
    """Choose a setting and give it a value."""
    await filtered(pilot, pane, key)
    assert pane.chosen.key == key
    await pilot.press("enter")
    await answered(pilot, value)


def kept(machine):
    return config_directory(os.environ) / "permissions"


def test_every_setting_has_a_row_with_its_value_and_its_source(machine):
    file = configured(machine, OWN, PROJECT)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8")
        assert [row.key for row in pane.found] == [row.key for row in show(desk.loaded, os.environ)]
        await filtered(pilot, pane, "sandbox.timeout")
        assert "20.0" in line_with(pilot, " sandbox.timeout  ")
        assert "project file:2" in line_with(pilot, " sandbox.timeout  ")
        assert "a project file may only make it stricter" in text(pilot)
        assert "which stands above your own file" in text(pilot)
        await filtered(pilot, pane, "your file")
        assert [row.key for row in pane.found] == ["limits.max_steps"]
        assert pane.chosen.source == f"{file}:3"
        await pilot.press("escape")
        assert len(pane.found) > 50

    play(machine.desk("demo/assistant"), plays, (120, 40))


def test_a_value_is_changed_in_ones_own_file_and_nothing_else_of_it(machine):
    file = configured(machine, OWN)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8")
        await changed(pilot, pane, "limits.max_steps", "7")
        await settled(pilot, pane)
        assert file.read_text() == OWN.replace("max_steps = 12", "max_steps = 7")
        assert pane.told == f"limits.max_steps is set in {file}: it holds for the next chat"
        assert pane.chosen.text == "7"
        assert "your file:3" in line_with(pilot, "limits.max_steps  ")

    play(machine.desk("demo/assistant"), plays, (120, 40))


def test_what_is_not_accepted_is_asked_again_with_the_reason(machine):
    file = configured(machine, OWN)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8")
        await changed(pilot, pane, "limits.max_steps", "many")
        await until(pilot, lambda: asks(pilot, 'limits.max_steps is "many"'))
        assert pilot.app.focused.value == "many"
        assert file.read_text() == OWN
        await answered(pilot, "8")
        await settled(pilot, pane)
        assert "max_steps = 8" in file.read_text()

    play(machine.desk("demo/assistant"), plays, (120, 40))


def test_what_a_project_file_says_counts_and_that_is_told(machine):
    file = configured(machine, OWN, PROJECT)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8")
        await changed(pilot, pane, "sandbox.timeout", "40")
        await settled(pilot, pane)
        assert "timeout = 40" in file.read_text()
        assert ".llmrepl.toml:2 says 20.0, and that counts here" in pane.told
        await pilot.press("enter")
        await answered(pilot, "5")
        await until(pilot, lambda: asks(pilot, "allows more"))
        await pilot.press("escape")
        await settled(pilot, pane)
        assert "timeout = 40" in file.read_text()

    play(machine.desk("demo/assistant"), plays, (120, 40))


def test_a_flag_stands_above_what_is_changed(machine):
    async def plays(pilot, desk):
        pane = await opened(pilot, "f8")
        await changed(pilot, pane, "model", "groq/tea")
        await settled(pilot, pane)
        assert '--model says "demo/assistant", and that counts here' in pane.told
        assert load({}, os.environ, desk.cwd).config.model == "groq/tea"

    play(machine.desk("demo/assistant"), plays, (120, 40))


def test_a_value_is_taken_out_after_a_question(machine):
    file = configured(machine, OWN)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8")
        await filtered(pilot, pane, "limits.max_steps")
        await pilot.press("u")
        await until(pilot, lambda: asks(pilot, "Take it out"))
        await pilot.press("escape")
        await settled(pilot, pane)
        assert file.read_text() == OWN
        await pilot.press("u")
        await until(pilot, lambda: asks(pilot, "y: take it out"))
        await pilot.press("y")
        await settled(pilot, pane)
        assert "max_steps" not in file.read_text()
        assert pane.chosen.source == "default"
        await pilot.press("u")
        await settled(pilot, pane)
        assert "does not stand in" in pane.told

    play(machine.desk("demo/assistant"), plays)


def test_a_secret_is_neither_shown_nor_typed(machine):
    configured(machine, '[providers.groq]\napi_key = "gsk_of_nobody_12345"\n')

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8")
        await filtered(pilot, pane, "providers.groq.api_key")
        assert "********" in text(pilot)
        assert "gsk_of_nobody" not in text(pilot)
        await pilot.press("enter")
        await settled(pilot, pane)
        assert "is secret, and is not shown or typed here" in pane.told

    play(machine.desk("demo/assistant"), plays)


def test_a_file_that_was_broken_meanwhile_is_told_in_words(machine):
    file = configured(machine, OWN)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8")
        file.write_text("limits = 3\n")
        await pilot.press("r")
        await settled(pilot, pane)
        assert "config.toml:1: limits is 3" in pane.told
        assert pane.found

    play(machine.desk("demo/assistant"), plays)


@pytest.mark.parametrize(
    ("key", "text_", "typed"),
    [
        ("limits.max_steps", "9", "9"),
        ("ui.theme", "light", "light"),
        ("sandbox.net", "a.org, b.org:443", "a.org, b.org:443"),
        ("sandbox.write", "/one:/two", "/one:/two"),
        ("sandbox.memory", "512MiB", "512MiB"),
        ("sessions.save", "false", "false"),
        ("models.main", "a/1,b/2", "a/1, b/2"),
        ("providers.ollama.options.num_ctx", "8192", "8192"),
    ],
)
def test_a_value_is_typed_as_it_is_read(machine, key, text_, typed):
    file = config_directory(os.environ) / "config.toml"
    loaded = change(file, key, text_, environ=os.environ, cwd=machine.project)
    (row,) = [row for row in show(loaded) if row.key == key]
    assert editable(row) == typed
    again = change(file, key, editable(row), environ=os.environ, cwd=machine.project)
    assert again.values == loaded.values


def test_what_no_line_can_hold_is_said(machine):
    configured(machine, '[models]\nmain = [["a/1", "b/2"], "c/3"]\n')
    loaded = load({}, os.environ, machine.project)
    (row,) = [row for row in show(loaded) if row.key == "models.main"]
    with pytest.raises(ConfigError, match="no single line"):
        editable(row)


def test_rules_are_listed_added_and_taken_back(machine):
    configured(machine)
    kept(machine).write_text(RULES)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8", 2)
        assert [str(entry.rule) for entry in pane.entries] == RULES.splitlines()[1:]
        assert "What no rule decides is asked." in text(pilot)
        await pilot.press("a")
        await answered(pilot, "allow bsh: make")
        await until(pilot, lambda: asks(pilot, "bsh"))
        assert kept(machine).read_text() == RULES
        await answered(pilot, "allow bash: make")
        await settled(pilot, pane)
        assert pane.told == "added: allow bash: make"
        assert kept(machine).read_text() == RULES + "allow bash: make\n"
        assert line_with(pilot, "bash: make").rstrip().endswith("always")
        await pilot.press("home", "d")
        await until(pilot, lambda: asks(pilot, "y: take it back"))
        await pilot.press("y")
        await settled(pilot, pane)
        assert kept(machine).read_text() == RULES.replace("allow bash: git status\n", "") + (
            "allow bash: make\n"
        )
        assert [(e.key, e.value) for e in events(desk, ConfigChanged)] == [
            ("permissions.added", "allow bash: make"),
            ("permissions.revoked", "allow bash: git status"),
        ]

    play(machine.desk(machine.script("Hi.")), plays)


def test_a_rule_of_this_session_stands_in_no_file_and_one_of_the_project_stays(machine):
    (machine.project / ".llmrepl.permissions").write_text("deny bash: rm\n")

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8", 2)
        await pilot.press("s")
        await answered(pilot, "allow python")
        await settled(pilot, pane)
        assert not kept(machine).exists()
        assert [entry.source for entry in pane.entries] == ["project", "session"]
        await pilot.press("home", "d")
        await settled(pilot, pane)
        assert "deny bash: rm is a rule of the project" in pane.told
        await pilot.press("end", "d")
        await until(pilot, lambda: asks(pilot, "y: take it back"))
        await pilot.press("escape")
        await settled(pilot, pane)
        assert len(pane.entries) == 2
        await pilot.press("a", "escape")
        await settled(pilot, pane)
        assert len(pane.entries) == 2

    play(machine.desk(machine.script("Hi.")), plays)


def test_a_rule_that_was_added_at_a_question_is_there(machine):
    block = "Hm.\n\n<helpers>\nprint(1)\n</helpers>"

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8", 2)
        assert "There are no rules." in pane.told
        await said(pilot, "/permissions add deny bash: rm")
        await until(pilot, lambda: "bash: rm" in text(pilot))
        assert not events(desk, ApprovalDecided)

    play(machine.desk(machine.script(block)), plays)


def test_tools_and_plugins_are_listed_with_their_state(machine, monkeypatch):
    package = machine.root / "packages"
    (package / "steep-1.dist-info").mkdir(parents=True)
    (package / "steep-1.dist-info/METADATA").write_text("Name: steep\nVersion: 1\n")
    (package / "steep-1.dist-info/entry_points.txt").write_text(
        "[llmrepl.checks]\nkettle = steep:kettle\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(package)])

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8", 3)
        states = {(thing.kind, thing.name): thing.state for thing in pane.found}
        assert states["tool", "python"] == states["tool", "bash"] == "ready"
        assert states["frontends", "tui"] == "loaded"
        assert states["checks", "kettle"] == "cannot be loaded"
        bad = sum(thing.state == "cannot be loaded" for thing in pane.found)
        assert f"{bad} cannot be used" in pane.told
        names = [thing.name for thing in pane.found]
        for _ in range(names.index("kettle")):
            await pilot.press("down")
        await until(pilot, lambda: "No module named 'steep'" in text(pilot))
        assert "steep 1" in text(pilot)

    play(machine.desk(machine.script("Hi.")), plays, (120, 40))


def test_the_health_check_tells_its_progress_and_repairs_after_a_question(machine):
    directory = data_directory(os.environ)
    directory.mkdir(parents=True)
    directory.chmod(0o777)

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8", 4)
        assert pane.told.startswith("c checks this installation.")
        told = []
        tell, pane.tell = (
            pane.tell,
            lambda text, style="dim": (told.append(text), tell(text, style)),
        )
        await pilot.press("c")
        await settled(pilot, pane)
        names = [outcome.name for outcome in pane.outcomes]
        assert {"configuration", "python", "sandbox", "provider", "disk"} <= {*names}
        progress = [text for text in told if "/" in text]
        assert progress[0].startswith("░" * 20 + " 0/")
        assert len(progress) > 10
        at = next(at for at, each in enumerate(pane.outcomes) if each.finding.repair is not None)
        pane._rows.at = at
        assert "others can write into" in text(pilot)
        await pilot.press("f")
        await until(pilot, lambda: asks(pilot, "y: repair it"))
        await pilot.press("escape")
        await settled(pilot, pane)
        assert directory.stat().st_mode & 0o777 == 0o777
        await pilot.press("f")
        await until(pilot, lambda: asks(pilot, "y: repair it"))
        await pilot.press("y")
        await settled(pilot, pane)
        assert directory.stat().st_mode & 0o777 == 0o700
        assert pane.told == f"configuration: {directory} has mode 0700 now"
        assert pane.outcomes[at].finding.repair is None
        assert [outcome.name for outcome in pane.outcomes][: at + 1] == names[: at + 1]

    play(machine.desk("demo/assistant"), plays)


def test_what_cannot_be_repaired_is_said(machine):
    async def plays(pilot, desk):
        pane = await opened(pilot, "f8", 4)
        await pilot.press("f")
        assert not pane.busy
        pane.outcomes = OUTCOMES
        await pilot.press("r")
        await settled(pilot, pane)
        assert pane.told == "provider: groq/tea: the service refused the key"
        await pilot.press("f")
        await settled(pilot, pane)
        assert pane.told == "there is nothing to repair: configuration is ok"
        await pilot.press(*["down"] * 3, "f")
        await settled(pilot, pane)
        assert pane.told == "nothing repairs provider by itself: llmrepl config set-key groq"
        assert {each.finding.status for each in OUTCOMES} == {*STYLES}

    play(machine.desk("demo/assistant"), plays)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_settings_look_as_on_file(machine, size):
    configured(machine, OWN, PROJECT)
    kept(machine).write_text(RULES)
    (machine.project / ".llmrepl.permissions").write_text("deny bash: rm\n")

    async def plays(pilot, desk):
        pane = await opened(pilot, "f8")
        await filtered(pilot, pane, "sandbox")
        await pilot.press("down", "down")
        await pilot.pause()
        looks(pilot, "configuration")
        await filtered(pilot, pane, "limits.max_steps")
        await pilot.press("enter")
        await until(pilot, lambda: asks(pilot, "Enter takes it"))
        looks(pilot, "change")
        await pilot.press("escape")
        await opened(pilot, "f8", 2)
        looks(pilot, "permissions")
        pane = await opened(pilot, "f8", 4)
        pane.outcomes = OUTCOMES
        await pilot.press("r")
        await settled(pilot, pane)
        await pilot.press("down", "down")
        await pilot.pause()
        looks(pilot, "health")

    play(machine.desk("demo/assistant"), plays, size)
