"""Which display a name, a terminal and its environment lead to."""

import io
import sys

import pytest

from llmrepl.displays.json_lines import JsonLines
from llmrepl.displays.opening import open_display, surface_for
from llmrepl.displays.plain import PlainDisplay
from llmrepl.errors import ConfigError, PluginError
from llmrepl.ports import Surface


class Terminal(io.StringIO):
    def isatty(self):
        return True


def kind(name, **about):
    return type(open_display(name, Surface(stream=io.StringIO(), **about))).__name__


def test_a_terminal_gets_the_timeline_and_everything_else_the_plain_display():
    assert kind("auto", live=True) == "Timeline"
    assert kind("auto") == PlainDisplay.__name__


def test_a_display_is_opened_by_its_name():
    assert kind("json", live=True) == JsonLines.__name__
    assert kind("plain", live=True) == PlainDisplay.__name__
    assert kind("timeline") == "Timeline"


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(ConfigError) as raised:
        kind("fancy")
    assert raised.value.message == "there is no display 'fancy'"
    assert raised.value.hint == "there are: auto, json, plain, timeline"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install a package that brings a display called mine, whose module is `source`."""

    def install(source):
        (tmp_path / "mine.py").write_text(source)
        info = tmp_path / "mine-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[llmrepl.displays]\nmine = mine:Mine\n")
        monkeypatch.syspath_prepend(str(tmp_path))

    yield install
    sys.modules.pop("mine", None)


def test_a_plugin_brings_a_display_by_an_entry_point(plugin):
    plugin("class Mine:\n    def __init__(self, surface): pass\n")
    assert kind("mine") == "Mine"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import nothing_there", "could not be loaded from mine:Mine: "),
        ("class Mine:\n    def __init__(self, surface): 1 / 0\n", "could not be opened: "),
    ],
)
def test_a_broken_plugin_is_named(plugin, source, what):
    plugin(source)
    with pytest.raises(PluginError, match=f"the display mine {what}"):
        kind("mine")


@pytest.mark.parametrize(
    ("stream", "environ", "live", "theme", "links"),
    [
        (io.StringIO(), {"TERM": "xterm"}, False, "none", False),
        (Terminal(), {"TERM": "dumb"}, False, "none", False),
        (Terminal(), {"TERM": "xterm"}, True, "dark", False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, True, "none", False),
        (Terminal(), {"TERM": "xterm", "COLORFGBG": "0;15"}, True, "light", False),
        (Terminal(), {"TERM": "xterm", "TERM_PROGRAM": "WezTerm"}, True, "dark", True),
        (Terminal(), {"TERM": "xterm", "VTE_VERSION": "7000", "TMUX": "x"}, True, "dark", False),
    ],
)
def test_a_surface_is_what_the_stream_and_the_environment_allow(
    stream, environ, live, theme, links
):
    surface = surface_for(stream, "auto", environ)
    assert (surface.live, surface.theme, surface.links) == (live, theme, links)


def test_a_theme_that_was_chosen_is_kept():
    assert surface_for(Terminal(), "contrast", {"COLORFGBG": "0;15"}).theme == "contrast"


def test_the_width_is_what_the_environment_says_or_80():
    assert surface_for(io.StringIO(), "auto", {}).size() == (80, 24)
    assert surface_for(io.StringIO(), "auto", {"COLUMNS": "33", "LINES": "x"}).size() == (33, 24)
