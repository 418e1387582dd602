"""`llmrepl check --watch` and `--prometheus`: what those who monitor read."""

import json
import os
import pty
import signal
import subprocess
import urllib.request
from contextlib import contextmanager
from urllib.error import HTTPError

import pytest

from llmrepl.checks import Finding
from llmrepl.health import Outcome
from llmrepl.health.prometheus import metrics
from llmrepl.testing import Reply
from llmrepl.usage import Usage
from tests.cli.machine import LLMREPL, until
from tests.exchange.readers import importable


def samples(text):
    """What Prometheus' own parser reads: values by name and labels."""
    with importable():
        from prometheus_client.parser import text_string_to_metric_families as families

        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in families(text)
            for sample in family.samples
        }


@contextmanager
def watching(machine, *args):
    process = machine.start("check", "--watch=0.2", *args)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        process.stdout.close()
        process.stderr.close()


def test_metrics_are_what_prometheus_reads(machine, serve):
    serve("pong")
    ran = machine.run("check", "--prometheus", "--model", "openai/x")
    assert ran.code == 0
    found = samples(ran.out)
    of = ("subject", "openai/x")
    assert found["llmrepl_check_status", ("check", "provider"), of] == 0
    assert found["llmrepl_provider_heartbeat_seconds", of] > 0
    assert found["llmrepl_provider_heartbeat_output_tokens", of] > 0
    assert found["llmrepl_sandbox_start_seconds", ("subject", "")] > 0
    assert found["llmrepl_disk_free_bytes", ("subject", "")] > 0
    assert found["llmrepl_checked_timestamp_seconds",] > 1e9


def test_what_was_spent_and_the_budgets_are_metrics(machine, serve):
    serve(*(Reply("Yes.", usage=Usage(100, 20)) for _ in range(2)))
    price = '[prices."openai/tea"]\ninput = 0\noutput = 10000\n'
    machine.configure(f'{price}[budgets]\nday = 1\nproject = 0.25\nwarn = ["project"]\n')
    assert machine.run("run", "--model", "openai/tea", "hello").code == 0
    assert machine.run("run", "--model", "groq/none", "hello", "--budget", "1").code == 6
    found = samples(machine.run("check", "usage", "--prometheus").out)
    assert found["llmrepl_usage_today_dollars", ("subject", "")] == 0.2
    assert found["llmrepl_usage_this_month_dollars", ("subject", "")] == 0.2
    assert found["llmrepl_usage_calls", ("subject", "")] == 1
    assert found["llmrepl_usage_unpriced_calls", ("subject", "")] == 0
    for scope, amount in (("day", 1), ("project", 0.25)):
        of = ("subject", f"budget for {scope}")
        assert found["llmrepl_usage_budget_dollars", of] == amount
        assert found["llmrepl_usage_budget_spent_dollars", of] == 0.2
        assert found["llmrepl_check_status", ("check", "usage"), of] == (scope == "project")


def test_what_stands_in_labels_is_escaped():
    subject = 'a "quoted" \\ name\nof two lines'
    finding = Finding(status="failed", message="", subject=subject, measures={"size_bytes": 7})
    found = samples(metrics([Outcome("my-check", finding, 1500.0)], "1", 2.0))
    assert found["llmrepl_my_check_size_bytes", ("subject", subject)] == 7
    assert found["llmrepl_check_status", ("check", "my-check"), ("subject", subject)] == 2
    assert found["llmrepl_check_duration_seconds", ("check", "my-check")] == 1.5


def test_a_watch_serves_the_last_round(machine):
    machine.env["LLMREPL_MODEL"] = "demo/assistant"
    with watching(machine, "--listen", "127.0.0.1:0", "sessions", "python") as process:
        address = process.stderr.readline().decode().split()[1]

        def states():
            try:
                with urllib.request.urlopen(address) as answer:
                    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
                    found = samples(answer.read().decode())
            except HTTPError as error:
                if error.code != 503:  # no round has ended yet
                    raise
                return {}
            return {key[1][1]: v for key, v in found.items() if key[0] == "llmrepl_check_status"}

        assert until(states) == {"sessions": 0, "python": 0}
        machine.sessions.mkdir(parents=True)
        (machine.sessions / "broken.jsonl").write_text("nothing\n")
        assert until(lambda: states()["sessions"] == 1)
        with pytest.raises(HTTPError, match="404"):
            urllib.request.urlopen(address.replace("metrics", "other"))


def test_a_watch_tells_what_changes(machine):
    with watching(machine, "sessions", "python") as process:
        first = [process.stdout.readline().decode() for _ in range(3)]
        assert [line[:10] for line in first[1:]] == ["✓ sessions", "✓ python: "]
        machine.sessions.mkdir(parents=True)
        (machine.sessions / "broken.jsonl").write_text("nothing\n")
        process.stdout.readline()
        assert process.stdout.readline().decode().startswith("! sessions: 1 of 1 sessions")


def test_a_watch_takes_in_a_changed_configuration(machine):
    with watching(machine, "--json", "configuration") as process:
        assert json.loads(process.stdout.readline())["status"] == "ok"
        machine.configure("modle = 'x'\n")
        until(lambda: json.loads(process.stdout.readline())["status"] == "failed")


def test_the_seconds_between_rounds_may_be_left_out_before_a_name(machine):
    process = machine.start("check", "--watch", "python")
    assert b"python" in [process.stdout.readline() for _ in range(2)][1]
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    process.communicate()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--listen", "127.0.0.1:0"], "--listen goes with --watch"),
        (["--watch=9", "--listen", "nowhere:x"], "cannot listen at nowhere:x"),
    ],
)
def test_what_cannot_be_served_is_told(machine, args, said):
    ran = machine.run("check", "python", *args)
    assert ran.code in (1, 2)
    assert said in ran.err


def test_progress_is_told_on_a_terminal_alone(machine):

    ours, theirs = pty.openpty()
    try:
        ran = subprocess.run(
            [LLMREPL, "check", "python", "sandbox"],
            stderr=theirs,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env=machine.environment(),
            cwd=machine.project,
            check=True,
        )
        told = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "0/2 python, sandbox" in told
    assert "1/2 sandbox" in told
    assert "\r" not in ran.stdout.decode()
