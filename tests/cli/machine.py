"""One person's machine in a directory: home, project, temporary files, and the real llmrepl."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

LLMREPL = str(Path(sys.executable).with_name("llmrepl"))
NOBODY = "http://127.0.0.1:1"  # the lowest port: no test and no user listens there

WITHOUT_BUBBLEWRAP = (
    *("bwrap", "--dev-bind", "/", "/", "--ro-bind", "/dev/null", "/usr/bin/bwrap"),
    *("--", LLMREPL),
)
"""Starts llmrepl where bubblewrap is not installed."""

WITHOUT_NAMESPACES = (
    *("bwrap", "--dev-bind", "/", "/", "--unshare-user", "--disable-userns"),
    *("--", LLMREPL),
)
"""Starts llmrepl as in a container that allows no containers in it."""


class Ran:
    """How a run of llmrepl ended."""

    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return self.out.splitlines()


class Machine:
    """A home, a project in it, and an environment without keys, below `root`."""

    def __init__(self, root):
        self.root = root
        self.home = root / "home"
        self.project = self.home / "code" / "project"
        self.project.mkdir(parents=True)
        (self.project / ".git").mkdir()
        self.temporary = root / "temporary"
        self.temporary.mkdir()
        self.mark = secrets.randbelow(10**9)  # for command lines of this machine's own
        self.env = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "OLLAMA_HOST": NOBODY,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TERM": "xterm-256color",
            "TMPDIR": str(self.temporary),
        }

    @property
    def sessions(self):
        return self.home / ".local" / "share" / "llmrepl" / "sessions"

    @property
    def user_file(self):
        return self.home / ".config" / "llmrepl" / "config.toml"

    def configure(self, text):
        self.user_file.parent.mkdir(parents=True, exist_ok=True)
        self.user_file.write_text(text)
        self.user_file.chmod(0o600)

    def script(self, *replies):
        """Return the model whose replies these are, each as a script file writes it."""
        path = self.project / "script.txt"
        path.write_text("====\n" + "====\n".join(f"{reply}\n" for reply in replies))
        return f"scripted/{path}"

    def environment(self, **changes):
        """Return the environment with `changes`; None takes a variable out."""
        changed = {**self.env, **changes}
        return {name: str(value) for name, value in changed.items() if value is not None}

    def start(self, *args, command=(LLMREPL,), stdin=subprocess.DEVNULL, cwd=None, **env):
        """Return llmrepl started, its output going into pipes."""
        return subprocess.Popen(
            [*command, *map(str, args)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd or self.project,
            env=self.environment(**env),
        )

    def run(self, *args, stdin="", command=(LLMREPL,), cwd=None, patience=60, **env):
        """Run llmrepl to its end, which is to come within `patience` seconds."""
        pipe = subprocess.PIPE
        with self.start(*args, command=command, stdin=pipe, cwd=cwd, **env) as process:
            given = stdin if isinstance(stdin, bytes) else stdin.encode()
            try:
                out, err = process.communicate(given, timeout=patience)
            except BaseException:
                process.kill()
                raise
        return Ran(process.returncode, out.decode(), err.decode())

    def log(self, session_id):
        """Return a session's lines as data, the header first."""
        path = self.sessions / f"{session_id}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def processes(self, mark=""):
        """Return the command lines of running processes that `mark`, or this machine, is in."""
        wanted = (mark or str(self.root)).encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    line = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if wanted in line:
                    found.append(line.replace(b"\0", b" ").decode(errors="replace"))
        return found


def until(true, seconds=30.0):
    """Wait until `true()` is, and return what it gave."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come to be")
        time.sleep(0.02)
    return found


def interrupted(process, seconds=30):
    """Press Ctrl-C on a process, as a shell would, and return how it ended."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=seconds)
    return Ran(process.returncode, out.decode(), err.decode())
