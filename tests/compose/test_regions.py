"""Nobody is asked outside the regions that are allowed: by rule, fallback, name, for a summary."""

import asyncio
import json

import pytest

from llmrepl.compose import assemble
from llmrepl.compose.asking import ask_session
from llmrepl.compose.checks.services import clock as check_clocks
from llmrepl.compose.checks.services import provider as check_services
from llmrepl.compose.checks.site import installation
from llmrepl.compose.models import list_models
from llmrepl.config import load
from llmrepl.errors import ConfigError
from llmrepl.events import ContextCompacted, ErrorRaised, ModelChosen, NoteAdded
from llmrepl.parts import Image, Text
from llmrepl.testing import ModelServer
from llmrepl.testing.faults import Refused
from tests.compose.chains import CHAIN, NOBODY, PIXEL, Person, asked, of

US = "it is hosted in us, and allowed are eu or this machine"
UNSAID = "nobody says where it is hosted, and allowed are eu or this machine"


@pytest.fixture
def first():
    with ModelServer(["a"] * 5) as server:
        yield server


@pytest.fixture
def second():
    with ModelServer(["b"] * 9) as server:
        yield server


@pytest.fixture
def person(tmp_path, first, second):
    """Somebody who allows Europe; groq is in the US, and openai is not."""
    person = Person(tmp_path, groq=first.url, openai=second.url)
    person.models["regions"] = ["eu"]
    person.regions = {"groq": "us", "openai": "eu"}
    return person


def test_who_is_outside_is_passed_over_and_it_is_told(person, first):
    events = person.ask("1", "2")
    assert asked(events) == ["openai/second"] * 2
    assert not first.exchanges
    (chosen,) = of(events, ModelChosen)
    assert chosen.passed == (f"groq/first: {US}",)
    assert person.assembly.model == "openai/second"  # from the first prompt on


def test_nobody_outside_is_asked_instead_of_one_that_fails(person, first):
    with ModelServer([Refused(500)] * 3) as broken:
        person.urls["openai"] = broken.url
        person.models["main"] = ["openai/second", "groq/first"]
        events = person.ask("1")
    assert person.answers == ["error"]
    assert of(events, ErrorRaised)[0].kind == "ProviderError"
    assert not first.exchanges


@pytest.mark.parametrize("rule", ["auto:cheapest", "auto:fastest", "auto:local-first"])
def test_no_rule_chooses_anybody_outside(person, first, rule):
    person.models |= {"main": rule, "pool": CHAIN}
    assert asked(person.ask("1")) == ["openai/second"]
    assert not first.exchanges


def test_no_equal_outside_is_tried_out(person, first):
    person.models["main"] = [CHAIN]
    assert asked(person.ask("1", "2")) == ["openai/second"] * 2
    assert not first.exchanges


@pytest.mark.parametrize(("region", "why"), [("us", US), (None, UNSAID)])
def test_a_name_outside_is_refused_before_anything_is_asked(person, first, region, why):
    person.regions.pop("groq")
    if region:
        person.regions["groq"] = region
    with pytest.raises(ConfigError) as caught:
        person.ask("1", flags={"model": "groq/first"})
    assert caught.value.message == f"no model may be asked: groq/first: {why}"
    assert caught.value.hint == (
        "accepted by models.regions: eu or this machine; providers.groq.region says where it is"
    )
    assert not first.exchanges


def test_a_name_outside_is_refused_in_a_chat_which_goes_on_as_it_was(person, first):
    async def to_groq(assembly):
        with pytest.raises(ConfigError, match="hosted in us"):
            await assembly.use_model("groq/first")
        with pytest.raises(ConfigError, match="hosted in us"):  # as /retry and /resume do
            assembly.provider_of("groq/first")

    assert asked(person.ask("1", before=to_groq)) == ["openai/second"]
    assert not first.exchanges


def test_a_chain_with_nobody_inside_says_so_of_each(person):
    person.regions = {"groq": "us", "openai": "us"}
    with pytest.raises(ConfigError) as caught:
        person.ask("1")
    assert caught.value.message == (f"no model may be asked: groq/first: {US}; openai/second: {US}")


def test_nobody_outside_writes_a_summary(person, first, second):
    long = "one sheep and " * 400

    async def compacted(assembly):
        return await assembly.runtime.compact()

    person.models |= {"main": ["openai/second"], "compact": ["groq/first"]}
    (event,) = of(person.ask(long, long, long, after=compacted), ContextCompacted)
    assert event.problem.startswith(f"no model may be asked: groq/first: {US} (accepted by ")
    person.models["compact"] = ["groq/first", "openai/small"]
    events = person.ask(long, long, long, after=compacted)
    (event,) = of(events, ContextCompacted)
    assert (event.provider, event.model, event.problem) == ("openai", "small", "")
    assert of(events, NoteAdded)[0].text == f"Not asked for a summary: groq/first: {US}"
    assert not first.exchanges


def test_a_server_on_this_machine_may_always_be_asked_unless_a_person_says_it_hands_on(person):
    person.regions = {}
    person.models["regions"] = []
    assert asked(person.ask("1")) == ["openai/second"]  # its address is this machine's
    person.regions = {"openai": "us"}
    with pytest.raises(ConfigError, match="openai/second: it is hosted in us"):
        person.ask("1")


@pytest.mark.parametrize("model", ["gpt-oss:120b-cloud", "glm-4.6:cloud", "mine"])
def test_what_an_ollama_here_hands_on_to_its_cloud_is_not_here(person, model):
    with ModelServer(["c"]) as ollama:
        if model == "mine":  # a copy under another name
            ollama.pages["/api/show"] = {"remote_host": "https://ollama.com"}
        person.urls["ollama"] = ollama.url
        person.models["main"] = [f"ollama/{model}", "openai/second"]
        (chosen,) = of(person.ask("1"), ModelChosen)
        assert chosen.model == "second"
        assert not ollama.requests
        ollama.pages.clear()
        person.models["main"] = [["ollama/tea"]]
        assert asked(person.ask("1")) == ["ollama/tea"]


def test_nobody_outside_is_asked_what_a_model_sees(person, second):
    with ModelServer(["c"]) as ollama:
        person.urls["ollama"] = ollama.url
        person.regions["ollama"] = "us"
        person.models["main"] = ["openai/second", "ollama/tea"]
        events = person.ask((Text("What is it?"), Image("image/png", PIXEL)))
        assert asked(events) == ["openai/second"]
        assert not ollama.exchanges


def test_an_ollama_elsewhere_is_not_this_machine(person):
    person.urls["ollama"] = "http://192.0.2.1:11434"
    person.models["main"] = ["ollama/tea"]
    with pytest.raises(ConfigError, match=UNSAID):
        person.ask("1")


def test_lists_and_checks_ask_nobody_outside(person, first, second):
    person.ask("1")
    assert second.exchanges
    environ = {"HOME": str(person.place / "home"), "OLLAMA_HOST": NOBODY}
    site = installation({}, environ, person.place, 30.0)
    config = site.settings
    notes = {row.name: row.note for row in asyncio.run(list_models(config, environ))}
    assert notes["groq/…"] == f"not asked: {US}"
    (found,) = (f for f in asyncio.run(check_services(site)) if f.subject == "groq/first")
    assert (found.status, found.message) == ("warning", f"not asked: {US}")
    asyncio.run(check_clocks(site))
    assert not first.exchanges


def test_a_recorded_session_is_asked_again_only_inside(person, first, tmp_path):
    environ = {"HOME": str(tmp_path / "home")}
    person.ask("1")

    async def recorded():
        config = load({}, environ, tmp_path).config
        assembly = await assemble(config, environ=environ, cwd=tmp_path)
        await assembly.runtime.turn(())
        await assembly.close()
        return config, assembly.opened.log.path

    config, path = asyncio.run(recorded())
    with pytest.raises(ConfigError, match="hosted in us"):
        asyncio.run(ask_session(path, config, environ, model="groq/first"))
    assert not first.exchanges
    assert json.loads(path.read_bytes().splitlines()[0])
