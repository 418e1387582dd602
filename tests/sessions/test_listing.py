import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from llmrepl.events import Custom, NoteAdded
from llmrepl.record import Record
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.listing import sessions, summary_of
from llmrepl.sessions.log import SessionLog
from llmrepl.usage import Usage
from tests.sessions.sample import COST, USAGE, notes, story, turn, write
from tests.sessions.test_holding import HOLD


def _only(directory):
    (summary,) = sessions(directory)
    return summary


def test_a_summary_says_what_happened_in_a_session(tmp_path):
    path = write(tmp_path, story(3), cwd="/home/ada", created=1_700_000_000_000)
    os.utime(path, ns=(0, 1_700_000_009_000_000_000))
    summary = _only(tmp_path)
    assert summary.id == path.stem
    assert summary.path == path
    assert summary.state == "finished"
    assert summary.created == 1_700_000_000_000
    assert summary.updated == 1_700_000_009_000
    assert summary.cwd == "/home/ada"
    assert summary.forked_from is None
    assert summary.turns == 3
    assert summary.prompt == "What is the sum of the first numbers?"
    assert summary.model == "demo/assistant-2"
    assert summary.usage == Usage(7200, 240)
    assert summary.cost == 3 * COST.total
    assert summary.size == path.stat().st_size
    assert summary.records == 30


@pytest.mark.parametrize("records", range(1, 10))
def test_a_session_whose_last_turn_has_no_end_is_unfinished(tmp_path, records):
    write(tmp_path, story()[:records])
    summary = _only(tmp_path)
    assert summary.state == "unfinished"
    assert (summary.turns, summary.records) == (1, records)


def test_the_messages_of_an_unfinished_turn_are_counted(tmp_path):
    write(tmp_path, story(2)[:-3])
    summary = _only(tmp_path)
    assert summary.usage == USAGE + USAGE + USAGE
    assert summary.cost == 2 * COST.total


def test_a_session_without_prices_has_no_cost(tmp_path):
    write(tmp_path, notes(1))
    assert _only(tmp_path).cost is None


def test_remarks_after_a_turn_leave_it_finished(tmp_path):
    write(tmp_path, [*story(), Record(11, 1, 1, 2, NoteAdded(text="by the way"))])
    assert _only(tmp_path).state == "finished"


@pytest.mark.parametrize("records", [[], notes(3)])
def test_a_session_without_a_turn_is_finished_and_empty(tmp_path, records):
    with SessionLog.create(tmp_path) as log:
        for record in records or notes(1):
            log.append(record)
    if not records:
        log.path.write_bytes(log.path.read_bytes().splitlines(keepends=True)[0])
    summary = _only(tmp_path)
    assert (summary.state, summary.turns, summary.prompt) == ("finished", 0, "")
    assert (summary.model, summary.usage, summary.records) == ("", Usage(), len(records))


def test_text_that_looks_like_a_record_is_not_taken_for_one(tmp_path):
    words = '"type":"turn.started"\n{"type":"turn.finished"}'
    data = {"type": "turn.started", "inside": {"type": "turn.finished"}, "words": words}
    event, _ = turn(1, prompt=words)[0]
    records = [
        Record(1, 1, 0, 0, Custom(name="x", data=data)),
        Record(2, 2, 1, 0, event),
        Record(3, 3, 1, 0, Custom(name="x", data=data)),
    ]
    write(tmp_path, records)
    summary = _only(tmp_path)
    assert (summary.state, summary.turns) == ("unfinished", 1)
    assert summary.prompt == '"type":"turn.started"'


def test_the_prompt_is_its_first_line_with_words(tmp_path):
    event, _ = turn(1, prompt="\n   \n  Wie spät? 🕙 \nbitte")[0]
    write(tmp_path, [Record(1, 1, 1, 0, event)])
    assert _only(tmp_path).prompt == "Wie spät? 🕙"


def test_the_most_recently_written_session_comes_first(tmp_path):
    for position, name in enumerate(["b", "c", "a"]):
        path = write(tmp_path, notes(1), session_id=name)
        os.utime(path, (position, position))
    assert [summary.id for summary in sessions(tmp_path)] == ["a", "c", "b"]


def test_a_session_is_read_only_when_it_is_asked_for(tmp_path):
    for position, name in enumerate(["old", "new"]):
        os.utime(write(tmp_path, notes(1), session_id=name), (position, position))
    listing = sessions(tmp_path)
    assert next(listing).id == "new"
    (tmp_path / "old.jsonl").unlink()
    assert list(listing) == []


def test_a_fork_says_where_it_comes_from(tmp_path):
    path = write(tmp_path, story())
    copy = fork(tmp_path, path.stem, 3)
    found = {summary.id: summary.forked_from for summary in sessions(tmp_path)}
    assert found == {path.stem: None, copy: (path.stem, 3)}


@pytest.mark.parametrize(
    ("damage", "state"),
    [
        (lambda lines: [], "not begun"),
        (lambda lines: [b'{"llmrepl":"ses'], "not begun"),
        (lambda lines: [bytes(4096)], "not begun"),
        (lambda lines: [lines[0][:-1]], "finished"),
        (lambda lines: [b'{"llmrepl":"audit","ver'], "corrupt"),
        (lambda lines: [b"hello\n", *lines[1:]], "corrupt"),
        (lambda lines: [*lines, b"hello\n"], "corrupt"),
        (lambda lines: [*lines[:4], *lines[5:]], "corrupt"),
        (lambda lines: [*lines[:4], b"\n", *lines[4:]], "corrupt"),
        (lambda lines: [lines[0], b"[1]\n", *lines[2:]], "finished"),
        (lambda lines: [*lines, b'{"prev":"12'], "finished"),
        (lambda lines: [*lines[:-1], lines[-1][:-1]], "finished"),
        (lambda lines: [*lines[:-1], lines[-1][:-2]], "unfinished"),
    ],
    ids=range(13),
)
def test_damage_shows_where_the_head_the_tail_or_the_count_shows_it(tmp_path, damage, state):
    path = write(tmp_path, story())
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    assert _only(tmp_path).state == state


def test_a_session_another_process_writes_is_open_elsewhere_and_ours_is_not(tmp_path):
    session_id = write(tmp_path, story()).stem
    log, _ = SessionLog.open(tmp_path, session_id)
    with log:
        assert _only(tmp_path).state == "finished"
    command = [sys.executable, "-c", HOLD, str(tmp_path), session_id]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        assert _only(tmp_path).state == "open elsewhere"
        holder.stdin.close()
    assert _only(tmp_path).state == "finished"


def test_an_empty_or_missing_directory_lists_nothing(tmp_path):
    assert list(sessions(tmp_path)) == []
    assert list(sessions(tmp_path / "none")) == []


def test_costs_add_up_to_the_last_digit(tmp_path):
    write(tmp_path, story(10))
    assert _only(tmp_path).cost == Decimal("0.00204")


def test_one_session_is_summed_up_as_in_the_listing(tmp_path):
    path = write(tmp_path, story(3))
    assert summary_of(tmp_path, path.stem) == _only(tmp_path)
    assert summary_of(tmp_path, "no-such") is None
