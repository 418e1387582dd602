"""Packages made from the page about displays alone: built, installed with pip, and run."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields

import pytest

from llmrepl.ports import Surface
from tests.docs.console import ROOT

PAGE = ROOT / "docs/how-to/write-a-display.md"
BUILD = """\
[build-system]
requires = ["poetry-core>=2.1"]
build-backend = "poetry.core.masonry.api"
"""
REPLACED = """
def draw(block, page):
    return page.told(f"result of {block.event.call_id} → {block.event.status}", "strong")
"""


def template():
    """The page's modules by name, and the entry points that it declares, by group."""
    page = PAGE.read_text()
    modules = dict(
        re.findall(r"^`(\w+)\.py`:\n\n```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    )
    declared = {}
    for text in re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        declared |= tomllib.loads(text)["project"]["entry-points"]
    return modules, declared


def install(folder, modules, declared):
    """Build a package and install it, without a network, into a folder of its own."""
    source, target = folder / "source", folder / "installed"
    source.mkdir()
    for name, text in modules.items():
        (source / f"{name}.py").write_text(text)
    project = '[project]\nname = "llmrepl-third"\nversion = "1.0"\nrequires-python = ">=3.11"\n'
    for group, entries in declared.items():
        lines = [f'"{name}" = "{place}"' for name, place in entries.items()]
        project += "\n".join([f'[project.entry-points."{group}"]', *lines, ""])
    included = ", ".join(f'{{ include = "{name}.py" }}' for name in modules)
    project += f"[tool.poetry]\npackages = [{included}]\n"
    (source / "pyproject.toml").write_text(BUILD + project)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--root-user-action=ignore"]
    done = subprocess.run(
        [*pip, *offline, "--target", str(target), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


def run(target, *args):
    environ = {"PATH": os.environ["PATH"], "HOME": str(target), "PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-m", "llmrepl", "run", "--model", "demo/assistant", *args],
        cwd=target,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    modules, declared = template()
    assert set(declared) == {"llmrepl.displays", "llmrepl.blocks"}
    modules["llmrepl_results"] = REPLACED
    declared["llmrepl.blocks"]["tool.finished"] = "llmrepl_results:draw"
    return install(tmp_path_factory.mktemp("third"), modules, declared)


def test_the_page_tells_of_every_field_of_a_surface():
    told = re.findall(r"^\| `(\w+)(?:\(\))?` \|", PAGE.read_text(), re.MULTILINE)
    assert {field.name for field in fields(Surface)} <= set(told)


def test_a_display_made_from_the_page_shows_a_run(installed):
    done = run(installed, "--display", "ticker", "what is 6*7")
    assert "42" in done.stdout
    assert re.fullmatch(r"asked: what is 6\*7\nran: ok in .*\nended: end_turn, \$0\n", done.stderr)


def test_a_package_takes_the_place_of_a_drawing(installed):
    done = run(installed, "--display", "timeline", "what is 6*7")
    assert "\nresult of 1.1.1 → ok\n" in done.stderr
    assert "╰─" not in done.stderr
