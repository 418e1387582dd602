"""docs/reference/audit-log.md says what is written, and its verifier verifies it."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from llmrepl.audit import log, trail
from llmrepl.audit.place import VERSION, files
from llmrepl.audit.reading import verify
from tests.audit.trails import write

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "audit-log.md"
TEXT = PAGE.read_text()
ROWS = dict(re.findall(r"^\| `([a-z]+\.[a-z]+)` \| (.*) \|$", TEXT, flags=re.MULTILINE))
"""What the page says of each type."""


@pytest.fixture(scope="module")
def verifier():
    """The verifier on the page."""
    (source,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    names = {}
    exec(compile(source, str(PAGE), "exec"), names)
    return names["verify"]


def test_the_page_describes_this_version():
    assert f"This page describes format version {VERSION}." in TEXT
    assert f"after\n{log.LONGEST} characters" in TEXT
    assert f"{log.MOST // 2**20} MiB" in TEXT
    assert f"the first {trail.MANY}" in TEXT


def test_the_page_names_every_type():
    own = {trail.STARTED, trail.FAILED, trail.REFUSED, trail.GIVEN, trail.APPLIED, trail.UNDONE}
    own |= {log.REPAIRED}
    events = {event.type for event in trail.AS_THEY_ARE}
    assert set(ROWS) - {"log.jsonl"} == {*own, *events, "tool.started", "tool.finished"}


def test_the_page_names_every_detail():
    for event in trail.AS_THEY_ARE:
        named = {field.name for field in fields(event)} - {"call_id"}
        assert not [name for name in named if f"`{name}`" not in ROWS[event.type]]
    assert not [name for name in trail.ENDS if f"`{name}`" not in ROWS["tool.finished"]]


def test_the_verifier_on_the_page_verifies(tmp_path, verifier):
    write(tmp_path, 9, most=420)
    assert verifier(tmp_path) == verify(tmp_path).seq == 9
    head = (tmp_path / "head").read_bytes()
    write(tmp_path, 2, first=10, most=420)
    (tmp_path / "head").write_bytes(head)
    with files(tmp_path)[-1].open("ab") as file:
        file.write(b'{"torn')
    assert verifier(tmp_path) == verify(tmp_path).seq == 11
    assert verify(tmp_path).damage is None


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_verifier_on_the_page_finds_what_llmrepl_finds(tmp_path, verifier, number):
    write(tmp_path, 6, most=420)
    path = files(tmp_path)[number]
    content = path.read_bytes()
    for at in range(0, len(content), 7):
        changed = bytearray(content)
        changed[at] ^= 4
        path.write_bytes(changed)
        assert verify(tmp_path).damage is not None
        with pytest.raises((ValueError, KeyError)):
            verifier(tmp_path)
