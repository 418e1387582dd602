import json

import pytest

from llmrepl.config.settings import SETTINGS
from llmrepl.config.showing import get, reference, show
from llmrepl.errors import ConfigError
from tests.config.world import FOUR, PLAIN, World, toml_for


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_every_setting_has_a_row_in_the_order_of_the_table(world):
    assert [row.key for row in show(world.load())] == [setting.key for setting in PLAIN]


def test_a_row_says_what_is_in_force_and_why(world):
    loaded = world.user("[sandbox]\nmemory = 67108864\n").load({"approval": "deny"})
    rows = {row.key: row for row in show(loaded)}
    assert rows["sandbox.memory"][1:4] == (2**26, '"64MiB"', f"{world.user_file}:2")
    assert rows["approval"][1:4] == ("deny", '"deny"', "--approval")
    assert rows["model"][1:4] == (None, "not set", "default")
    assert rows["sandbox.write"][1:4] == ([], "[]", "default")
    assert rows["model"].description == SETTINGS[0].text


def test_named_settings_have_rows_where_they_are_set(world):
    world.user(
        '[providers.ollama]\ntimeout = 5\noptions = { num_ctx = 1, "a.b" = 2 }\n'
        '[prices."groq/x-1.5"]\ninput = 1\noutput = 2.50\n'
    )
    rows = {row.key: row.text for row in show(world.load()) if row.source != "default"}
    assert rows == {
        "providers.ollama.timeout": "5.0",
        "providers.ollama.options.num_ctx": "1",
        'providers.ollama.options."a.b"': "2",
        'prices."groq/x-1.5".input': "1",
        'prices."groq/x-1.5".output': "2.50",
    }


def test_secrets_are_masked_wherever_they_hide(world):
    world.user(
        "[providers.x]\n"
        'api_key = "gsk_hidden"\n'
        'api_key_env = "GROQ_API_KEY"\n'
        "[providers.x.options]\n"
        'auth_token = "hidden1"\n'
        'headers = { Authorization = "Bearer hidden2", "x-secret" = ["hidden3"], plain = "seen" }\n'
    )
    rows = show(world.load())
    shown = json.dumps([row._asdict() for row in rows])
    assert "hidden" not in shown
    assert "********" in shown
    assert "seen" in shown
    assert "GROQ_API_KEY" in shown


def test_rows_are_ready_for_json(world):
    for key, (user, *_) in FOUR.items():
        world.user(toml_for(key, user))
        json.dumps(show(world.load()))


def test_one_setting_is_got_by_its_key(world):
    world.user('[prices."groq/x-1.5"]\ninput = 1\noutput = 2\n')
    loaded = world.load(LLMREPL_SEED="5")
    assert get(loaded, "seed")[:4] == ("seed", 5, "5", "LLMREPL_SEED")
    assert get(loaded, "prices.groq/x-1.5.input").value == "1"
    assert get(loaded, 'prices."groq/x-1.5".input').value == "1"
    assert get(loaded, "providers.groq.base_url")[1:4] == (None, "not set", "default")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("sandbox.memori", "did you mean sandbox.memory?"),
        ("providers.groq.base", "did you mean providers.groq.base_url?"),
        ("zzz", "`llmrepl config show` lists every setting"),
    ],
)
def test_an_unknown_setting_is_said_with_the_nearest_one(world, key, hint):
    with pytest.raises(ConfigError, match=f"there is no setting {key}") as caught:
        get(world.load(), key)
    assert caught.value.hint == hint


def test_the_reference_has_a_row_for_every_setting():
    rows = reference().splitlines()[2:]
    assert len(rows) == len(SETTINGS)
    for row, setting in zip(rows, SETTINGS, strict=True):
        assert row.startswith(f"| `{setting.key}` | {setting.accepts} |")
        assert setting.text in row
        assert row.count("|") == 8
