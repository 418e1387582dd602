"""Whether a bash source is complete and well formed: bash reads it and runs nothing."""

from __future__ import annotations

import re
import shutil
import subprocess

MAX_BYTES = 1 << 20
SECONDS = 2.0

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
_PLACE = re.compile(r"^\S*bash: (?:-c: )?")


def check_bash(source: str) -> str:
    """Return "" where `bash -n` accepts `source`, else its first complaint in one line.

    A here-document without its end is a complaint too, although bash only warns of it. Bounded in
    size and time; nothing of the person's environment has a say.
    """
    data = source.encode("utf-8", "replace")
    if len(data) > MAX_BYTES:
        return f"{len(data)} bytes are too long to check; {MAX_BYTES} are allowed"
    if b"\0" in data:
        return "a NUL character cannot stand in a bash source"
    bash = shutil.which("bash", path=_ENVIRONMENT["PATH"])
    if bash is None:
        return "bash is not installed, so nothing can be checked"
    try:
        read = subprocess.run(
            [bash, "--noprofile", "--norc", "-n"],
            input=data,
            capture_output=True,
            timeout=SECONDS,
            cwd="/",
            env=_ENVIRONMENT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"bash could not read it within {SECONDS:g} s"
    except OSError as error:
        return f"bash could not be started: {error}"
    said = read.stderr.decode("utf-8", "replace").splitlines()
    if said:
        return _PLACE.sub("", said[0])
    return "" if read.returncode == 0 else f"bash ended with code {read.returncode}"
