"""Code and configuration that stand in the documentation do what it says."""

import os
import re
import subprocess
import sys
import tomllib

import pytest

from llmrepl.config import load
from llmrepl.executors.policy import Limits, size
from tests.docs.console import ROOT

DOCS = ROOT / "docs"
PYTHON = [DOCS / "explanation/how-it-works.md", DOCS / "reference/helper-blocks.md"]
TOML = [DOCS / "reference/configuration.md", DOCS / "how-to/connect-a-model.md"]


def blocks(page, language):
    text = page.read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PYTHON, ids=lambda page: page.stem)
def test_the_python_on_a_page_runs(page):
    programs = [source for source in blocks(page, "python") if "import " in source]
    assert programs
    for source in programs:
        exec(compile(source, page.name, "exec"), {})


@pytest.mark.parametrize("page", TOML, ids=lambda page: page.stem)
def test_the_configuration_on_a_page_is_accepted(page, tmp_path):
    files = blocks(page, "toml")
    assert files
    for text in files:
        file = tmp_path / "config.toml"
        file.write_text(text)
        loaded = load({}, {"HOME": str(tmp_path)}, tmp_path, user_file=file)
        assert loaded.warnings == ()
        assert [source for source in loaded.sources.values() if source.startswith(str(file))]


def test_a_price_on_the_page_is_in_force(tmp_path):
    (text,) = blocks(TOML[0], "toml")
    (tmp_path / "config.toml").write_text(text)
    loaded = load({}, {"HOME": str(tmp_path)}, tmp_path, user_file=tmp_path / "config.toml")
    assert str(loaded.config.prices["openai/my-model"].output) == "0.40"
    assert str(loaded.config.limits.budget) == "1.50"


def test_the_limits_on_the_page_are_those_of_the_sandbox():
    page = (DOCS / "explanation/sandbox.md").read_text()
    limits = Limits()
    said = (
        f"| {limits.seconds:g} s, up to {limits.max_seconds:g} s where the block asks for more |",
        f"| {size(limits.memory)} |",
        f"| {limits.processes} |",
        f"| {size(limits.scratch_size)}, {limits.scratch_files:,} files |",
        f"| {size(limits.file_size)} |",
        f"| {size(limits.kept_output)} of each stream;",
        f" a block is ended at {size(limits.max_output)} |",
    )
    assert [line for line in said if line not in page] == []


@pytest.fixture
def echo_plugin(tmp_path):
    """The plugin of plugins/README.md as an installed package."""
    page = ROOT / "plugins/README.md"
    (source,), (declared,) = blocks(page, "python"), blocks(page, "toml")
    (tmp_path / "llmrepl_echo.py").write_text(source)
    installed = tmp_path / "llmrepl_echo-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: llmrepl-echo\nVersion: 1.0\n")
    found = tomllib.loads(declared)["project"]["entry-points"]["llmrepl.providers"]
    lines = [f"{name} = {target}" for name, target in found.items()]
    (installed / "entry_points.txt").write_text("\n".join(["[llmrepl.providers]", *lines]))
    return tmp_path


def run_with(plugin, *command):
    environ = {"PATH": os.environ["PATH"], "HOME": str(plugin), "PYTHONPATH": str(plugin)}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=plugin,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_plugin_on_the_page_answers(echo_plugin):
    command = ("-m", "llmrepl", "run", "--model", "echo/loud", "hello")
    assert run_with(echo_plugin, *command) == (0, "hello\n", "")


def test_the_plugin_on_the_page_keeps_the_contract_of_its_port(echo_plugin):
    program = (
        "import asyncio\n"
        "from llmrepl.ports import ChatMessage, Request\n"
        "from llmrepl.testing import check_provider\n"
        "from llmrepl_echo import Echo\n"
        "request = Request('loud', '', (ChatMessage('user', 'hello'),))\n"
        "asyncio.run(check_provider(Echo(), request))\n"
    )
    assert run_with(echo_plugin, "-c", program) == (0, "", "")


@pytest.fixture
def display_plugins(tmp_path):
    """The plugins of the page about displays as an installed package."""
    return install_plugins_of(DOCS / "how-to/write-a-display.md", tmp_path)


@pytest.fixture
def status_plugin(tmp_path):
    """The plugin of the page about status lines as an installed package."""
    return install_plugins_of(DOCS / "how-to/write-a-status-line.md", tmp_path)


def install_plugins_of(page, tmp_path):
    names = re.findall(r"^`(\w+\.py)`:$", page.read_text(), re.MULTILINE)
    for name, source in zip(names, blocks(page, "python"), strict=True):
        (tmp_path / name).write_text(source)
    installed = tmp_path / "llmrepl_shown-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: llmrepl-shown\nVersion: 1.0\n"
    )
    lines = []
    for declared in blocks(page, "toml"):
        for group, found in tomllib.loads(declared)["project"]["entry-points"].items():
            lines += [f"[{group}]", *(f"{name} = {target}" for name, target in found.items())]
    (installed / "entry_points.txt").write_text("\n".join(lines))
    return tmp_path


def test_the_display_on_the_page_shows_a_session(display_plugins):
    talk = ("-m", "llmrepl", "run", "--model", "demo/assistant", "--session", "mine", "what is 6*7")
    assert run_with(display_plugins, *talk)[0] == 0
    show = ("-m", "llmrepl", "sessions", "show", "mine", "--display", "ticker")
    code, out, err = run_with(display_plugins, *show)
    assert (code, err) == (0, "")
    assert re.fullmatch(r"asked: what is 6\*7\nran: ok in .*\nended: end_turn, \$0\n", out)


def test_the_display_on_the_page_keeps_the_contract_of_its_port(display_plugins):
    program = (
        "import io\n"
        "from llmrepl.ports import Surface\n"
        "from llmrepl.testing import check_display\n"
        "from llmrepl_ticker import Ticker\n"
        "check_display(Ticker(Surface(stream=io.StringIO())))\n"
    )
    assert run_with(display_plugins, "-c", program) == (0, "", "")


def test_the_drawing_on_the_page_is_on_the_timeline(display_plugins):
    program = (
        "import sys\n"
        "from llmrepl.events import Custom\n"
        "from llmrepl.ports import Surface\n"
        "from llmrepl.record import Record\n"
        "from llmrepl_timeline.timeline import Timeline\n"
        "event = Custom(name='weather.measured', data={'place': 'Oslo', 'degrees': -4})\n"
        "Timeline(Surface(stream=sys.stdout)).show(Record(1, 0, 1, 1, event))\n"
    )
    code, out, err = run_with(display_plugins, "-c", program)
    assert (code, out, err) == (0, "Oslo: -4 °C\n", "")


def test_the_status_line_on_the_page_keeps_the_contract_and_is_the_one_of_the_chat(status_plugin):
    program = (
        "from llmrepl.displays.views import Views\n"
        "from llmrepl.testing import check_status_line\n"
        "from llmrepl.testing.status import STANDING\n"
        "from llmrepl_brief import line\n"
        "check_status_line(line)\n"
        "print(Views().line(STANDING, 80))\n"
    )
    assert run_with(status_plugin, "-c", program) == (0, "[('strong', '$0')]\n", "")
