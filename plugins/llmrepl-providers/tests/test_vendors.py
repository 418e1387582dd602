"""What every vendor's provider does: replies, counts, limits, failures, over real HTTP."""

import asyncio
import os
import subprocess
import sys

from vendor_calls import MODELS, ask, end_of, opened, request, server, text_of, thought_of

from llmrepl.testing import Reply, check_provider
from llmrepl.usage import Usage

ANSWER = "Grüße, 世界 🎉: the sum is 5050.\n"


def test_a_reply_comes_with_its_reasoning_and_its_counts(kind):
    counts = Usage(1000, 60, cache_read=700, cache_write=0, reasoning_tokens=20)
    with server(kind, Reply(ANSWER, "let me think", usage=counts)) as served:
        chunks = ask(opened(kind, served.url))
    assert text_of(chunks) == ANSWER
    assert thought_of(chunks) == "let me think"
    assert end_of(chunks).stop == "end_turn"
    assert end_of(chunks).usage == counts


def test_the_contract_of_the_port_is_kept(kind):
    with server(kind, ANSWER, ANSWER, ANSWER) as served:
        provider = opened(kind, served.url)
        refused = request(kind)
        finish = asyncio.run(check_provider(provider, request(kind), refused=refused))
    assert finish.usage.output_tokens > 0


def test_a_chat_from_the_command_line_runs_a_helper_block(kind, tmp_path):
    block = "I compute.\n\n<helpers>\nprint(sum(range(101)))\n</helpers>\n"
    with server(kind, block, ANSWER) as served:
        variables = {f"{kind.upper()}_BASE_URL": served.url, f"{kind.upper()}_API_KEY": "sk-12345"}
        done = subprocess.run(
            [
                *(sys.executable, "-m", "llmrepl", "run"),
                *("--model", f"{kind}/{MODELS[kind]}", "What is the sum?"),
            ],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    sent = served.requests[-1].content.decode() if served.requests else ""
    assert (done.returncode, done.stdout) == (0, ANSWER), done.stderr
    assert "5050" in sent.replace("\\n", "\n")
