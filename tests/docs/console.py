"""The commands in a page of documentation, and the shell and terminal in which they are tried.

In a block marked `console`, a command stands after `$ `, its further lines after `> `, and below it
what it prints. Where it starts a chat, what is typed there stands after `❯ `. In what is printed,
`…` stands for anything within a line, and alone in a line for any lines. Times, counts of tokens,
dates and session ids stand for any of their kind.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROMPT = "❯"
COLUMNS, LINES = 96, 50
PATIENCE = 30.0
"""Seconds a chat may take to answer."""

SCREEN = re.compile(r"<!-- screen: ([\w-]+) -->")
FIGURES = re.compile(
    r"(?P<id>\d{8}-\d{6}-[a-z2-7]{4})"
    r"|(?P<date>\d{4}-\d\d-\d\d \d\d:\d\d)"
    r"|(?P<tokens>~?\d+(?:\.\d+)?[kM]?(?= tokens)|(?<=[↑↓] )~?\d+(?:\.\d+)?[kM]?)"
    r"|(?P<time>\d+(?:\.\d+)? m?s\b)"
    r"|(?P<gap> {2,})"
    r"|(?P<any>…)"
)
UNFINISHED = re.compile(rf"{PROMPT}|──|[│├╰]|Waiting for|Thinking|Composing|Writing|Running")
"""What stands above the prompt while a turn runs."""
CHECKED = re.compile(r"^\S check: ", re.MULTILINE)
"""The line that is shown once what a chat needs was looked at."""
ANY = {
    "id": r"\d{8}-\d{6}-[a-z2-7]{4}",
    "date": r"\d{4}-\d\d-\d\d \d\d:\d\d",
    "tokens": r"~?\d+(?:\.\d+)?[kM]?",
    "time": r"\d+(?:\.\d+)? m?s",
    "gap": r" +",  # columns are as wide as what stands in them
    "any": r".*?",
}


@dataclass
class Command:
    """A command on a page; `screen` names the picture that is made of it, where there is one."""

    page: Path
    line: int
    text: str
    screen: str = ""
    printed: list[str] = field(default_factory=list)

    @property
    def is_chat(self) -> bool:
        """Whether it starts a chat."""
        words = shlex.split(self.text.splitlines()[0])
        if words[:1] != ["llmrepl"]:
            return False
        return words[1:2] in ([], ["chat"]) or (words[1][:2] == "--" and words[1] != "--help")

    @property
    def typed(self) -> list[str]:
        """What is typed into the chat, which is what stands below its greeting."""
        greeting = next(n for n, line in enumerate(self.printed) if line.startswith("llmrepl "))
        below = self.printed[greeting:]
        return [line[2:] for line in below if line.startswith(f"{PROMPT} ")]


def commands(page):
    """Return the commands on a page in order."""
    found, inside, screen = [], False, ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if mark := SCREEN.fullmatch(line):
            screen = mark[1]
        elif line.startswith("```"):
            inside = line == "```console"
            screen = screen if inside else ""
        elif inside and line.startswith("$ "):
            found.append(Command(page.relative_to(ROOT), number, line[2:], screen))
        elif inside and line[:2] in ("> ", ">") and not found[-1].printed:
            found[-1].text += "\n" + line[2:]
        elif inside:
            found[-1].printed.append(line)
    return found


def same(printed, wanted):
    """Return whether `printed`, lines, is what a page says: `wanted`."""
    pattern = ""
    for line in wanted:
        pattern += r"(?:.*\n)*?" if line.strip() == "…" else _pattern(line.rstrip()) + r"\n"
    text = "".join(f"{line.rstrip()}\n" for line in printed)
    return re.fullmatch(pattern, text) is not None


def _pattern(line):
    pieces, at = [], 0
    for match in FIGURES.finditer(line):
        pieces += [re.escape(line[at : match.start()]), ANY[match.lastgroup]]
        at = match.end()
    return "".join([*pieces, re.escape(line[at:])])


class Shell:
    """A bash of a person who has just installed llmrepl, in `directory` and with an empty home."""

    def __init__(self, directory, home):
        home.mkdir(parents=True, exist_ok=True)
        directory.mkdir(parents=True, exist_ok=True)
        self.status = 0
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(home),
                "LANG": "C.UTF-8",
                "TERM": "xterm-256color",
                "OLLAMA_HOST": "127.0.0.1:9",  # an Ollama of this machine's would be the model
            },
            text=True,
            start_new_session=True,
        )

    def run(self, command):
        """Run `command`; return the lines it prints, and keep its exit status."""
        self._bash.stdin.write(
            f"(exit {self.status})\n{{\n{command}\n}} </dev/null\nprintf '\\0%s\\0\\n' $?\n"
        )
        self._bash.stdin.flush()
        text = ""
        while not (end := re.search("\0(.*)\0\n", text)):
            line = self._bash.stdout.readline()
            assert line, f"the shell ended: {text}"
            text += line
        self.status = int(end[1])
        return text[: end.start()].splitlines()

    @contextmanager
    def chat(self, command):
        """Give the terminal of the chat that `command` starts, once it is at its prompt."""
        with tempfile.TemporaryDirectory(prefix="docs-") as place:
            socket = f"{place}/tmux"  # a socket's path must be short
            start = shlex.quote(f"{command}; exec sleep 100")
            size = f"-x {COLUMNS} -y {LINES}"
            self.run(f"tmux -S {socket} -f /dev/null new-session -d {size} {start}")
            terminal = Terminal(socket)
            try:
                terminal.begin()
                yield terminal
            finally:
                terminal.close()

    def close(self):
        """End it, with whatever it still runs."""
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.communicate()


class Terminal:
    """A chat in a terminal of its own."""

    def __init__(self, socket):
        self._socket = socket
        self._prompts = 0
        self._is_command = False

    def begin(self):
        """Wait for the first prompt, and for the line about what was checked."""
        self._wait(lambda: CHECKED.search("\n".join(self.lines())))
        self._wait(self._is_at_prompt)

    def type(self, text):
        """Type a line, and wait until the chat takes the next or has ended."""
        # Turns of a resumed session are drawn with their prompts, so those there are counted anew.
        self._prompts = _prompts(self.lines()) + 1
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")
        self._is_command = text.startswith("!")
        self._wait(lambda: self._has_ended() or self._is_at_prompt())

    def lines(self):
        """Return everything shown so far, with lines that the terminal broke in one."""
        return self._shown("-J")

    def rows(self):
        """Return everything shown so far as it stands there, with colours and the status line."""
        self._wait(lambda: not self._shown("-J")[-1].startswith(PROMPT))
        return self._shown("-e")

    def _shown(self, option):
        shown = self._tmux("capture-pane", "-p", "-S", "-", option)
        return [line.rstrip() for line in shown.rstrip().split("\n")]

    def close(self):
        """End the chat and its terminal."""
        self._tmux("kill-server")

    def _tmux(self, *arguments):
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout

    def _wait(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "\n".join(["no prompt appeared:", *self.lines()])
            time.sleep(0.03)

    def _has_ended(self):
        return self._tmux("display-message", "-p", "#{pane_current_command}").strip() == "sleep"

    def _is_at_prompt(self):
        """Return whether the cursor is behind an empty prompt, below what all lines came to."""
        # Asked in one go, or the screen could change between two answers.
        where = ("display-message", "-p", "#{e|+:#{history_size},#{cursor_y}}")
        row, *shown = self._tmux(*where, ";", "capture-pane", "-p", "-S", "-").split("\n")
        at = int(row)
        return (
            shown[at].rstrip() == PROMPT
            and _prompts(line.rstrip() for line in shown) >= self._prompts
            and (not UNFINISHED.match(shown[at - 1]) or self._is_over(shown[at - 1]))
        )

    def _is_over(self, line):
        """Return whether the line is the end of a command, which nothing follows."""
        return self._is_command and line.startswith("╰─ ")


def _prompts(lines):
    return sum(line.startswith(f"{PROMPT} ") for line in lines)
