"""Other processes of the same user cannot read the keys out of a running llmrepl."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sandbox.session import PublicDirectory
from tests.sandbox.test_unprivileged import NOBODY, ROOT, python_for

SCRIPT = """
import asyncio, os, sys
from pathlib import Path
from llmrepl.compose import assemble
from llmrepl.config import load
from llmrepl.events import ToolRequested

assert os.getuid() == {uid}

async def main():
    print(Path("/proc/self/environ").read_bytes().count(b"hush"), flush=True)
    sys.stdin.readline()
    config = load({{"model": "demo/assistant"}}, os.environ, Path.cwd()).config
    assembly = await assemble(config)
    print("ready", flush=True)
    sys.stdin.readline()
    await assembly.start_sandbox()
    code = "import os; print(6 * 7, os.getenv('A_TOKEN'))"
    request = ToolRequested(
        call_id="1", name="python", language="python", arguments={{"code": code}}
    )
    async for event in assembly.trail.run(assembly.executor, request):
        if event.type == "tool.output":
            print(event.text, end="", flush=True)
    await assembly.close()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def public():
    """A copy of the package and a home that everybody may use."""
    with PublicDirectory() as directory:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "llmrepl", directory / "llmrepl", ignore=ignored)
        for name in ("home", "project"):
            (directory / name).mkdir()
            if os.getuid() == 0:
                os.chown(directory / name, NOBODY, NOBODY)
        subprocess.run(["chmod", "-R", "a+rX", directory], check=True)
        yield directory


def test_nobody_reads_a_key_out_of_the_process(public):
    uid, user = os.getuid(), []
    if uid == 0:
        uid = NOBODY
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    process = subprocess.Popen(
        [*user, python_for(user), "-W", "error", "-c", SCRIPT.format(uid=uid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=public / "project",
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(public / "home"),
            "PYTHONPATH": str(public),
            "A_TOKEN": "hush-hush-hush",
        },
    )

    def looked(name):
        """Return what another process of the same user finds in a file of llmrepl's in /proc."""
        path = f"/proc/{process.pid}/{name}"
        found = subprocess.run([*user, "cat", path], capture_output=True, check=False)
        return found.stdout, found.stderr.decode()

    with process:
        assert int(process.stdout.readline()) > 0
        assert b"hush-hush-hush" in looked("environ")[0]  # so it can be read before
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        for name in ("environ", "maps", "mem"):
            content, problem = looked(name)
            assert content == b""
            assert "Permission denied" in problem
        process.stdin.write("\n")
        process.stdin.flush()
        # The sandbox starts and works as before, and what runs in it knows nothing.
        assert process.stdout.readline() == "42 None\n"
    assert process.returncode == 0
    assert Path(public / "home/.local/share/llmrepl/audit/log.jsonl").exists()
