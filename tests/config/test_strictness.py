from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmrepl.config import kinds
from llmrepl.config.settings import SETTINGS
from llmrepl.errors import ConfigError
from tests.config.world import FOUR, PATIENT, World, toml_for


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def _refusal(world):
    with pytest.raises(ConfigError) as caught:
        world.load()
    return caught.value


SCOPES = ("step", "turn", "day", "month", "project", "user")
BUDGETS = {f"budgets.{scope}" for scope in SCOPES}

LOOSER = {
    "budgets.warn": '["day"]',
    "approval": '"auto"',
    "sandbox.write": '["."]',
    "sandbox.net": '["a.org"]',
    "sandbox.timeout": "10.5",
    "sandbox.timeout_max": "31",
    "sandbox.memory": '"2GiB"',
    "sandbox.processes": "65",
    "sandbox.output": '"1MiB"',
    "sandbox.env": '["EDITOR"]',
    "limits.max_steps": "51",
    "limits.turn_seconds": "1801",
}


@pytest.mark.parametrize("key", LOOSER)
def test_a_project_that_allows_more_than_the_person_is_refused(world, key):
    error = _refusal(world.in_project(toml_for(key, LOOSER[key])))
    assert error.message.startswith(f"{world.project_file}:3: {key} is ")
    assert "a project file can only make it stricter" in error.message
    assert "your own config.toml" in error.hint


def test_every_setting_that_a_project_may_tighten_is_tried():
    tighten = {setting.key for setting in SETTINGS if setting.project == "tighten"}
    others = {"sandbox.tier", "sandbox.project", "limits.budget", "models.regions", *BUDGETS}
    assert tighten - set(LOOSER) == others


NEVER = {
    "ui.display": '"plain"',
    **{setting.key: '"f5"' for setting in SETTINGS if setting.kind is kinds.KEYS},
    "ui.screen_reader": "true",
    "ui.bell": "1",
    "ui.title": "false",
    "sandbox.python": '"python3"',
    "redact": '["some-secret"]',
    "sessions.directory": '"."',
    "sessions.save": "false",
    "sessions.keep_days": "1",
    "sessions.keep_size": "2048",
    "sessions.keep_tags": "[]",
    "sessions.prune": "true",
    "sessions.encrypt": '["keyring"]',
    "sessions.identity": '"key"',
    "providers.<name>.base_url": '"http://evil.example"',
    "providers.<name>.api_key_env": '"PATH"',
    "providers.<name>.api_key_file": '"key"',
    "providers.<name>.keyring": "true",
    "providers.<name>.timeout": "1",
    "providers.<name>.region": '"eu"',
    "providers.<name>.options.<option>": "1",
    "prices.<model>.input": "0",
    "prices.<model>.output": "0",
    "prices.<model>.cache_read": "0",
    "prices.<model>.cache_write": "0",
}


@pytest.mark.parametrize("key", NEVER)
def test_what_a_project_has_no_say_in_is_refused_even_where_it_changes_nothing(world, key):
    world.user(toml_for(key, NEVER[key]))
    error = _refusal(world.in_project(toml_for(key, NEVER[key])))
    assert error.message.startswith(f"{world.project_file}:3: ")
    assert error.message.endswith(" cannot be set by a project file")


def test_every_setting_a_project_has_no_say_in_is_tried():
    never = {setting.key for setting in SETTINGS if setting.project == "never"}
    assert never == {*NEVER, "providers.<name>.api_key"}


def test_a_key_in_a_project_is_refused_without_showing_it(world):
    error = _refusal(world.in_project('[providers.groq]\napi_key = "gsk_secret"\n'))
    assert error.message == (
        f"{world.project_file}:2: providers.groq.api_key is a key,"
        " and a project file is for everybody"
    )
    assert "gsk_secret" not in error.hint


@pytest.mark.parametrize("tier", ["reduced", "off"])
@pytest.mark.parametrize("person", ["auto", "reduced"])
def test_a_project_cannot_choose_a_weaker_sandbox_even_if_the_person_did(world, tier, person):
    world.user(f'[sandbox]\ntier = "{person}"\n')
    error = _refusal(world.in_project(f'[sandbox]\ntier = "{tier}"\n'))
    assert error.message.startswith(f"{world.project_file}:2: sandbox.tier is")


def test_a_project_can_ask_for_the_full_sandbox(world):
    world.user('[sandbox]\ntier = "reduced"\n').in_project('[sandbox]\ntier = "auto"\n')
    assert world.load().config.sandbox.tier == "auto"


def test_a_project_can_set_a_budget_where_there_is_none(world):
    world.in_project("[limits]\nbudget = 2\n")
    assert world.load().config.limits.budget == 2


def test_a_project_can_say_where_requests_may_be_answered_and_never_where_else(world):
    world.in_project('[models]\nregions = ["eu"]\n')
    assert world.load().config.models.regions == ("eu",)
    world.user('[models]\nregions = ["us", "eu"]\n')
    assert world.load().config.models.regions == ("eu",)
    world.user('[models]\nregions = ["us"]\n')
    assert _refusal(world).message.startswith(f"{world.project_file}:2: models.regions is")
    world.user("[models]\nregions = []\n")
    _refusal(world)


def test_a_person_can_allow_more_than_the_project_by_variable_and_flag(world):
    world.in_project('approval = "deny"\n')
    assert world.load(LLMREPL_APPROVAL="ask").config.approval == "ask"
    assert world.load({"approval": "auto"}).config.approval == "auto"


def test_a_project_may_narrow_a_folder_to_one_inside_it(world):
    world.user('[sandbox]\nwrite = ["~/code"]\n').in_project('[sandbox]\nwrite = ["out"]\n')
    assert world.load().config.sandbox.write == (world.project / "out",)


@pytest.mark.parametrize("path", ["..", "out/../../other", "~", "~/other", "/", "link/x"])
def test_a_project_cannot_reach_out_of_the_folder_by_any_spelling(world, path):
    (world.project / "link").symlink_to(world.home)
    world.user(f'[sandbox]\nwrite = ["{world.project}"]\n')
    error = _refusal(world.in_project(f'[sandbox]\nwrite = ["{path}"]\n'))
    assert error.message.startswith(f"{world.project_file}:2: sandbox.write is")


def test_a_link_in_the_project_is_followed_when_it_is_checked_and_not_later(world):
    (world.project / "real").mkdir()
    (world.project / "link").symlink_to("real")
    world.user('[sandbox]\nwrite = ["."]\n').in_project('[sandbox]\nwrite = ["link"]\n')
    assert world.load().config.sandbox.write == (world.project / "real",)


def test_a_host_with_a_port_is_not_the_host_without_one(world):
    # A port that is named opens addresses which a plain host name does not.
    world.user('[sandbox]\nnet = ["a.org"]\n')
    _refusal(world.in_project('[sandbox]\nnet = ["a.org:22"]\n'))


def test_a_system_text_comes_from_inside_the_project(world):
    (world.project / "prompts").mkdir()
    world.in_project('system = "prompts/main.md"\n')
    assert world.load().config.system == world.project / "prompts" / "main.md"


@pytest.mark.parametrize("path", ["../secret", "~/.ssh/id_rsa", "/etc/passwd", "link"])
def test_a_system_text_from_elsewhere_is_refused(world, path):
    (world.project / "link").symlink_to("/etc/passwd")
    error = _refusal(world.in_project(f'\nsystem = "{path}"\n'))
    assert error.message.startswith(f"{world.project_file}:2: system is ")
    assert error.message.endswith("outside the project")


# What each setting allows, told independently of the product: a bigger figure or set allows more.
ALLOWS = {
    "approval": ["deny", "ask", "auto"].index,
    "sandbox.tier": ["auto", "reduced", "off"].index,
    "sandbox.write": lambda value: {
        str(path)
        for path in CANDIDATE_PATHS
        if any(path.is_relative_to(given.resolve()) for given in value)
    },
    "sandbox.net": set,
    "sandbox.env": set,
    "budgets.warn": set,
    "models.regions": lambda value: {"anywhere", *REGIONS} if value is None else set(value),
    **dict.fromkeys(
        ("limits.budget", *BUDGETS), lambda value: float("inf") if value is None else value
    ),
}
REGIONS = ("ch", "eu", "us")
CANDIDATE_PATHS = [Path(*parts) for parts in (("/w",), ("/w/a",), ("/w/a/b",), ("/v",), ("/",))]
FREE_TO_SET = {
    "model",
    "system",
    "ui.theme",
    "ui.editing_mode",
    "seed",
    "max_tokens",
    "temperature",
}

words = st.sampled_from
lists = {
    "sandbox.write": ["/w", "/w/a", "/w/a/b", "/w/../v", "/v", "/"],
    "sandbox.net": ["a.org", "a.org:80", "b.org"],
    "sandbox.env": ["A", "B", "C"],
    "budgets.warn": ["day", "month"],
    "models.regions": REGIONS,
}
NUMBERS = {
    "sandbox.timeout": st.integers(1, 100),
    "sandbox.timeout_max": st.integers(1, 100),
    "sandbox.memory": st.integers(2**24, 2**34),
    "sandbox.processes": st.integers(1, 200),
    "sandbox.output": st.integers(2**10, 2**20),
    "limits.max_steps": st.integers(1, 200),
    "limits.turn_seconds": st.integers(1, 4000),
    **dict.fromkeys(("limits.budget", *BUDGETS), st.integers(0, 9)),
}


def _literal(key):
    if key in lists:
        return st.lists(words(lists[key]), max_size=3).map(repr)
    if key in NUMBERS:
        return NUMBERS[key].map(str)
    return words(FOUR[key]).filter(bool)


configurations = st.sampled_from([*ALLOWS, *NUMBERS, "model", "seed"]).flatmap(
    lambda key: st.tuples(st.just(key), _literal(key))
)
documents = st.lists(configurations, max_size=4, unique_by=lambda pair: pair[0]).map(
    lambda pairs: "".join(f"{key} = {literal}\n" for key, literal in pairs)
)


@PATIENT
@given(documents, documents)
@example("sandbox.write = ['/w/../v']\n", "sandbox.write = ['/w/../v']\n")
@example("sandbox.write = ['/w/../v']\n", "sandbox.write = ['/w']\n")
def test_whatever_stands_in_it_a_project_never_allows_more(person, project):
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.user(person)
        try:
            alone = world.load()
        except ConfigError:
            return
        world.in_project(project)
        try:
            together = world.load()
        except ConfigError as error:
            assert str(world.project_file) in error.message  # noqa: PT017 - both ends are right
            return
        for path, value in together.values.items():
            key = ".".join(path)
            if key in ALLOWS or key in NUMBERS:
                allows = ALLOWS.get(key, float)
                assert allows(value) <= allows(alone.values[path])
            elif key not in FREE_TO_SET:
                assert value == alone.values[path]
