"""A chain of models over real SDKs: who is asked, who is asked instead, and what is told of it."""

import asyncio
import json

import pytest

from llmrepl.conversing.commands.continuing import GO_ON, go_on
from llmrepl.errors import ConfigError, LlmreplError
from llmrepl.events import (
    ContextCompacted,
    ErrorRaised,
    MessageFinished,
    ModelChosen,
    NoteAdded,
    RequestFailed,
    StepFinished,
)
from llmrepl.exchange.told import Remark, turns_of
from llmrepl.parts import Image, Text
from llmrepl.providers.script import Reply
from llmrepl.testing import ModelServer, Wire
from llmrepl.testing.faults import Broken, Refused
from tests.compose.chains import CHAIN, NOBODY, PIXEL, Person, asked, of
from tests.providers.raw import raw_server, response


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_a_service_that_is_busy_or_broken_gives_way_to_the_next_in_the_same_step(tmp_path, status):
    with ModelServer([Refused(status)]) as first, ModelServer(["It is 42."]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        events = person.ask("6 * 7?")
        assert len(first.requests) == len(second.requests) == 1
        served = second.tokens
    assert person.answers == ["end_turn"]
    assert asked(events) == CHAIN
    (failed,) = of(events, RequestFailed)
    assert (failed.name, failed.next, failed.wait) == ("groq/first", "openai/second", 0.0)
    assert str(status) in failed.message or "busy" in failed.message
    assert not of(events, ErrorRaised)
    steps = {record.step for record in person.records if record.event.durable and record.step}
    assert steps == {1}
    (message,) = of(events, MessageFinished)
    assert message.usage.output_tokens == served
    assert of(events, StepFinished)[0].usage == message.usage


def test_whom_nobody_reaches_gives_way_at_once_and_is_left_alone_from_then_on(tmp_path):
    with ModelServer(["One.", "Two."]) as second:
        person = Person(tmp_path, openai=second.url)
        events = person.ask("1?", "2?", patience=10.0)
    assert asked(events) == [*CHAIN, "openai/second"]
    (chosen,) = of(events, ModelChosen)
    assert (chosen.provider, chosen.model) == ("openai", "second")
    (passed,) = chosen.passed
    assert passed.startswith("groq/first: it failed, and is left alone for ")
    assert person.assembly.routes.state("groq").startswith("open for ")
    assert person.assembly.routes.state("openai") == "closed"


def test_silence_gives_way_once_it_has_lasted_too_long(tmp_path):
    with ModelServer([Broken("", "hang")]) as first, ModelServer(["It is 42."]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        events = person.ask("6 * 7?", timeout=0.5)
    (failed,) = of(events, RequestFailed)
    assert "nothing came for 0.5 s" in failed.message
    assert asked(events) == CHAIN


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_told_and_nobody_else_is_asked(tmp_path, status):
    with ModelServer([Refused(status)]) as first, ModelServer(["No."]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        events = person.ask("6 * 7?", patience=10.0)
        assert not second.requests
    assert person.answers == ["error"]
    assert not of(events, RequestFailed)
    assert of(events, ErrorRaised)[0].kind == "ProviderRefused"


@pytest.mark.parametrize("status", [400, 401, 403])
def test_so_it_is_where_the_status_comes_in_the_stream(tmp_path, status):
    said = json.dumps({"error": {"message": "No.", "status_code": status}}).encode()
    refusal = response(b"event: error\ndata: " + said + b"\n\n", media_type=b"text/event-stream")
    with raw_server(refusal) as (first, _), ModelServer(["No."]) as second:
        person = Person(tmp_path, groq=first, openai=second.url)
        events = person.ask("6 * 7?", patience=10.0)
        assert not second.requests
    assert person.answers == ["error"]
    assert of(events, ErrorRaised)[0].kind == "ProviderRefused"


@pytest.mark.parametrize("how", ["cut", "error", "garbage", "silent"])
def test_what_breaks_off_after_its_first_word_is_kept_and_nobody_else_is_asked(tmp_path, how):
    with ModelServer([Broken("Forty-", how)]) as first, ModelServer(["No."]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        events = person.ask("6 * 7?", patience=10.0)
        assert not second.requests
    assert person.answers == ["error"]
    (message,) = of(events, MessageFinished)
    assert message.parts == (Text("Forty-"),)
    assert message.stop == "error"


def test_a_busy_service_is_asked_again_when_it_said_and_counted_once(tmp_path):
    busy = Refused(429, headers={"retry-after": "0.05"})
    with ModelServer([busy, busy, "It is 42."]) as first, ModelServer(["No."]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        events = person.ask("6 * 7?", patience=10.0)
        assert len(first.requests) == 3
        assert not second.requests
        served = first.tokens
    assert [failed.wait for failed in of(events, RequestFailed)] == [0.05, 0.05]
    assert [failed.next for failed in of(events, RequestFailed)] == ["groq/first"] * 2
    assert asked(events) == ["groq/first"] * 3
    assert person.assembly.runtime.state.session_spend.usage.output_tokens == served
    assert person.assembly.runtime.state.session_spend.unpriced <= 1
    assert person.assembly.runtime.state.step == 1


def test_who_asks_for_more_patience_than_there_is_gives_way(tmp_path):
    busy = Refused(429, headers={"retry-after": "60"})
    with ModelServer([busy]) as first, ModelServer(["It is 42."]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        events = person.ask("6 * 7?", patience=10.0)
    assert asked(events) == CHAIN
    assert of(events, RequestFailed)[0].wait == 0.0


def test_a_chain_of_one_is_asked_again_as_well_and_then_says_what_is_wrong(tmp_path):
    busy = Refused(429, headers={"retry-after": "0.01"})
    with ModelServer([busy] * 3) as first:
        person = Person(tmp_path, ["groq/first"], groq=first.url)
        events = person.ask("6 * 7?", patience=10.0)
        assert len(first.requests) == 3
    assert person.answers == ["error"]
    assert of(events, ErrorRaised)[0].kind == "ProviderBusy"
    assert len(of(events, MessageFinished)) == 1


def test_a_person_can_end_the_wait_for_a_busy_service(tmp_path):
    busy = Refused(429, headers={"retry-after": "600"})

    with ModelServer([busy]) as first, ModelServer(["No."]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        person.interrupts = True
        events = person.ask("6 * 7?", patience=1000.0)
        assert len(first.requests) == 1
        assert not second.requests
    assert person.answers == ["cancelled"]
    (message,) = of(events, MessageFinished)
    assert (message.parts, message.stop) == ((), "cancelled")
    assert person.assembly.runtime.state.session_spend.unpriced == 0


def test_the_circuit_opens_then_lets_one_request_through_and_closes(tmp_path):
    script = [Refused(500)] * 3 + ["Back again."]
    with ModelServer(script) as first, ModelServer(["b"] * 5) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        person.clock, person.each_takes = 0.0, 11.0
        events = person.ask("1", "2", "3", "4", "5", "6")
        assert len(first.requests) == 4
    assert asked(events) == [*CHAIN * 3, "openai/second", "openai/second", "groq/first"]
    first_again = of(events, ModelChosen)[-1]
    assert (first_again.model, first_again.passed) == ("first", ())
    assert person.assembly.routes.state("groq") == "closed"


def test_of_equals_each_is_measured_and_then_the_quickest_is_asked(tmp_path):
    slow = Reply("a", delay=0.3)
    with ModelServer([slow] * 5) as first, ModelServer(["b"] * 5) as second:
        person = Person(tmp_path, [CHAIN], groq=first.url, openai=second.url)
        events = person.ask("1", "2", "3", "4")
        assert (len(first.requests), len(second.requests)) == (1, 3)
    reasons = [chosen.reason for chosen in of(events, ModelChosen)]
    assert reasons[0] == "of 2 equals: not measured yet"


def test_a_rule_chooses_from_the_pool_by_price_and_place_and_says_so(tmp_path):
    with ModelServer(["a"]) as first, ModelServer(["b"]) as second:
        person = Person(tmp_path, "auto:cheapest", groq=first.url, openai=second.url)
        person.models["pool"] = ["groq/llama-3.3-70b-versatile", "openai/second"]
        events = person.ask("1")
        assert len(second.requests) == 1  # it is on this machine, so it is free
    (chosen,) = of(events, ModelChosen)
    assert chosen.model == "second"
    assert chosen.reason == "auto:cheapest: local, not measured yet"
    assert person.assembly.model == "groq/llama-3.3-70b-versatile"  # until it was asked


def test_a_prompt_with_an_image_goes_to_a_model_that_sees_it(tmp_path):
    with ModelServer(["a"]) as first, ModelServer(["A cat."]) as second:
        person = Person(tmp_path, ["groq/first"], groq=first.url, openai=second.url)
        person.models["vision"] = ["openai/second"]
        events = person.ask((Text("What is it?"), Image("image/png", PIXEL)))
        assert not first.requests
    (chosen,) = of(events, ModelChosen)
    assert chosen.passed == ("groq/first: it does not see images",)


IMAGE = (Text("What is it?"), Image("image/png", PIXEL))


def test_who_is_known_not_to_see_is_passed_over_for_a_prompt_with_an_image(tmp_path):
    chain = ["groq/llama-3.3-70b-versatile", "ollama/blind", "openai/second"]
    with ModelServer(["a"]) as first, ModelServer(["A cat.", "b"]) as second:
        person = Person(tmp_path, chain, groq=first.url, openai=second.url)
        person.urls["ollama"] = first.url  # which says so
        passed = tuple(f"{name}: it does not see images" for name in chain[:2])
        rule = {"main": "auto:local-first", "pool": [*chain[1:], chain[0]]}
        for person.models, told in ((rule, passed[1:]), ({"main": chain}, passed)):
            events = person.ask(IMAGE)
            assert asked(events) == ["openai/second"]  # nobody knows what it sees
            assert of(events, ModelChosen)[0].passed == told
        assert not first.requests


def test_a_service_that_says_that_a_model_sees_is_believed(tmp_path):
    wire = Wire(capabilities=("completion", "vision"))
    with ModelServer(["A cat."], wire=wire) as ollama:
        person = Person(tmp_path, ["groq/llama-3.3-70b-versatile", "ollama/sees"])
        person.urls["ollama"] = ollama.url
        assert asked(person.ask(IMAGE)) == ["ollama/sees"]


def test_where_everybody_is_known_not_to_see_the_first_is_asked_all_the_same(tmp_path):
    with ModelServer(["a"]) as first:
        person = Person(tmp_path, ["groq/gpt-oss-20b"], groq=first.url)
        assert asked(person.ask(IMAGE)) == ["groq/gpt-oss-20b"]


def test_a_rule_for_prompts_with_images_chooses_among_those_that_may_see(tmp_path):
    with ModelServer(["a"]) as first, ModelServer(["b"]) as second:
        person = Person(tmp_path, ["groq/first"], groq=first.url, openai=second.url)
        person.models |= {
            "vision": "auto:cheapest",
            "pool": ["groq/gpt-oss-20b", "openai/second"],
        }
        assert asked(person.ask(IMAGE)) == ["openai/second"]


def test_summaries_are_written_by_the_models_that_are_named_for_them(tmp_path):
    long = "one sheep and " * 400

    async def compacted(assembly):
        return await assembly.runtime.compact()

    with ModelServer(["a", "b", "c"]) as first, ModelServer(["They count sheep."]) as second:
        person = Person(tmp_path, ["groq/first"], groq=first.url, openai=second.url)
        person.models["compact"] = ["ollama/nobody", "openai/small"]
        person.urls["ollama"] = NOBODY
        events = person.ask(long, long, long, after=compacted)
        assert len(first.requests) == 3
        assert second.requests[0].body["model"] == "small"
    (compaction,) = of(events, ContextCompacted)
    assert (compaction.provider, compaction.model) == ("openai", "small")
    assert compaction.summary == "They count sheep."
    assert "openai/small is asked instead" in of(events, NoteAdded)[0].text


def test_where_nobody_who_is_named_for_summaries_can_be_opened_the_chat_s_own_model_writes_them(
    tmp_path,
):
    long = "one sheep and " * 400

    async def compacted(assembly):
        return await assembly.runtime.compact()

    with ModelServer(["a", "b", "c", "They count sheep."]) as first:
        person = Person(tmp_path, ["groq/first"], groq=first.url)
        person.models["compact"] = ["nowhere/small"]
        events = person.ask(long, long, long, after=compacted)
    (compaction,) = of(events, ContextCompacted)
    assert (compaction.provider, compaction.model) == ("groq", "first")
    assert compaction.summary == "They count sheep."
    assert of(events, NoteAdded)[0].text.startswith("Not asked for a summary: nowhere/small: ")


def test_a_chat_says_how_its_first_provider_does_and_what_its_chains_are(tmp_path):
    person = Person(tmp_path)
    person.models["fast"] = ["openai/small"]
    person.ask("6 * 7?")
    routes = person.assembly.routes
    assert person.answers == ["error"]
    assert routes.remark.startswith("circuit open for ")
    assert routes.chains() == {
        "main": (("groq/first",), ("openai/second",)),
        "fast": (("openai/small",),),
    }


def test_a_purpose_is_chosen_like_a_model(tmp_path):
    async def to_fast(assembly):
        if assembly.model != "openai/small":
            await assembly.use_model("fast")

    with ModelServer(["a"]) as first, ModelServer(["b", "c"]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        person.models["fast"] = ["openai/small", "groq/first"]
        person.ask("1", flags={"model": "fast"})
        assert second.requests[0].body["model"] == "small"
        person.ask("1", before=to_fast)
        assert second.requests[1].body["model"] == "small"
        assert not first.requests


def test_what_a_purpose_needs_is_said_where_nothing_is_configured_for_it(tmp_path):
    with pytest.raises(ConfigError, match="no chain for fast") as caught:
        Person(tmp_path).ask("1", flags={"model": "fast"})
    assert "models.fast" in caught.value.hint


def test_a_message_that_broke_off_is_gone_on_with(tmp_path):
    async def going_on(assembly):
        return await (await go_on(assembly, "")).turn

    with ModelServer([Broken("Forty-", "cut"), "two."]) as first:
        person = Person(tmp_path, ["groq/first"], groq=first.url)
        events = person.ask("6 * 7?", after=going_on)
        *_, before, last = first.requests[1].body["messages"]
    assert (before["role"], before["content"]) == ("assistant", "Forty-")
    assert GO_ON in last["content"]
    assert "/continue" in of(events, ErrorRaised)[0].hint
    with pytest.raises(LlmreplError, match="complete"):
        asyncio.run(go_on(person.assembly, ""))


def test_exports_tell_of_one_step_and_of_what_failed_before_it(tmp_path):
    with ModelServer(["It is 42."]) as second:
        person = Person(tmp_path, openai=second.url)
        person.ask("6 * 7?")
    (turn,) = turns_of(record for record in person.records if record.event.durable)
    (step,) = turn.asked
    assert (step.model, step.text) == ("openai/second", "It is 42.")
    remark = turn.steps[0]
    assert isinstance(remark, Remark)
    assert remark.text.endswith("openai/second is asked instead")
