"""What is shown beside the timeline is a plugin's, and plain where there is none or it fails."""

import io
import sys
from importlib.metadata import entry_points

import pytest

from llmrepl.displays.views import GROUP, PLAIN, STYLES, THEMES, Views, write
from llmrepl.standing import Filling, Steps
from llmrepl.testing import check_context, check_usage, records, turn
from llmrepl.testing.status import STANDING, standings
from tests.repl.test_hostile import ATTACKS

STEPS = Steps(records(turn())).taken
FILLING = Filling("m", {"answers": 1200}, 8192)
VALUES = {"line": STANDING, "usage": STEPS, "context": FILLING}

PLUGIN = """
LOADED.append(1)
def line(standing, width): return [("strong", f"{standing.model} in {width} cells")]
def usage(steps, width): return [[("", f"{len(steps)} steps")], []]
def context(filling, width): raise ValueError("too full")
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install a package that draws views."""

    def install(source=PLUGIN, name="llmrepl_views_of_a_test"):
        (tmp_path / f"{name}.py").write_text(f"LOADED = []\n{source}")
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{view} = {name}:{view}" for view in PLAIN]
        (folder / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]))
        monkeypatch.syspath_prepend(str(tmp_path))
        return name

    yield install
    sys.modules.pop("llmrepl_views_of_a_test", None)


def draw(views, name, width=80):
    return getattr(views, name)(VALUES[name], width)


def text(lines):
    return "\n".join("".join(text for _, text in line) for line in lines)


def test_llmrepls_own_views_are_those_of_its_plugin():
    own = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    assert set(own) == set(PLAIN)
    assert {value.partition(".")[0] for value in own.values()} == {"llmrepl_usage"}
    views = Views()
    views.load()
    assert "full sandbox" in text([draw(views, "line", 200)])
    assert "biggest" not in text(draw(views, "usage"))
    assert text(draw(views, "context")).startswith("m: ~1.2k of 8.2k tokens (~14%)")
    assert views.problems == []


def test_a_package_takes_a_view_over(plugin):
    plugin()
    views = Views()
    assert draw(views, "line") == [("strong", f"{STANDING.model} in 80 cells")]
    assert text(draw(views, "usage")) == "2 steps\n"


def test_a_view_that_fails_is_plain_from_then_on_and_is_told_of_once(plugin):
    plugin()
    views = Views()
    for _ in range(3):
        assert text(draw(views, "context")) == "answers: ~1.2k tokens"
    (problem,) = views.problems
    assert "'context' of llmrepl.status failed: ValueError('too full')" in problem.message
    assert "update or remove" in problem.hint
    assert draw(views, "line")[0][0] == "strong"


@pytest.mark.parametrize("source", ["raise OSError('no disk')", "x = 1"])
def test_a_view_that_cannot_be_loaded_is_plain(plugin, source):
    plugin(source)
    views = Views()
    views.load()
    assert text([draw(views, "line")]).startswith(f"{STANDING.model} · full sandbox: writes a copy")
    assert sorted(problem.message.split()[2] for problem in views.problems) == [
        "'context'",
        "'line'",
        "'usage'",
    ]
    assert "could not be loaded from llmrepl_views_of_a_test:" in views.problems[0].message


@pytest.mark.parametrize(
    "drawn", ["5", "['text']", "[('', 5)]", "[('', 'x', 'y')]", "None", "[[('', 'x')]]"]
)
def test_what_is_no_line_is_drawn_plainly(plugin, drawn):
    plugin(f"def line(standing, width): return {drawn}\nusage = context = line")
    views = Views()
    assert text([draw(views, "line")]).startswith(STANDING.model)
    assert len(views.problems) == 1


def test_no_view_commands_the_terminal(plugin):
    hostile = "safe" + "safe".join(ATTACKS) + "\nsafe"
    plugin(f"HOSTILE = {hostile!r}\ndef line(*_): return [('x', HOSTILE)]\nusage = context = line")
    ((_, shown),) = draw(Views(), "line")
    assert "safe" in shown
    assert [sign for sign in shown if not sign.isprintable() and sign not in "\t\u00a0"] == []


def test_plain_views_show_whatever_there_is():
    for standing in standings():
        (fragment,) = PLAIN["line"](standing, 80)
        assert fragment[0] == ("alarm" if standing.alarm else "")
        assert standing.model in fragment[1]
    wide = 10_000
    check_usage(lambda steps, _: [list(line)[:0] for line in PLAIN["usage"](steps, wide)])
    check_context(lambda filling, _: [list(line)[:0] for line in PLAIN["context"](filling, wide)])
    assert text(PLAIN["usage"](STEPS, 80)).splitlines() == [
        "1.1 scripted/test ↑ 100 ↓ 20 · 800 ms · <$0.0001",
        "1.2 scripted/test ↑ 100 ↓ 20 · 800 ms · <$0.0001",
        "session <$0.0001",
    ]


def written(lines, theme):
    stream = io.StringIO()
    write(stream, lines, theme)
    return stream.getvalue()


def test_lines_are_written_with_colours_where_there_are_any():
    lines = [[("bad", "full"), ("", " of "), ("unheard-of", "it")], []]
    for theme, codes in (("dark", "1;31"), ("contrast", "1;91"), ("another", "1;31")):
        assert written(lines, theme) == f"\x1b[{codes}mfull\x1b[0m of it\n\n"
    assert written(lines, "none") == "full of it\n\n"
    assert set(THEMES) == {"dark", "light", "contrast", "none"}
    assert set(STYLES) == {"strong", "dim", "bar", "warn", "hot", "bad", "alarm"}
