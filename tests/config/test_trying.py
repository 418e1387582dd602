"""A setting is changed in the person's file only where all of it is accepted afterwards."""

import pytest

from llmrepl.config.trying import change
from llmrepl.errors import ConfigError
from tests.config.world import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def changed(world):
    def apply(key, text):
        return change(world.user_file, key, text, environ=world.environ, cwd=world.project)

    return apply


def drafts(world):
    return [path.name for path in world.user_file.parent.iterdir() if path.name != "config.toml"]


def test_a_value_is_set_and_holds(world, changed):
    world.user("# mine\n[limits]\nmax_steps = 3  # few\n")
    loaded = changed("limits.max_steps", "5")
    assert loaded.config.limits.max_steps == 5
    assert world.user_file.read_text() == "# mine\n[limits]\nmax_steps = 5  # few\n"
    assert not drafts(world)


def test_a_file_is_made_for_its_owner_alone(world, changed):
    changed("ui.theme", "light")
    assert world.user_file.stat().st_mode & 0o777 == 0o600


def test_a_value_is_taken_out(world, changed):
    world.user('[ui]\ntheme = "light"\n')
    loaded = changed("ui.theme", None)
    assert loaded.sources["ui.theme"] == "default"
    assert world.user_file.read_text() == "[ui]\n"


@pytest.mark.parametrize(
    ("key", "text", "told"),
    [
        ("limits.max_steps", "many", "limits.max_steps is"),
        ("nonsense", "1", "there is no setting nonsense"),
        ("providers.groq.api_key", "gsk-123456789", "is secret"),
        ("keys.send", "c-s", "which is"),
    ],
)
def test_what_is_not_accepted_leaves_the_file_as_it_was(world, changed, key, text, told):
    before = '[ui]\ntheme = "light"\n'
    world.user(before)
    with pytest.raises(ConfigError) as raised:
        changed(key, text)
    assert told in raised.value.message
    assert "draft" not in f"{raised.value.message}{raised.value.hint}"
    assert world.user_file.read_text() == before
    assert not drafts(world)


def test_what_a_project_file_would_then_loosen_is_refused(world, changed):
    world.in_project("[limits]\nmax_steps = 10\n")
    with pytest.raises(ConfigError, match="allows more"):
        changed("limits.max_steps", "4")
    assert not world.user_file.exists()


def test_what_is_no_file_of_text_is_said(world, changed):
    world.user_file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        changed("ui.theme", "light")
    world.user_file.unlink()
    world.user_file.mkdir()
    with pytest.raises(ConfigError, match="cannot change"):
        changed("ui.theme", "light")
