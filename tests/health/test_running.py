"""Checks run at the same time: all of them take as long as the slowest."""

import asyncio
import os
import threading
import time
from pathlib import Path

from llmrepl.checks import Finding, Site
from llmrepl.errors import LlmreplError
from llmrepl.health import Outcome, apart, run_checks
from llmrepl.health.running import GRACE
from llmrepl.health.telling import summary

FINE = Finding(status="ok", message="fine")


def site(tmp_path, limit=30.0):
    places = {name: tmp_path / name for name in ("config", "data", "cache", "state")}
    return Site(environ=os.environ, cwd=Path.cwd(), limit=limit, **places)


def test_each_begins_before_any_has_ended(tmp_path):
    names = [f"check {number}" for number in range(20)]
    all_there = asyncio.Barrier(len(names))

    async def check(_):
        await all_there.wait()  # nobody comes through alone
        return [FINE]

    found = asyncio.run(run_checks(dict.fromkeys(names, check), site(tmp_path)))
    assert [outcome.name for outcome in found] == names


def test_those_that_block_begin_together_too(tmp_path):
    all_there = threading.Barrier(20)

    async def check(_):
        return [await apart(lambda: all_there.wait(30) >= 0 and FINE)]

    names = map(str, range(20))
    found = asyncio.run(run_checks(dict.fromkeys(names, check), site(tmp_path)))
    assert [outcome.finding for outcome in found] == [FINE] * 20


def test_one_that_never_ends_fails_alone_and_holds_nobody_up(tmp_path):
    for_ever = threading.Event()

    async def stuck(_):
        return [await apart(lambda: for_ever.wait() and FINE)]

    async def quick(_):
        return [FINE]

    began = time.monotonic()
    checks = {"stuck": stuck, "quick": quick}
    ended = []
    found = asyncio.run(run_checks(checks, site(tmp_path, limit=0.1), ended.append))
    assert time.monotonic() - began < GRACE + 30
    for_ever.set()
    assert ended == ["quick", "stuck"]
    assert [outcome.finding.status for outcome in found] == ["failed", "ok"]
    assert found[0].finding.message == "no answer within 0.1 s"
    assert "--timeout" in found[0].finding.fix


def test_one_that_raises_has_failed_with_what_it_said(tmp_path):
    async def wrong(_):
        raise LlmreplError("it is not there", hint="get it")

    async def broken(_):
        return [await apart(lambda: 1 / 0)]

    found = asyncio.run(run_checks({"wrong": wrong, "broken": broken}, site(tmp_path)))
    told = [(o.finding.status, o.finding.message, o.finding.fix) for o in found]
    assert told[0] == ("failed", "it is not there", "get it")
    assert told[1][:2] == ("failed", "the check broke: ZeroDivisionError('division by zero')")


def test_a_summary_names_the_worst_first():
    def outcome(name, status):
        return Outcome(name, Finding(status=status, message=f"it is {status}"))

    fine = [outcome("a", "ok"), outcome("b", "ok"), outcome("c", "skipped")]
    assert summary(fine) == ("ok", "2 checks passed")
    doubtful = [*fine, outcome("d", "warning")]
    assert summary(doubtful) == ("warning", "d: it is warning")
    wrong = [*doubtful, outcome("e", "failed"), outcome("f", "failed")]
    assert summary(wrong) == ("failed", "e: it is failed, and 1 more")
