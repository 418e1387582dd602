"""The reference pages say what the code says."""

import re
import shutil
import subprocess
import sys
from typing import get_args

from llmrepl import parts
from llmrepl.conversation import Phase
from tests.docs.console import ROOT

GENERATE = ROOT / "docs/generate.py"


def generate(script, *arguments):
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_generated_parts_are_those_of_the_code():
    done = generate(GENERATE, "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_page_is_named_and_then_mended(tmp_path):
    shutil.copytree(ROOT / "docs/reference", tmp_path / "reference")
    script = shutil.copy(GENERATE, tmp_path)
    page = tmp_path / "reference/state.md"
    whole = page.read_text()
    page.write_text(whole.replace("idle --> ready", "idle --> streaming"))
    checked = generate(script, "--check")
    assert (checked.returncode, checked.stderr) == (1, "stale: state.md (run: make docs)\n")
    assert generate(script).returncode == 0
    assert page.read_text() == whole


def _first_cells(name, head):
    """The first cell of each row below the table head that begins with `head`."""
    text = (ROOT / "docs/reference" / name).read_text()
    (rows,) = re.findall(rf"^\| {re.escape(head)}.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    return re.findall(r"^\| `(\w+)`", rows, re.MULTILINE)


def test_every_tool_status_is_explained():
    assert _first_cells("events.md", "`status`") == list(get_args(parts.Status))


def test_every_stream_is_explained():
    assert _first_cells("events.md", "`stream`") == list(get_args(parts.Stream))


def test_every_phase_is_explained():
    assert _first_cells("state.md", "phase") == [phase.value for phase in Phase]
