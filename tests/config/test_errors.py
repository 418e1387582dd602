import pytest

from llmrepl.config.settings import SETTINGS
from llmrepl.errors import ConfigError
from tests.config.world import NAMED, PLAIN, WRONG, World, filled, toml_for


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def _error(world, *arguments, **options):
    with pytest.raises(ConfigError) as caught:
        world.load(*arguments, **options)
    return caught.value


def _wrong_for(setting):
    wrong = WRONG["" if setting.choices else setting.kind.accepts]
    if setting.most is None:
        wrong = [literal for literal in wrong if literal not in ("99999999999999999999", "3")]
    if setting.least == 0:
        wrong = [literal for literal in wrong if literal != "0"]
    return [(setting, literal) for literal in wrong]


EVERY_WRONG = [case for setting in SETTINGS for case in _wrong_for(setting)]


@pytest.mark.parametrize(
    ("setting", "literal"), EVERY_WRONG, ids=lambda value: getattr(value, "key", str(value)[:20])
)
def test_a_wrong_value_names_file_line_key_and_what_is_accepted(world, setting, literal):
    world.user(toml_for(setting.key, literal))
    error = _error(world)
    assert error.message.startswith(f"{world.user_file}:3: {filled(setting.key)} is ")
    assert error.hint == f"accepted: {setting.accepts}"


@pytest.mark.parametrize("setting", PLAIN, ids=lambda setting: setting.key)
def test_every_kind_of_wrong_value_was_tried(setting):
    assert _wrong_for(setting)


def test_a_wrong_value_is_repeated_with_its_type(world):
    found = {
        '"many"': '"many" (a text)',
        "5.5": "5.5 (a number)",
        "true": "true (a boolean)",
        "[1, 2]": "[1, 2] (an array)",
        "{ a = 1 }": "{ a = 1 } (a table)",
        "1979-05-27": "1979-05-27 (a date or time)",
        f'"{"x" * 100}"': f'"{"x" * 58}… (a text)',
    }
    for literal, described in found.items():
        world.user(f"[limits]\nmax_steps = {literal}\n")
        assert _error(world).message == f"{world.user_file}:2: limits.max_steps is {described}"


def test_the_wrong_entry_of_a_list_is_named(world):
    world.user('[sandbox]\nnet = ["a.org", "http://b.org"]\n')
    message = _error(world).message
    assert message.endswith(
        'is ["a.org", "http://b.org"] (an array): "http://b.org" (a text) is none'
    )


def test_a_wrong_variable_is_named(world):
    error = _error(world, LLMREPL_LIMITS_MAX_STEPS="many")
    assert error.message == 'LLMREPL_LIMITS_MAX_STEPS: limits.max_steps is "many" (a text)'
    assert error.hint == "accepted: a whole number, from 1 to 10000"


@pytest.mark.parametrize("value", ["many", 0, 2.5, True, [1]])
def test_a_wrong_flag_is_named(world, value):
    error = _error(world, {"limits.max_steps": value})
    assert error.message.startswith("--max-steps: limits.max_steps is ")
    assert error.hint == "accepted: a whole number, from 1 to 10000"


def test_a_wrong_key_does_not_show_the_secret(world):
    world.user("[providers.groq]\napi_key = 123456789\n")
    error = _error(world)
    assert error.message == f"{world.user_file}:2: providers.groq.api_key is a whole number"


@pytest.mark.parametrize(
    ("text", "line", "key", "hint"),
    [
        ("\nmodle = 1\n", 2, "modle", "did you mean model?"),
        ("[limit]\nmax_steps = 1\n", 1, "limit", "did you mean limits?"),
        ("[limits]\n\nmax_step = 1\n", 3, "limits.max_step", "did you mean limits.max_steps?"),
        ("limits.max_step = 1\n", 1, "limits.max_step", "did you mean limits.max_steps?"),
        ("limits = { max_step = 1 }\n", 1, "limits.max_step", "did you mean limits.max_steps?"),
        ("turn_seconds = 1\n", 1, "turn_seconds", "did you mean limits.turn_seconds?"),
        (
            "[providers.groq]\nbase_ulr = 1\n",
            2,
            "providers.groq.base_ulr",
            "did you mean providers.groq.base_url?",
        ),
        ('["a b"]\nx = 1\n', 1, '"a b"', "accepted here: model, models, system, "),
        ("[sandbox]\nqqq = 1\n", 2, "sandbox.qqq", "accepted here: tier, python, project, write, "),
        ("[[zzzzzz]]\nx = 1\n[[zzzzzz]]\n", 1, "zzzzzz", "accepted here: model, "),
        ("seed = 1\n\n[zzz.yyy.xxx]\n", 3, "zzz", "accepted here: model, "),
    ],
)
def test_an_unknown_key_names_file_line_and_the_nearest_known_one(world, text, line, key, hint):
    error = _error(world.user(text))
    assert error.message == f"{world.user_file}:{line}: unknown key {key}"
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("\nsandbox = 5\n", 2, "sandbox"),
        ("\n\nproviders = []\n", 3, "providers"),
        ('[prices]\n"a/b" = 3\n', 2, 'prices."a/b"'),
        ("[providers.x]\noptions = 1\n", 2, "providers.x.options"),
        ("[[limits]]\nmax_steps = 1\n", 1, "limits"),
    ],
)
def test_a_value_in_the_place_of_a_table_is_refused(world, text, line, key):
    error = _error(world.user(text))
    assert error.message.startswith(f"{world.user_file}:{line}: {key} is ")
    assert error.hint.startswith("accepted: a table with the keys ")


def test_a_table_in_the_place_of_a_value_is_refused(world):
    error = _error(world.user("[model]\nname = 1\n"))
    assert error.message == f"{world.user_file}:1: model is {{ name = 1 }} (a table)"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("model = \n", 1),
        ("model = 'a/b'\n\nseed = = 1\n", 3),
        ("seed = 1\nseed = 2\n", 2),
        ('# one\n# two\nmodel = "a/b\n', 3),
        ("[sandbox\n", 1),
        ('a = """\nopen\n\n', 4),
        ("a = " + "[" * 10_000, 1),
    ],
)
def test_a_file_that_is_not_toml_names_file_and_line(world, text, line):
    error = _error(world.user(text))
    assert error.message.startswith(f"{world.user_file}:{line}: it is not TOML: ")
    assert "at line" not in error.message
    assert error.hint


def test_a_file_that_is_not_utf8_names_the_line(world):
    world.user_file.write_bytes(b"# fine\n# also fine\nmodel = '\xff'\n")
    assert _error(world).message == f"{world.user_file}:3: it is not UTF-8 text"


def test_windows_line_ends_are_counted_once(world):
    world.user_file.write_bytes(b"# one\r\n\r\nseed = 'x'\r\n")
    assert _error(world).message.startswith(f"{world.user_file}:3: seed is")


@pytest.mark.parametrize("layer", ["user", "variable"])
def test_the_sandbox_can_be_switched_off_by_a_flag_alone(world, layer):
    if layer == "user":
        error = _error(world.user('[sandbox]\ntier = "off"\n'))
        assert f"{world.user_file}:2: sandbox.tier is" in error.message
    else:
        error = _error(world, LLMREPL_SANDBOX_TIER="off")
        assert "LLMREPL_SANDBOX_TIER: sandbox.tier is" in error.message
    assert error.hint == "accepted from: flag (--sandbox)"
    world.user("")
    assert world.load({"sandbox.tier": "off"}).config.sandbox.tier == "off"


def test_an_unknown_flag_is_an_error(world):
    assert _error(world, {"modle": "a/b"}).message == "flags: unknown key modle"


def test_every_named_setting_has_a_wrong_value_too():
    assert {setting.key for setting, _ in EVERY_WRONG} >= {setting.key for setting in NAMED}
