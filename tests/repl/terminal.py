"""llmrepl in a real pseudo-terminal: what a person types, and what the screen is sent."""

import fcntl
import os
import re
import signal
import struct
import termios
import time

import pexpect

from tests.cli.machine import LLMREPL

ENTER, NEW_LINE, ALT_ENTER, ESC = "\r", "\n", "\x1b\r", "\x1b"
CTRL_C, CTRL_D, CTRL_E, CTRL_F, CTRL_L = "\x03", "\x04", "\x05", "\x06", "\x0c"
CTRL_N, CTRL_O = "\x0e", "\x0f"
CTRL_P, CTRL_R, CTRL_S, CTRL_U, CTRL_Z = "\x10", "\x12", "\x13", "\x15", "\x1a"
UP, DOWN, RIGHT = "\x1b[A", "\x1b[B", "\x1b[C"
TAB, SHIFT_TAB, ALT_F, CTRL_RIGHT = "\t", "\x1b[Z", "\x1bf", "\x1b[1;5C"
PROMPT = "❯"

CURSOR_QUESTION, CURSOR_ANSWER = b"\x1b[6n", b"\x1b[30;1R"
ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # control sequences
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # operating system commands
    r"|\x1b[^\[\]]"
    r"|\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*)?\Z"  # one that has not arrived as a whole
)


class Terminal:
    """A terminal with llmrepl in it. `wait` goes through what appears, from the last find on.

    Args:
        machine: where llmrepl runs.
        args: its command line.
        env: changes to the machine's environment.
    """

    def __init__(self, machine, *args, command=(LLMREPL,), **env):
        program, *rest = [*command, *map(str, args)]
        self._child = pexpect.spawn(
            program,
            rest,
            env=machine.environment(**env),
            cwd=str(machine.project),
            dimensions=(40, 300),
            echo=True,
            timeout=None,
        )
        self._child.delaybeforesend = None
        self._child.ptyproc.delayafterclose = 0
        self._child.ptyproc.delayafterterminate = 0.02
        self.pid = self._child.pid
        self.raw = b""
        self._answered = 0
        self._found = 0

    @property
    def text(self):
        """Everything that appeared, without control sequences."""
        text = self.raw.decode("utf-8", "ignore")
        return ESCAPES.sub("", text).replace("\r", "")

    @property
    def news(self):
        """What appeared since the last find."""
        return self.text[self._found :]

    def type(self, text):
        """Press the keys of `text`."""
        self._child.send(text)

    def say(self, text):
        """Type a line and send it."""
        self.type(text + ENTER)

    def wait(self, *texts, seconds=40):
        """Wait until each of `texts` has appeared, in this order; return what came before it."""
        before = ""
        for text in texts:
            deadline = time.monotonic() + seconds
            while (at := self.text.find(text, self._found)) < 0:
                assert self._read(deadline), f"{text!r} did not appear; since then:\n{self.news}"
            before += self.text[self._found : at]
            self._found = at + len(text)
        return before

    def appear(self, *texts, seconds=40):
        """Wait until each of `texts` has appeared, wherever; finds go on from where they were."""
        deadline = time.monotonic() + seconds
        while missing := [text for text in texts if text not in self.text]:
            assert self._read(deadline), f"{missing} did not appear; all that did:\n{self.text}"

    def settle(self, quiet=0.3):
        """Read until what was typed has been taken and nothing has come for a while."""
        self._taken(time.monotonic() + 10)
        while self._read(time.monotonic() + quiet):
            pass

    def turn(self, prompt, *texts):
        """Say something, wait for `texts` and the end of the turn, and for the next prompt."""
        self.say(prompt)
        return self.wait(*texts, " tokens · ", PROMPT)

    def end(self, seconds=40):
        """Wait until llmrepl has ended, and return its exit code."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass
        return self._child.wait()

    def leave(self):
        """Press Ctrl-D and return the exit code."""
        self.type(CTRL_D)
        return self.end()

    def resize(self, columns, rows=40):
        """Give the terminal another size."""
        self._child.setwinsize(rows, columns)

    def hang_up(self, seconds=40):
        """Take the terminal away, and wait until llmrepl has ended."""
        self._child.ptyproc.fileobj.close()
        deadline = time.monotonic() + seconds
        while self._child.isalive():
            assert time.monotonic() < deadline, "llmrepl goes on without a terminal"
            time.sleep(0.02)
        return self._child.exitstatus

    def kill(self):
        """End llmrepl at once."""
        if self._child.isalive():
            self._child.kill(signal.SIGKILL)
            self._child.wait()
        self._child.ptyproc.fileobj.close()

    def _taken(self, deadline):
        """Read until llmrepl has read what was typed, so that a key and the next stay apart."""
        try:
            its_input = os.open(f"/proc/{self.pid}/fd/0", os.O_RDONLY | os.O_NOCTTY)
        except OSError:
            return  # it has ended
        try:
            while _unread(its_input) and time.monotonic() < deadline:
                self._read(time.monotonic() + 0.02)
        finally:
            os.close(its_input)

    def _read(self, deadline):
        """Take in what comes next; say whether anything came."""
        try:
            self.raw += self._child.read_nonblocking(65536, max(0.0, deadline - time.monotonic()))
        except (pexpect.TIMEOUT, pexpect.EOF):
            return False
        asked = self.raw.count(CURSOR_QUESTION)
        if asked > self._answered:  # as every terminal does
            self._child.send(CURSOR_ANSWER * (asked - self._answered))
            self._answered = asked
        return True


def _unread(terminal):
    """Return how many bytes wait in a terminal to be read."""
    return struct.unpack("i", fcntl.ioctl(terminal, termios.FIONREAD, bytes(4)))[0]
