import subprocess
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from llmrepl.config import load
from llmrepl.config.keys import path_of
from llmrepl.config.settings import SETTINGS
from llmrepl.config.tree import Provider
from llmrepl.errors import ConfigError
from llmrepl.loop import Limits
from llmrepl.usage import Price
from tests.config.world import FOUR, PLAIN, World, toml_for


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def _value(loaded, key):
    return loaded.values[tuple(key.split("."))]


def _as_text(literal):
    """What a person types for a TOML literal."""
    value = tomllib.loads(f"x = {literal}")["x"]
    if isinstance(value, list):
        return (":" if value[0].startswith("/") else ", ").join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parsed(key, literal):
    (_, setting) = path_of(key)
    return setting.parse(tomllib.loads(f"x = {literal}", parse_float=Decimal)["x"])


def test_every_setting_has_its_place_in_the_configuration(world):
    loaded = world.load()
    for setting in PLAIN:
        found = loaded.config
        for name in setting.key.split("."):
            found = getattr(found, name)
        assert found == _value(loaded, setting.key)
        assert loaded.sources[setting.key] == "default"
        if setting.key != "sessions.directory":
            assert found == setting.default


@pytest.mark.parametrize("setting", PLAIN, ids=lambda setting: setting.key)
def test_each_layer_overrides_the_ones_below_it_and_is_named_as_the_source(world, setting):
    key = setting.key
    user, project, variable, flag = FOUR[key]
    assert world.load().sources[key] == "default"

    world.user(toml_for(key, user))
    loaded = world.load()
    assert _value(loaded, key) == _parsed(key, user)
    assert loaded.sources[key] == f"{world.user_file}:3"

    if project is not None:
        world.in_project(toml_for(key, project))
        loaded = world.load()
        expected = _parsed(key, project)
        assert _value(loaded, key) == (world.project / expected if key == "system" else expected)
        assert loaded.sources[key] == f"{world.project_file}:3"

    name = "LLMREPL_" + key.upper().replace(".", "_")
    loaded = world.load(**{name: _as_text(variable)})
    assert _value(loaded, key) == _parsed(key, variable)
    assert loaded.sources[key] == name

    typed = _parsed(key, flag)
    for given in (typed, list(typed) if isinstance(typed, tuple) else str(typed)):
        loaded = world.load({key: given}, **{name: _as_text(variable)})
        assert _value(loaded, key) == typed
        assert loaded.sources[key] == (setting.flag or f"flag {key}")


@pytest.mark.parametrize("nothing", [None, (), []])
def test_a_flag_that_was_not_given_changes_nothing(world, nothing):
    loaded = world.load(dict.fromkeys((setting.key for setting in PLAIN), nothing))
    assert set(loaded.sources.values()) == {"default"}


def test_an_empty_variable_counts_as_not_set(world):
    assert world.load(LLMREPL_MODEL="", LLMREPL_SANDBOX_NET="  ").sources["model"] == "default"


def test_the_same_input_gives_the_same_configuration(world):
    world.user('model = "a/b"\n[providers.x]\ntimeout = 3\n[prices."a/b"]\ninput = 1\noutput = 2\n')
    assert world.load().config == world.load().config


def test_a_configuration_is_frozen(world):
    world.user("[providers.ollama.options]\nnum_ctx = 1\n")
    config = world.load().config
    with pytest.raises(AttributeError):
        config.model = "a/b"
    with pytest.raises(AttributeError):
        config.sandbox.tier = "off"
    with pytest.raises(TypeError):
        config.providers["groq"] = Provider()
    with pytest.raises(TypeError):
        config.providers["ollama"].options["num_ctx"] = 2


def test_any_provider_can_be_configured(world):
    world.user(
        "[providers.openai]\n"
        'base_url = "http://127.0.0.1:8080/v1"\n'
        'api_key_env = "MY_KEY"\n'
        "timeout = 2.5\n"
        "[providers.openai.options]\n"
        'service_tier = "flex"\n'
        "top_p = 0.5\n"
        "nested = { a = [1, 2.5] }\n"
        "[providers.ollama]\n"
        "options = { num_ctx = 8192 }\n"
    )
    loaded = world.load()
    assert loaded.config.provider("openai") == Provider(
        base_url="http://127.0.0.1:8080/v1",
        api_key_env="MY_KEY",
        timeout=2.5,
        options={"service_tier": "flex", "top_p": 0.5, "nested": {"a": [1, 2.5]}},
    )
    assert isinstance(loaded.config.provider("openai").options["top_p"], float)
    assert loaded.config.provider("ollama").options == {"num_ctx": 8192}
    assert loaded.config.provider("groq") == Provider()
    assert loaded.sources["providers.openai.options.top_p"] == f"{world.user_file}:7"
    assert loaded.sources["providers.ollama.options.num_ctx"] == f"{world.user_file}:10"


def test_prices_are_exact(world):
    world.user('[prices]\n"groq/x-1.5" = { input = 0.1, output = 0.60, cache_read = 0.05 }\n')
    price = Price(Decimal("0.1"), Decimal("0.60"), Decimal("0.05"), source="configuration")
    loaded = world.load()
    assert loaded.config.prices == {"groq/x-1.5": price}
    assert loaded.sources['prices."groq/x-1.5".input'] == f"{world.user_file}:2"


def test_half_a_price_is_not_used_and_said(world):
    world.user(
        '[prices."groq/x"]\ninput = 0.1\ncache_read = 0\n[prices.local]\ninput=0\noutput=0\n'
    )
    loaded = world.load()
    assert list(loaded.config.prices) == ["local"]
    assert loaded.warnings == (
        f'{world.user_file}:2: prices."groq/x" has no output price, so it is not used',
    )
    assert 'prices."groq/x".input' not in loaded.sources


def test_money_is_exact_from_every_layer(world):
    world.user("[limits]\nbudget = 0.1\n")
    assert world.load().config.limits.budget == Decimal("0.1")
    assert world.load(LLMREPL_LIMITS_BUDGET="0.30").config.limits.budget == Decimal("0.30")
    for given in (0.7, "0.7", Decimal("0.7")):
        assert world.load({"limits.budget": given}).config.limits.budget == Decimal("0.7")


@pytest.mark.parametrize(
    ("text", "size"),
    [("65536KiB", 2**26), ("1.5 GiB", 3 * 2**29), ("20MB", 20_000_000), ("20000000", 20_000_000)],
)
def test_a_size_may_have_a_unit(world, text, size):
    assert world.load(LLMREPL_SANDBOX_MEMORY=text).config.sandbox.memory == size


def test_paths_of_a_file_are_relative_to_it_and_those_of_a_person_to_where_they_are(world):
    world.user('system = "prompt.md"\n[sandbox]\nwrite = [".", "~/out", "/abs"]\npython = "~/py"\n')
    sub = world.project / "sub"
    sub.mkdir()
    config = world.load(cwd=sub).config
    assert config.system == world.user_file.parent / "prompt.md"
    assert config.sandbox.write == (sub, world.home / "out", Path("/abs"))
    assert config.sandbox.python == world.home / "py"
    config = world.load({"sandbox.write": ("x", "~"), "system": Path("y")}, cwd=sub).config
    assert config.sandbox.write == (sub / "x", world.home)
    assert config.system == sub / "y"


def test_a_person_keeps_sessions_where_xdg_says(world):
    directory = world.home / ".local" / "share" / "llmrepl" / "sessions"
    assert world.load().config.sessions.directory == directory
    loaded = world.load(XDG_DATA_HOME="/data")
    assert loaded.config.sessions.directory == Path("/data/llmrepl/sessions")
    assert loaded.sources["sessions.directory"] == "default"


def test_the_user_file_is_where_xdg_says(world, tmp_path):
    other = tmp_path / "xdg" / "llmrepl" / "config.toml"
    other.parent.mkdir(parents=True)
    other.write_text("seed = 7\n")
    assert world.load(XDG_CONFIG_HOME=str(tmp_path / "xdg")).config.seed == 7
    assert world.load(XDG_CONFIG_HOME="xdg").config.seed is None
    assert load({}, world.environ, world.project, user_file=other).config.seed == 7


def test_the_folders_are_those_of_platformdirs(world):
    script = (
        "import platformdirs, os; from llmrepl.config import paths; e = os.environ\n"
        "assert str(paths.config_directory(e)) == platformdirs.user_config_dir('llmrepl')\n"
        "assert str(paths.data_directory(e)) == platformdirs.user_data_dir('llmrepl')\n"
        "assert str(paths.cache_directory(e)) == platformdirs.user_cache_dir('llmrepl')\n"
    )
    xdg = {f"XDG_{name}_HOME": str(world.home / name) for name in ("CONFIG", "DATA", "CACHE")}
    for environ in (world.environ, {**world.environ, **xdg}):
        subprocess.run([sys.executable, "-c", script], env=environ, check=True)


class TestTheProjectFile:
    def test_is_found_from_a_folder_below_it(self, world):
        world.in_project("seed = 1\n")
        sub = world.project / "a" / "b"
        sub.mkdir(parents=True)
        loaded = world.load(cwd=sub)
        assert loaded.config.seed == 1
        assert loaded.project_file == world.project_file

    def test_is_the_nearest_one_alone(self, world):
        world.in_project("seed = 1\ntemperature = 1\n")
        sub = world.project / "a"
        sub.mkdir()
        (sub / ".llmrepl.toml").write_text("seed = 2\n")
        config = world.load(cwd=sub).config
        assert (config.seed, config.temperature) == (2, None)

    def test_is_not_looked_for_above_a_repository(self, world):
        (world.project.parent / ".llmrepl.toml").write_text("seed = 1\n")
        assert world.load().config.seed is None
        (world.project / ".git").rmdir()
        assert world.load().config.seed == 1

    def test_is_not_looked_for_above_the_home_folder(self, world):
        (world.home.parent / ".llmrepl.toml").write_text("seed = 1\n")
        (world.project / ".git").rmdir()
        assert world.load().project_file is None

    def test_may_be_in_a_worktree_whose_git_is_a_file(self, world):
        (world.project / ".git").rmdir()
        (world.project / ".git").write_text("gitdir: elsewhere\n")
        (world.project.parent / ".llmrepl.toml").write_text("seed = 1\n")
        assert world.load().config.seed is None


class TestWarnings:
    KEY = '[providers.groq]\napi_key = "gsk_secret"\n'

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
    def test_name_a_key_in_a_file_that_others_can_open(self, world, mode):
        (warning,) = world.user(self.KEY, mode).load().warnings
        assert f"{world.user_file}:2: providers.groq.api_key is secret, in a file" in warning
        assert f"mode {mode:04o}" in warning
        assert f"chmod 600 {world.user_file}" in warning
        assert "gsk_secret" not in warning

    def test_are_silent_about_a_secret_in_a_variable(self, world):
        loaded = world.user("seed = 1\n", 0o644).load(LLMREPL_REDACT="one-of-mine, another-one")
        assert loaded.warnings == ()
        assert loaded.config.redact == ("one-of-mine", "another-one")

    def test_are_silent_about_a_key_in_a_file_of_its_owner(self, world):
        loaded = world.user(self.KEY, 0o600).load()
        assert loaded.warnings == ()
        assert loaded.config.provider("groq").api_key == "gsk_secret"

    def test_are_silent_about_an_open_file_without_a_key(self, world):
        assert world.user("seed = 1\n", 0o644).load().warnings == ()

    def test_name_a_variable_that_is_no_setting(self, world):
        loaded = world.load(LLMREPL_MODLE="a/b", LLMREPL_ZZZ="1")
        assert loaded.warnings == (
            "LLMREPL_MODLE is set, but is no setting; did you mean LLMREPL_MODEL?",
            "LLMREPL_ZZZ is set, but is no setting",
        )

    def test_name_a_secret_that_blocks_would_see(self, world):
        (warning,) = world.user('[sandbox]\nenv = ["EDITOR", "GITHUB_TOKEN"]\n').load().warnings
        assert warning.startswith(f"{world.user_file}:2: blocks will see GITHUB_TOKEN")

    def test_say_which_timeout_counts(self, world):
        loaded = world.load({"sandbox.timeout": 60})
        assert loaded.config.sandbox.timeout == 30
        (warning,) = loaded.warnings
        assert "sandbox.timeout is 60 s; sandbox.timeout_max, 30 s, counts" in warning

    def test_are_silent_where_only_the_default_is_held_back(self, world):
        loaded = world.user("[sandbox]\ntimeout_max = 5\n").load()
        assert loaded.config.sandbox.timeout == 5
        assert loaded.warnings == ()


def test_a_key_does_not_show_itself_in_the_configuration(world):
    loaded = world.user('[providers.groq]\napi_key = "gsk_secret"\n').load()
    assert "gsk_secret" not in repr(loaded)


def test_a_file_that_cannot_be_read_is_named(world):
    world.user_file.mkdir()
    with pytest.raises(ConfigError, match=r"cannot read .*config\.toml: Is a directory"):
        world.load()


def test_defaults_of_limits_are_those_of_the_loop(world):
    limits = world.load().config.limits
    assert Limits(*limits) == Limits()


def test_every_flag_and_variable_belongs_to_one_setting():
    flags = [setting.flag for setting in SETTINGS if setting.flag]
    variables = [setting.variable for setting in SETTINGS if setting.variable]
    assert len(set(flags)) == len(flags)
    assert len(set(variables)) == len(variables) == len(PLAIN)


def test_every_default_is_accepted_by_its_own_setting():
    for setting in PLAIN:
        if setting.default is not None:
            assert setting.parse(setting.default) == setting.default
            literal = setting.kind.write(setting.default)
            assert _parsed(setting.key, literal) == setting.default


@pytest.mark.parametrize("module", ["tomllib", "platformdirs", "difflib", "json", "asyncio"])
def test_start_up_imports_nothing_that_only_some_need(world, module):
    script = (
        "import sys, os, pathlib; from llmrepl.config import load\n"
        "load({'model': 'a/b'}, os.environ, pathlib.Path.cwd())\n"
        f"assert {module!r} not in sys.modules"
    )
    command = [sys.executable, "-c", script]
    subprocess.run(command, env=world.environ, cwd=world.project, check=True)


def test_loading_never_writes(world):
    before = sorted(world.home.rglob("*"))
    world.load({"model": "a/b"})
    assert sorted(world.home.rglob("*")) == before
