"""A model asked again: its calls are compared, its prose is not, and nothing is run."""

import asyncio
import json
from contextlib import aclosing
from decimal import Decimal

import pytest

from llmrepl.accounting import Meter
from llmrepl.context.window import Window
from llmrepl.events import (
    MessageFinished,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Text, ToolCall
from llmrepl.replaying.asking import BROKEN_OFF, FAILED_BEFORE, Model, Terms, ask_again, calls_of
from llmrepl.testing import Reply, Scripted, records
from llmrepl.usage import Usage
from tests.replaying.recording import SESSIONS

SESSION = SESSIONS / "golden/several-steps.jsonl"


def call(code, language="python"):
    return ToolCall("1.1.1", language, language, {"code": code})


def texts(*parts):
    return calls_of(parts, str)


@pytest.mark.parametrize(
    ("recorded", "now"),
    [
        (call("x = 'a'  # so\n\nx"), call('x   = "a"\nx\n')),
        (call("await f()"), call("await f( )")),
        (call("wc -l  \n\n# lines\n", "bash"), call("wc -l", "bash")),
        (
            ToolCall("1", "weather", "tool", {"place": "Assam", "day": 1}),
            ToolCall("2", "weather", "tool", {"day": 1, "place": "Assam"}),
        ),
    ],
)
def test_calls_that_do_the_same_are_the_same(recorded, now):
    assert texts(recorded, Text("I'd say …")) == texts(Text("Now:"), now)


@pytest.mark.parametrize(
    ("recorded", "now"),
    [
        (call("x = 1"), call("x = 2")),
        (call("if"), call("if x")),
        (call("ls", "bash"), call("ls")),
        (call("cat <<END\n# a\nEND", "bash"), call("cat <<END\nEND", "bash")),
        (ToolCall("1", "ruby", "ruby", {"code": "1"}, "not a language"), call("1")),
    ],
)
def test_other_calls_are_others(recorded, now):
    assert texts(recorded) != texts(now)


def session(*stops):
    """Return a session of one turn with a step for each stop; the last one answers."""
    events = [TurnStarted(prompt=(Text("Go."),))]
    for number, stop in enumerate(stops[:-1], 1):
        at = {"call_id": f"1.{number}.1"}
        code = {"code": f"{number}"}
        events += [
            StepStarted(provider="scripted", model="then"),
            ToolRequested(**at, name="python", language="python", arguments=code),
            MessageFinished(parts=(ToolCall(*at.values(), "python", "python", code),), stop=stop),
            ToolStarted(**at, executor="bubblewrap"),
            ToolFinished(**at, status="ok"),
            StepFinished(),
        ]
    answer = MessageFinished(parts=(Text("Done."),), stop=stops[-1])
    last = [StepStarted(provider="scripted", model="then"), answer, StepFinished()]
    return records([*events, *last, TurnFinished(reason="end_turn")])


class Attentive(Scripted):
    """A scripted provider that keeps what it is sent."""

    def __init__(self, replies):
        super().__init__(replies)
        self.requests = []

    async def stream(self, request):
        self.requests.append(request)
        async with aclosing(super().stream(request)) as chunks:
            async for chunk in chunks:
                yield chunk


def asked(recorded, *replies, budget=None):
    meter = Meter({"scripted/now": {"input": 1_000_000, "output": 0}})
    provider = Attentive(replies)
    model = Model("scripted/now", provider, Window("now", "You help.", meter))

    async def all_of_it():
        terms = Terms(meter, budget=budget)
        return [step async for step in ask_again(recorded, lambda _: model, terms)]

    return asyncio.run(all_of_it()), provider


def block(code):
    return f"<helpers>\n{code}\n</helpers>"


def test_every_step_is_asked_with_what_had_been_said():
    steps, provider = asked(
        session("tool_calls", "tool_calls", "end_turn"), block("1"), block("7"), "Yes."
    )
    assert [step.outcome for step in steps] == ["same", "differs", "same"]
    assert steps[1].diff[-2:] == ["-2", "+7"]
    assert [len(request.messages) for request in provider.requests] == [1, 3, 5]
    assert "7" not in provider.requests[2].messages[3].text


def test_a_message_that_was_broken_off_is_not_asked_for():
    steps, provider = asked(session("cancelled"), "Yes.")
    assert [(step.outcome, step.why) for step in steps] == [("not asked", BROKEN_OFF)]
    assert provider.requests == []


def test_behind_a_failure_nothing_is_asked():
    steps, _ = asked(session("tool_calls", "tool_calls", "end_turn"), block("1"))
    assert [step.outcome for step in steps] == ["same", "failed", "not asked"]
    assert "only 1 repl" in steps[1].why
    assert steps[2].why == FAILED_BEFORE


def test_a_budget_is_kept():
    reply = Reply(block("1"), usage=Usage(3, 1))
    steps, provider = asked(session("tool_calls", "end_turn"), reply, "Yes.", budget=Decimal(3))
    assert [step.outcome for step in steps] == ["same", "not asked"]
    assert "the budget of $3 is spent" in steps[1].why
    assert len(provider.requests) == 1


def test_verify_asks_any_provider_and_names_the_step_with_other_calls(machine, serve):
    serve(
        block("import csv\nrows = list(csv.DictReader(open('sales.csv')))\nrows[0]"),
        '<helpers lang="bash">\ncat sales.csv\n</helpers>',
        block('total["coffee"] - total["tea"]'),
        "It is coffee.",
    )
    live = ("verify", SESSION, "--live", "--model", "openai/small")
    ran = machine.run(*live, "--fail-on-divergence")
    assert ran.code == 1
    assert "✗ several-steps: 3 the same\n" in ran.out
    assert "openai/small answered 4 times: 3 with the same calls, 1 with others" in ran.out
    assert "turn 1, step 2 made other calls:" in ran.out
    assert "    +cat sales.csv" in ran.out


def test_verify_asks_the_models_of_the_session_where_none_is_named(machine):
    script = machine.home / "several-steps.txt"
    replies = [record["data"]["parts"] for record in lines(SESSION, "message.finished")]
    script.write_text(
        "====\n"
        + "====\n".join(
            "".join(
                block(part["arguments"]["code"]) if part["kind"] == "tool_call" else part["text"]
                for part in parts
            )
            + "\n"
            for parts in replies
        )
    )
    ran = machine.run("verify", SESSION, "--live", "--json", "--fail-on-divergence")
    assert (ran.code, ran.err) == (0, "")
    assert [step["outcome"] for step in ran.json["asked"]] == ["same"] * 4
    assert ran.json["asked"][0]["model"] == "scripted/~/several-steps.txt"
    script.unlink()
    ran = machine.run("verify", SESSION, "--live", "--fail-on-divergence")
    assert ran.code == 1
    assert "turn 1, step 1: failed: the script" in ran.out


def test_a_model_without_live_is_wrong_usage(machine):
    ran = machine.run("verify", SESSION, "--model", "demo/assistant")
    assert (ran.code, "--live" in ran.err) == (2, True)


def lines(path, kind):
    found = map(json.loads, path.read_text().splitlines())
    return [line for line in found if line.get("type") == kind]
