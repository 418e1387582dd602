"""Other processes of the same user cannot read the keys out of a running llmrepl."""

import os
import subprocess

import pytest

from tests.sandbox import users

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
def user():
    with users.public_code() as code:
        (code / "project").mkdir()
        if os.getuid() == 0:
            os.chown(code / "project", users.NOBODY, users.NOBODY)
        yield users.unprivileged(code)


def test_nobody_reads_a_key_out_of_the_process(user):
    uid = os.getuid() or users.NOBODY
    process = subprocess.Popen(
        [*user.command, "-W", "error", "-c", SCRIPT.format(uid=uid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=user.code / "project",
        env={**user.environ, "A_TOKEN": "hush-hush-hush"},
    )

    def looked(name):
        """Return what another process of the same user finds in a file of llmrepl's in /proc."""
        path = f"/proc/{process.pid}/{name}"
        found = subprocess.run([*user.become, "cat", path], capture_output=True, check=False)
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
    assert (user.home / ".local/share/llmrepl/audit/log.jsonl").exists()
