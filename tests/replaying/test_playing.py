"""A saved session gets its time back, and keys change how fast it goes."""

import asyncio
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.events import (
    BlockDelta,
    MessageFinished,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    ToolStarted,
)
from llmrepl.pace import CLOSE
from llmrepl.parts import Output, Reasoning, Text, ToolCall
from llmrepl.record import Record
from llmrepl.repl.replaying import split
from llmrepl.replaying.pacing import Pacing
from llmrepl.replaying.playing import LONGEST, frames, is_step, words
from llmrepl.sessions.reader import LogReader
from llmrepl.testing import FakeClock, Step, records, turn
from tests.cli.machine import LLMREPL, until
from tests.replaying import screens
from tests.replaying.recording import ROOT, SESSIONS

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


def recorded(*events, ms=()):
    """Return records of `events`, each so many milliseconds after the one before it."""
    found, at = [], 1_767_225_600_000
    for seq, event in enumerate(events, 1):
        at += dict(ms).get(event.type, 0)
        found.append(Record(seq, at, 1, 1, event))
    return found


def scheduled(made):
    """Return what is shown as (milliseconds since the beginning, text or type)."""
    now, found = 0.0, []
    for wait, record in frames(made):
        now += wait * 1000
        found.append((round(now), getattr(record.event, "text", record.event.type)))
    return found


ASKED = StepStarted(provider="scripted", model="m")


def test_a_message_comes_at_the_pace_that_was_recorded():
    call = ToolCall("1.1.1", "python", "python", {"code": "6 * 7"})
    message = MessageFinished(
        parts=(Reasoning("Hm."), Text("Let me see."), call),
        stop="tool_calls",
        total_ms=1600,
        pace=(100, 3, 400, 4, 500, 9, 1500, 3),
    )
    request = ToolRequested(call_id="1.1.1", name="python", language="python", arguments={})
    assert scheduled(recorded(ASKED, request, message))[1:] == [
        (100, "Hm."),
        (400, "Let "),
        (500, "me see."),
        (500, "block.opened"),
        (500, "6 "),
        (1500, "* 7"),
        (1500, "tool.requested"),
        (1600, "message.finished"),
    ]


def test_the_block_of_a_tool_ends_when_its_last_character_came():
    call = ToolCall("1.1.1", "weather", "tool", {"place": "Assam"})
    message = MessageFinished(
        parts=(Text("See."), call), stop="tool_calls", total_ms=900, pace=(10, 4, 300, 20, 800, 9)
    )
    request = ToolRequested(call_id="1.1.1", name="weather", language="tool", arguments={})
    shown = scheduled(recorded(ASKED, request, message))
    assert shown[-2:] == [(800, "tool.requested"), (900, "message.finished")]


def test_outputs_come_at_their_pace_also_of_calls_at_the_same_time():
    def ended(call_id, text, pace):
        parts = (Output("stdout", text), Output("value", "3"))
        return ToolFinished(call_id=call_id, status="ok", parts=parts, pace=pace)

    made = recorded(
        ToolStarted(call_id="1.1.1", executor="bubblewrap"),
        ToolStarted(call_id="1.1.2", executor="bubblewrap"),
        ended("1.1.1", "abcd", (50, 0, 1, 400, 0, 3)),
        ended("1.1.2", "xyz", (200, 0, 2, 600, 0, 1, 9_999, 7, 1)),
        ms={"tool.finished": 500},
    )
    assert scheduled(made)[2:] == [
        (50, "a"),
        (200, "xy"),
        (400, "bcd"),
        (500, "tool.finished"),
        (600, "z"),
        (1000, "tool.finished"),
    ]


@given(st.lists(st.integers(-5, 40), max_size=30), st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_file_says_of_its_pace_nothing_is_lost(pace, said, code):
    call = ToolCall("1.1.1", "bash", "bash", {"code": code})
    message = MessageFinished(parts=(Text(said), call), stop="tool_calls", pace=tuple(pace))
    request = ToolRequested(call_id="1.1.1", name="bash", language="bash", arguments={})
    made = recorded(ASKED, request, message)
    shown = [record.event for _, record in frames(made)]
    assert "".join(event.text for event in shown if isinstance(event, TextDelta)) == said
    assert "".join(event.text for event in shown if isinstance(event, BlockDelta)) == code
    assert [wait for wait, _ in frames(made) if wait < 0] == []


def test_a_streamed_session_is_recorded_with_its_pace_and_shown_at_it(machine):
    slow = 'delay: 0.1\nrate: 40\n\nIt comes word by word.\n\n<helpers lang="bash">\n'
    block = "echo one; sleep 0.2; echo two; sleep 0.1\n</helpers>"
    model = machine.script(slow + block, "Done.")
    assert machine.run("run", "--model", model, "--session", "slow", "Go.").code == 0
    saved = list(LogReader(machine.sessions / "slow.jsonl"))
    message, answer = (r.event for r in saved if isinstance(r.event, MessageFinished))
    (result,) = (r.event for r in saved if isinstance(r.event, ToolFinished))
    assert 4 <= len(message.pace) // 2 <= message.total_ms / CLOSE + 1
    assert message.pace[0] >= 100
    assert answer.pace == ()
    assert result.pace[1:3] == (0, 4)
    assert result.pace[4:] == (0, 4)
    shown = [record.event for _, record in frames(saved)]
    outputs = [event.text for event in shown if isinstance(event, ToolOutput)]
    assert outputs == ["one\n", "two\n"]


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


class Screen:
    """A replay in a terminal of its own; `shown` is all that it wrote."""

    def __init__(self, machine, *args, columns=100, **env):
        self.leader, self.follower = pty.openpty()
        size = struct.pack("HHHH", 40, columns, 0, 0)
        fcntl.ioctl(self.follower, termios.TIOCSWINSZ, size)
        self.before = termios.tcgetattr(self.follower)
        self.shown = b""
        self.process = subprocess.Popen(
            [LLMREPL, "replay", *map(str, args)],
            stdin=self.follower,
            stdout=self.follower,
            stderr=subprocess.DEVNULL,
            cwd=machine.project,
            env=machine.environment(**env),
        )

    def read(self, seconds):
        """Take in what comes within that time; return whether anything did."""
        ready, _, _ = select.select([self.leader], [], [], seconds)
        if ready:
            self.shown += os.read(self.leader, 65536)
        return bool(ready)

    def wait_for(self, text):
        """Wait until `text` is shown."""
        until(lambda: (self.read(0.1) and False) or text in self.shown)

    def press(self, keys):
        os.write(self.leader, keys)

    @property
    def reads_keys(self):
        """Whether keys are read one by one and not echoed."""
        return not termios.tcgetattr(self.follower)[3] & (termios.ECHO | termios.ICANON)

    @property
    def is_as_before(self):
        return termios.tcgetattr(self.follower) == self.before

    def ended(self):
        """Wait for the end, read the rest, and return the exit code."""
        until(lambda: (self.read(0.02) and False) or self.process.poll() is not None)
        while self.read(0.05):
            pass
        return self.process.returncode

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.leader)
        os.close(self.follower)


@pytest.fixture
def screen(machine):
    opened = []

    def start(*args, **options):
        opened.append(Screen(machine, *args, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


SEVERAL = SESSIONS / "golden/several-steps.jsonl"
SLOW = (SESSIONS / "golden/runs-out-of-time.jsonl", "--speed", "0.05", "--display", "plain")


def test_the_same_session_gives_the_same_bytes_whatever_the_process_is_like():
    """Every recorded session, at three widths and in two themes."""
    likes = (
        {"TZ": "UTC", "LANG": "C.UTF-8", "PYTHONHASHSEED": "1"},
        {"TZ": "Asia/Kathmandu", "LANG": "C", "PYTHONHASHSEED": "2", "COLUMNS": "20"},
    )
    command = [sys.executable, "-m", "tests.replaying.screens"]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=os.environ | like)
        for like in likes
    ]
    first, second = (json.loads(process.communicate(timeout=60)[0]) for process in started)
    assert first == second
    assert len(first) == len(list(SESSIONS.glob("*/*.jsonl"))) * 6
    assert len(set(first.values())) > len(first) / 2  # of short ones some widths are the same


@pytest.mark.parametrize(("width", "theme"), [(40, "dark"), (80, "light"), (132, "dark")])
def test_a_terminal_gets_just_these_bytes(width, theme, screen):
    opened = screen(SEVERAL, "--instant", columns=width, LLMREPL_UI_THEME=theme)
    assert opened.ended() == 0
    wanted = screens.screen(LogReader(SEVERAL), width, theme)
    assert opened.shown.decode().replace("\r\n", "\n") == wanted
    assert "620" in wanted


@pytest.mark.parametrize("display", ["plain", "json"])
def test_where_there_is_no_terminal_the_bytes_are_the_same_too(display, machine):
    command = ("replay", SEVERAL, "--instant", "--display", display)
    first, second = (machine.run(*command, TZ=zone).out for zone in ("UTC", "Asia/Kathmandu"))
    assert first == second
    assert "620" in first


def test_with_its_timing_it_says_the_same_as_at_once(machine):
    timed = machine.run("replay", SEVERAL, "--speed", "1000", "--display", "timeline")
    once = machine.run("replay", SEVERAL, "--instant", "--display", "timeline")
    assert (timed.code, timed.err) == (0, "")
    assert [line for line in timed.lines if line] == [line for line in once.lines if line]


def test_in_a_terminal_q_ends_a_paused_replay_and_leaves_the_terminal_as_it_was(screen):
    opened = screen(*SLOW)
    opened.wait_for(b"Wait for it")
    assert opened.reads_keys
    opened.press(b" n q")
    assert opened.ended() == 0
    assert opened.is_as_before


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_replay_that_is_killed_leaves_the_terminal_as_it_was(by, screen):
    opened = screen(*SLOW)
    opened.wait_for(b"Wait for it")
    opened.process.send_signal(by)
    assert opened.ended() == (130 if by == signal.SIGINT else -by)
    assert opened.is_as_before


def test_a_stopped_replay_reads_keys_again_when_it_goes_on(screen):
    opened = screen(*SLOW)
    opened.wait_for(b"Wait for it")
    opened.process.send_signal(signal.SIGSTOP)
    termios.tcsetattr(opened.follower, termios.TCSANOW, opened.before)
    opened.process.send_signal(signal.SIGCONT)
    until(lambda: opened.reads_keys)
    opened.press(b"q")
    assert opened.ended() == 0


def test_keys_step_from_record_to_record_without_waiting(screen):
    opened = screen(SEVERAL, "--speed", "0.01", "--display", "plain")
    opened.wait_for(b"Which drink")
    pressed = 0
    while b"585" not in opened.shown:
        opened.press((b"n", b"\x1b[C")[pressed % 2])
        opened.read(0.1)
        pressed += 1
    while opened.read(0.2):
        pass
    assert pressed >= 8
    assert b"620** cups." not in opened.shown
    opened.press(b"n" * 60)
    opened.wait_for(b"620** cups.")
    opened.press(b"q")
    assert opened.ended() == 0


def test_a_damaged_session_is_not_replayed(machine, tmp_path):
    text = (SESSIONS / "golden/forked-here.jsonl").read_text()
    path = tmp_path / "damaged.jsonl"
    path.write_text(text.replace("wc -l", "wc -w", 1))
    ran = machine.run("replay", path, "--instant")
    assert (ran.code, ran.out) == (1, "")
    assert "damaged.jsonl line" in ran.err
