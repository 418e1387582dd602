"""A reader that was written from the page alone reads what llmrepl reads, and finds its damage."""

import ast
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from llmrepl.cli import main
from llmrepl.sessions.listing import sessions
from llmrepl.sessions.reader import LogReader
from tests.replaying.recording import SESSIONS
from tests.sessions import reader
from tests.sessions.sample import lines_of, story, write

SOURCE = Path(reader.__file__)
RECORDED = sorted(SESSIONS.glob("*/*.jsonl"))


def seen_by_llmrepl(path):
    ran = CliRunner().invoke(main, ["sessions", "show", str(path), "--json"])
    assert ran.exit_code == 0, ran.output
    return [json.loads(line) for line in ran.stdout.rstrip("\n").split("\n")]


def test_the_reader_is_short_and_shares_no_code():
    text = SOURCE.read_text()
    tree = list(ast.walk(ast.parse(text)))
    named = {name.name for node in tree if isinstance(node, ast.Import) for name in node.names}
    named |= {node.module for node in tree if isinstance(node, ast.ImportFrom)}
    assert named <= sys.stdlib_module_names
    assert text.count("import_module(") == 1  # Python 3.14 has zstd; before, a backport stands in
    assert len(text.splitlines()) <= 60


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_it_reads_every_recorded_session_as_llmrepl_does(path):
    header, records, wrong = reader.read(path)
    assert header == lines_of(path)[0]
    assert records == seen_by_llmrepl(path)
    assert wrong == []


@pytest.mark.parametrize("kind", ["demos", "golden", "regressions"])
def test_it_counts_the_turns_and_the_costs_that_the_list_shows(kind):
    for summary in sessions(SESSIONS / kind):
        lines = list(reader.told(*reader.read(summary.path)))
        ends = [line.rpartition("cost: ")[2] for line in lines if ", cost: " in line]
        known = [Decimal(end) for end in ends if end != "?"]
        if summary.state == "finished":
            assert len(ends) == summary.turns
            assert (sum(known) if known else None) == summary.cost


def test_it_is_a_program(tmp_path):
    path = write(tmp_path, story(2), session_id="mine", forked_from=("other", 0))
    command = [sys.executable, "-I", str(SOURCE), str(path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == [
        "mine, forked from other at 0",
        "1. What is the sum of the first numbers?",
        "end_turn, cost: 0.000204",
        "2. What is the sum of the first numbers?",
        "end_turn, cost: 0.000204",
    ]


DAMAGE = {
    "nothing": lambda whole: whole,
    "its last newline is gone": lambda whole: whole[:-1],
    "its last byte is gone": lambda whole: whole[:-2],
    "half its last line is gone": lambda whole: whole[:-60],
    "a line too many": lambda whole: whole + b"}\n",
    "no object": lambda whole: whole + b"7\n",
    "a word was changed": lambda whole: whole.replace(b"Let me see", b"Let me be.", 1),
    "the last line was changed": lambda whole: whole.replace(b'"ms":1000.0', b'"ms":1000.1'),
    "a line is gone": lambda whole: b"\n".join(whole.split(b"\n")[:3] + whole.split(b"\n")[4:]),
    "the header was changed": lambda whole: whole.replace(b'"cwd":""', b'"cwd":"/"', 1),
    "bytes that are no text": lambda whole: whole + b'{"prev":"\xff"}',
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_it_finds_the_damage_that_llmrepl_finds(tmp_path, change):
    path = write(tmp_path, story())
    path.write_bytes(change(path.read_bytes()))
    log = LogReader(path)
    count = len(list(log))
    _, records, wrong = reader.read(path)
    expected = [] if log.problem is None else ["torn" if log.problem.torn else "damaged"]
    assert (len(records), wrong) == (count, expected)
