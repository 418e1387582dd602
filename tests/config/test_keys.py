"""Keys in a configuration: how they are written, and that none does two things."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.config.actions import ACTIONS, keys_of, shared
from llmrepl.config.key_names import NAMED, canonical
from llmrepl.errors import ConfigError
from tests.config.world import World

presses = st.sampled_from(sorted(NAMED))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("ctrl-r", "ctrl-r"),
        ("Ctrl-R", "ctrl-r"),
        ("c-x  c-e", "ctrl-x ctrl-e"),
        ("C-I", "tab"),
        ("ctrl-[", "escape"),
        ("esc enter", "alt-enter"),
        ("M-f", "alt-f"),
        ("alt-F", "alt-F"),
        ("escape escape", "escape escape"),
        ("ctrl-x e", "ctrl-x e"),
        ("alt--", "alt--"),
        ("S-Tab", "shift-tab"),
        ("Page-Up", "pageup"),
    ],
)
def test_a_key_has_one_name_however_it_is_written(written, name):
    assert canonical(written) == name


@pytest.mark.parametrize("written", ["x", "e ctrl-x", "", "ctrl-", "hyper-x", "ctrl-enter", "-"])
def test_what_is_no_key_is_refused(written):
    with pytest.raises(ValueError, match=r"\w"):
        canonical(written)


@given(st.lists(presses, min_size=1, max_size=3).map(" ".join))
def test_the_name_of_a_name_is_itself(written):
    assert canonical(canonical(written)) == canonical(written)


@pytest.mark.parametrize("mode", ["emacs", "vi"])
def test_no_two_actions_share_a_key_by_default(mode):
    assert list(shared(keys_of(mode, {}))) == []


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_default_keys_are_written_as_their_names(action):
    for mode in ("emacs", "vi"):
        assert [canonical(key) for key in action.keys(mode)] == list(action.keys(mode))


def test_keys_are_read_as_one_or_as_a_list(world):
    keys = world.user('[keys]\neditor = "C-g"\nexpand = ["f2", "alt-o", "F2"]\n').load().config.keys
    assert keys.editor == ("ctrl-g",)
    assert keys.expand == ("f2", "alt-o")
    assert keys.send is None


def test_an_unknown_action_is_named_with_its_place_and_the_one_that_was_meant(world):
    with pytest.raises(ConfigError) as caught:
        world.user('[keys]\n\nnew_lin = "f2"\n').load()
    assert caught.value.message == f"{world.user_file}:3: unknown key keys.new_lin"
    assert caught.value.hint == "did you mean keys.new_line?"


def test_an_unknown_key_is_named_with_its_place_and_what_is_accepted(world):
    with pytest.raises(ConfigError) as caught:
        world.user('[keys]\neditor = "ctrl-enter"\n').load()
    assert caught.value.message == (
        f'{world.user_file}:2: keys.editor is "ctrl-enter" (a text): ctrl-enter is no key'
    )
    assert caught.value.hint.startswith('accepted: a key such as "ctrl-r"')


def test_a_key_that_is_bound_twice_names_both_places(world):
    with pytest.raises(ConfigError) as caught:
        world.user('[keys]\neditor = "f2"\nexpand = ["f3", "f2"]\n').load()
    assert caught.value.message == (
        f"{world.user_file}:3: keys.expand is f2, which is keys.editor at {world.user_file}:2"
    )


def test_a_key_that_another_action_has_by_default_is_refused_with_the_way_out(world):
    with pytest.raises(ConfigError) as caught:
        world.user('[keys]\neditor = "ctrl-r"\n').load()
    assert caught.value.message == (
        f"{world.user_file}:2: keys.editor is ctrl-r,"
        " which is keys.history_search by default in emacs mode"
    )
    assert caught.value.hint == (
        "accepted: another key, or ctrl-r where keys.history_search has another or [] for none"
    )


def test_a_key_is_free_once_its_action_has_another(world):
    text = (
        '[keys]\neditor = "ctrl-r"\nhistory_search = []\nsend = "alt-enter"\nnew_line = "enter"\n'
    )
    keys = world.user(text).load().config.keys
    assert (keys.editor, keys.history_search) == (("ctrl-r",), ())


def test_what_is_taken_depends_on_the_mode(world):
    world.user('[keys]\neditor = "ctrl-p"\n')
    with pytest.raises(ConfigError, match="history_back by default in emacs mode"):
        world.load()
    assert world.load(LLMREPL_UI_EDITING_MODE="vi").config.keys.editor == ("ctrl-p",)


def test_a_variable_gives_keys_too(world):
    assert world.load(LLMREPL_KEYS_EXPAND="f2, f3").config.keys.expand == ("f2", "f3")
