import os
import tomllib
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.config.editing import set_value
from llmrepl.errors import ConfigError
from tests.config.world import FOUR, PATIENT, World, toml_for

PLACE = Path("/somewhere")


def _set(tmp_path, before, key, value):
    file = tmp_path / "config.toml"
    file.write_bytes(before.encode())
    set_value(file, key, value, cwd=PLACE)
    return file.read_bytes().decode()


@pytest.mark.parametrize(
    ("before", "key", "value", "after"),
    [
        pytest.param("", "model", "a/b", 'model = "a/b"\n', id="an empty file"),
        pytest.param("", "ui.theme", "dark", '[ui]\ntheme = "dark"\n', id="an empty file, a table"),
        pytest.param("seed = 1 # lucky\n", "seed", "2", "seed = 2 # lucky\n", id="a comment"),
        pytest.param("seed=1", "seed", "2", "seed=2", id="spacing and no newline"),
        pytest.param(
            "# all\n\nseed = 1\n\n# screen\n[ui]\ntheme = 'dark'\n",
            "model",
            "a/b",
            '# all\n\nseed = 1\nmodel = "a/b"\n\n# screen\n[ui]\ntheme = \'dark\'\n',
            id="a new top-level key stays above the tables",
        ),
        pytest.param(
            "[ui]\ntheme = 'dark'\n", "seed", "1", "seed = 1\n\n[ui]\ntheme = 'dark'\n",
            id="the first top-level key",
        ),
        pytest.param(
            "# mine\n\n[ui]\n", "seed", "1", "# mine\nseed = 1\n\n[ui]\n",
            id="the first top-level key below the file's comment",
        ),
        pytest.param(
            "[ui]\ntheme = 'dark' # x\n\n# next\n[limits]\nmax_steps = 5\n",
            "ui.editing_mode",
            "vi",
            "[ui]\ntheme = 'dark' # x\nediting_mode = \"vi\"\n\n# next\n[limits]\nmax_steps = 5\n",
            id="a new key in a table",
        ),
        pytest.param(
            "[ui]", "ui.theme", "dark", '[ui]\ntheme = "dark"\n', id="an empty table at the end"
        ),
        pytest.param(
            "[ui]\n", "limits.budget", "0.5", "[ui]\n\n[limits]\nbudget = 0.5\n", id="a new table"
        ),
        pytest.param(
            "limits.max_steps = 5\n\n[ui]\n",
            "limits.budget",
            "1",
            "limits.max_steps = 5\nlimits.budget = 1\n\n[ui]\n",
            id="beside dotted keys",
        ),
        pytest.param(
            "limits = { max_steps = 5 } # small\n",
            "limits.budget",
            "1",
            "limits = { max_steps = 5, budget = 1 } # small\n",
            id="into an inline table",
        ),
        pytest.param(
            "limits = {}\n", "limits.budget", "1", "limits = { budget = 1 }\n",
            id="into an empty inline table",
        ),
        pytest.param(
            "limits = { max_steps = 5 }\n",
            "limits.max_steps",
            "6",
            "limits = { max_steps = 6 }\n",
            id="a value in an inline table",
        ),
        pytest.param(
            "[sandbox]\nwrite = [\n  'a', # one\n  'b',\n]\nnet = []\n",
            "sandbox.write",
            "/x:y",
            '[sandbox]\nwrite = ["/x", "y"]\nnet = []\n',
            id="a value of several lines",
        ),
        pytest.param(
            "[providers.ollama]\ntimeout = 5\n",
            "providers.ollama.options.num_ctx",
            "8192",
            "[providers.ollama]\ntimeout = 5\noptions.num_ctx = 8192\n",
            id="an option of a provider",
        ),
        pytest.param(
            "",
            "prices.groq/x-1.5.input",
            "0.10",
            '[prices."groq/x-1.5"]\ninput = 0.10\n',
            id="a name that needs quotes",
        ),
        pytest.param(
            '[prices]\n"groq/x-1.5" = { input = 1, output = 2 }\n',
            'prices."groq/x-1.5".output',
            "3",
            '[prices]\n"groq/x-1.5" = { input = 1, output = 3 }\n',
            id="a name in quotes",
        ),
        pytest.param(
            "[ui]\r\ntheme = 'dark'\r\n",
            "ui.editing_mode",
            "vi",
            "[ui]\r\ntheme = 'dark'\r\nediting_mode = \"vi\"\r\n",
            id="line ends of Windows",
        ),
        pytest.param("seed = 1\n", "seed", "1", "seed = 1\n", id="the same value"),
        pytest.param("", "system", "p.md", 'system = "/somewhere/p.md"\n', id="a relative path"),
        pytest.param("", "system", "~/p.md", 'system = "~/p.md"\n', id="a path from home"),
        pytest.param(
            "", "sandbox.memory", "2GiB", '[sandbox]\nmemory = "2GiB"\n', id="a size keeps its unit"
        ),
        pytest.param(
            "", "sessions.save", "no", "[sessions]\nsave = false\n", id="a word for a boolean"
        ),
    ],
)  # fmt: skip
def test_only_the_value_changes(tmp_path, before, key, value, after):
    assert _set(tmp_path, before, key, value) == after


@pytest.mark.parametrize("key", FOUR)
def test_every_setting_can_be_set_and_is_then_in_force(tmp_path, key):
    world = World(tmp_path)
    literal = FOUR[key][0]
    value = tomllib.loads(f"x = {literal}")["x"]
    separator = ":" if key == "sandbox.write" else ","
    text = separator.join(value) if isinstance(value, list) else literal.strip('"')
    world.user(toml_for(key, literal))
    wanted = world.load().values[tuple(key.split("."))]
    world.user("# nothing yet\n")
    set_value(world.user_file, key, text, cwd=PLACE)
    loaded = world.load()
    assert loaded.values[tuple(key.split("."))] == wanted
    assert loaded.sources[key].startswith(str(world.user_file))


@pytest.mark.parametrize(
    ("before", "key", "value", "message"),
    [
        ("", "modle", "a/b", "there is no setting modle"),
        ("", "limits.max_steps", "many", 'config set limits.max_steps: limits.max_steps is "many"'),
        ("", "sandbox.tier", "off", "which a user file cannot choose"),
        ("seed = = 1\n", "seed", "1", "config.toml:1: it is not TOML"),
        ("\nsandbox = 5\n", "sandbox.timeout", "1", "config.toml:2: sandbox.timeout cannot be set"),
        ("[[ui]]\n[[ui]]\n", "ui.theme", "dark", "config.toml:1: ui.theme cannot be set"),
    ],
)
def test_what_cannot_be_set_leaves_the_file_alone(tmp_path, before, key, value, message):
    with pytest.raises(ConfigError) as caught:
        _set(tmp_path, before, key, value)
    assert message in caught.value.message
    assert caught.value.hint
    assert (tmp_path / "config.toml").read_text() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_the_file_and_its_folder_are_made_for_their_owner_alone(tmp_path):
    file = tmp_path / "new" / "config.toml"
    set_value(file, "seed", "1", cwd=PLACE)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path):
    real = tmp_path / "dotfiles.toml"
    real.write_text("seed = 1\n")
    real.chmod(0o644)
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    set_value(link, "seed", "2", cwd=PLACE)
    assert link.is_symlink()
    assert real.read_text() == "seed = 2\n"
    assert real.stat().st_mode & 0o777 == 0o644
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot (read|write) .*config\.toml: Not a directory"):
        set_value(tmp_path / "file" / "config.toml", "seed", "1", cwd=PLACE)


LINES = {
    "model": ["model = 'a/b' # why"],
    "seed": ["seed=7"],
    "limits": ["[limits]", "[limits] # mine\nmax_steps = 3", "limits = { max_steps = 3 }"],
    "ui": ["[ui]\n\n# colours\ntheme = 'dark'\n", "ui.theme = 'dark'", "ui = {}"],
    "providers": ["[providers.x]\ntimeout = 1\n[providers.x.options]\na = [\n1, # one\n]\n"],
}
edits = st.sampled_from(
    [
        ("model", "c/d"), ("seed", "0"), ("limits.max_steps", "9"), ("limits.budget", "1.50"),
        ("ui.theme", "none"), ("ui.editing_mode", "vi"), ("providers.x.timeout", "2"),
        ("providers.x.options.a", "true"), ("providers.x.options.b", "text"),
        ("providers.y.base_url", "http://h"), ("prices.a/b.input", "0"),
    ]
)  # fmt: skip


@st.composite
def files(draw):
    chosen = [draw(st.sampled_from(options)) for options in LINES.values() if draw(st.booleans())]
    headed = [text for text in chosen if text.startswith("[")]
    plain = [text for text in chosen if not text.startswith("[")]
    gap = draw(st.sampled_from(["\n", "\n\n", "\n# note\n"]))
    return gap.join(plain + headed) + draw(st.sampled_from(["", "\n", "\n\n# end\n"]))


@PATIENT
@given(files(), st.lists(edits, min_size=1, max_size=4))
def test_any_edits_of_any_file_change_only_what_they_say(text, changes):
    expected = tomllib.loads(text, parse_float=Decimal)
    with TemporaryDirectory() as folder:
        for key, value in changes:
            before = text
            text = _set(Path(folder), before, key, value)
            *tables, leaf = key.split(".")
            node = expected
            for table in tables:
                node = node.setdefault(table, {})
            literal = value if value[0].isdigit() or value == "true" else f'"{value}"'
            node[leaf] = tomllib.loads(f"x = {literal}", parse_float=Decimal)["x"]
            assert tomllib.loads(text, parse_float=Decimal) == expected
            kept = _comments(before) - ({" one"} if key == "providers.x.options.a" else set())
            assert kept <= _comments(text)


def _comments(text):
    return {line.split("#", 1)[1] for line in text.split("\n") if "#" in line}


def test_a_draft_that_is_in_the_way_is_not_overwritten(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text("seed = 1\n")
    (tmp_path / f".config.toml.{os.getpid()}").mkdir()
    with pytest.raises(ConfigError, match=r"cannot write .*config\.toml: File exists"):
        set_value(file, "seed", "2", cwd=PLACE)
    assert file.read_text() == "seed = 1\n"
