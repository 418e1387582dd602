"""A saved session gets its time back, and keys change how fast it goes."""

import asyncio
import fcntl
import os
import pty
import struct
import subprocess
import termios

import pytest

from llmrepl.events import BlockDelta, TextDelta, ToolRequested
from llmrepl.repl.replaying import split
from llmrepl.replaying.pacing import Pacing
from llmrepl.replaying.playing import LONGEST, frames, is_step, words
from llmrepl.sessions.reader import LogReader
from llmrepl.testing import FakeClock, Step, records, turn
from tests.cli.machine import LLMREPL, until
from tests.replaying.recording import SESSIONS

STEPS = [Step("Let me see.", "print(6 * 7)", "42\n", reasoning="Hm, hm."), Step("It is 42.")]


def durable(**options):
    made = records(turn("What?", STEPS), **options)
    return [record for record in made if record.event.durable]


def test_a_message_comes_in_pieces_that_join_to_it():
    shown = [record.event for _, record in frames(durable())]
    text = "".join(event.text for event in shown if isinstance(event, TextDelta))
    code = "".join(event.text for event in shown if isinstance(event, BlockDelta))
    assert (text, code) == ("Let me see.It is 42.", "print(6 * 7)")


def test_every_durable_record_is_shown_once():
    saved = durable()
    shown = [record for _, record in frames(saved) if record.event.durable]
    assert sorted(record.seq for record in shown) == [record.seq for record in saved]


def test_a_call_stands_where_the_model_wrote_it():
    shown = [record.event for _, record in frames(durable())]
    at = next(n for n, event in enumerate(shown) if isinstance(event, ToolRequested))
    assert isinstance(shown[at - 1], BlockDelta)


def test_a_message_takes_its_recorded_time():
    waits = [
        (wait, record)
        for wait, record in frames(durable())
        if record.step == 2 and (record.seq == 0 or record.event.type == "message.finished")
    ]
    assert waits[0][0] == pytest.approx(0.12)
    assert sum(wait for wait, _ in waits) == pytest.approx(0.8)


def test_a_long_pause_is_cut():
    made = durable(clock=FakeClock(tick=100))
    assert max(wait for wait, _ in frames(made)) == LONGEST


@pytest.mark.parametrize("path", sorted(SESSIONS.glob("*/*.jsonl")), ids=lambda path: path.stem)
def test_every_recorded_session_can_be_shown_in_pieces(path):
    saved = list(LogReader(path))
    shown = [record for _, record in frames(saved)]
    assert len([record for record in shown if record.event.durable]) == len(saved)


def test_words_join_to_the_text():
    text = "a  bb\n\tccc " + "x" * 100 + " "
    assert "".join(words(text)) == text


def test_keys_are_told_apart():
    assert list(split(" n\x1b[Cq\x1bOC+")) == [" ", "n", "\x1b[C", "q", "\x1bOC", "+"]


def paced(seconds, *keys, speed=1.0, timeout=0.3):
    async def run():
        pacing = Pacing(speed)
        for key in keys:
            pacing.press(key)
        try:
            return await asyncio.wait_for(pacing.wait(seconds), timeout), pacing
        except TimeoutError:
            return "waits", pacing

    return asyncio.run(run())


def test_space_pauses_and_goes_on():
    assert paced(0.0, " ")[0] == "waits"
    assert paced(0.0, " ", " ")[0] is True


@pytest.mark.parametrize("key", ["n", "\x1b[C"])
def test_a_step_goes_to_the_next_record_and_pauses_there(key):
    async def run():
        pacing = Pacing()
        pacing.press(key)
        first = await pacing.wait(60)
        pacing.shown(step=False)
        second = await pacing.wait(60)
        pacing.shown(step=True)
        return first, second, pacing.paused

    assert asyncio.run(run()) == (True, True, True)
    assert is_step(records(turn())[0])


def test_plus_and_minus_change_the_speed():
    assert paced(10.0, *"++++++", timeout=2.0)[0] is True
    assert paced(0.0, "-")[1].speed == 0.5
    assert paced(0.0, *"-" * 20)[1].speed == 0.01


def test_a_key_that_means_nothing_changes_nothing():
    assert paced(60.0, "x")[0] == "waits"


def test_q_ends_it():
    assert paced(60.0, "q")[0] is False


@pytest.mark.parametrize("display", ["plain", "timeline", "json"])
def test_the_same_session_gives_the_same_bytes(display, machine):
    path = SESSIONS / "golden/several-steps.jsonl"
    shown = [
        machine.run("replay", path, "--instant", "--display", display, COLUMNS="72").out
        for _ in range(2)
    ]
    assert shown[0] == shown[1]
    assert "620" in shown[0]


def test_with_its_timing_it_says_the_same_as_at_once(machine):
    path = SESSIONS / "golden/several-steps.jsonl"
    timed = machine.run("replay", path, "--speed", "1000", "--display", "timeline")
    once = machine.run("replay", path, "--instant", "--display", "timeline")
    assert (timed.code, timed.err) == (0, "")
    assert [line for line in timed.lines if line] == [line for line in once.lines if line]


def test_in_a_terminal_q_ends_a_paused_replay_and_leaves_the_terminal_as_it_was(machine):
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    before = termios.tcgetattr(follower)
    path = SESSIONS / "golden/runs-out-of-time.jsonl"
    process = subprocess.Popen(
        [LLMREPL, "replay", str(path), "--speed", "0.05", "--display", "plain"],
        stdin=follower,
        stdout=follower,
        cwd=machine.project,
        env=machine.environment(),
    )
    shown = b""

    def prompted():
        nonlocal shown
        shown += os.read(leader, 4096)
        return b"Wait for it" in shown

    until(prompted)
    os.write(leader, b" n q")
    assert process.wait(20) == 0
    assert termios.tcgetattr(follower) == before
    os.close(leader)
    os.close(follower)


def test_a_damaged_session_is_not_replayed(machine, tmp_path):
    text = (SESSIONS / "golden/forked-here.jsonl").read_text()
    path = tmp_path / "damaged.jsonl"
    path.write_text(text.replace("wc -l", "wc -w", 1))
    ran = machine.run("replay", path, "--instant")
    assert (ran.code, ran.out) == (1, "")
    assert "damaged.jsonl line" in ran.err
