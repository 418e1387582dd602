"""What providers say of a model that decides whether it may be asked: where it is, what it sees."""

import pytest

from llmrepl.ports import Described, Learns, Traits
from llmrepl.providers.families import sees_images
from llmrepl.testing import ModelServer, Wire
from tests.providers.calls import opened, run


@pytest.mark.parametrize(
    ("model", "sees"),
    [
        ("gpt-4o-mini", True),
        ("gpt-4.1", True),
        ("gpt-5-nano", True),
        ("chatgpt-4o-latest", True),
        ("gpt-4-turbo", True),
        ("gpt-4", False),
        ("gpt-4-0613", False),
        ("gpt-3.5-turbo", False),
        ("openai/gpt-oss-120b", False),
        ("o1", True),
        ("o1-2024-12-17", True),
        ("o1-mini", False),
        ("o3-mini", False),
        ("o3", True),
        ("o4-mini", True),
        ("llama-3.3-70b-versatile", False),
        ("llama-3.1-8b-instant", False),
        ("meta-llama/llama-4-scout-17b-16e-instruct", True),
        ("llama-3.2-11b-vision-preview", True),
        ("llama-3.2-3b-preview", False),
        ("qwen/qwen3-32b", False),
        ("qwen/qwen2.5-vl-72b-instruct", True),
        ("moonshotai/kimi-k2-instruct", False),
        ("deepseek-chat", False),
        ("claude-sonnet-4-5", True),
        ("claude-3-haiku-20240307", True),
        ("claude-2.1", False),
        ("gemini-2.5-flash", True),
        ("gemini-embedding-001", False),
        ("pixtral-12b", True),
        ("mistral-small-3.1-24b", True),
        ("codestral-latest", False),
        ("whisper-large-v3", False),
        ("my-own-model", None),
        ("kimi-latest", None),
        ("test:latest", None),
    ],
)
def test_what_families_see_is_known_by_their_names(model, sees):
    assert sees_images(model) is sees


@pytest.mark.parametrize(
    ("capabilities", "sees"), [(("completion", "vision"), True), (("completion",), False)]
)
def test_ollama_says_what_a_model_sees_once_it_is_asked_and_is_asked_once(capabilities, sees):
    async def learnt(provider):
        before = provider.describe("tea")
        await provider.learn("tea")
        await provider.learn("tea")
        await provider.takes_tools("tea")
        return before, provider.describe("tea")

    with ModelServer([], wire=Wire(capabilities=capabilities)) as server:
        provider = opened("ollama", server.url)
        assert isinstance(provider, Learns)
        before, after = run(provider, learnt)
        assert len(server.exchanges) == 1
    assert before == Traits(here=True)
    assert after == Traits(here=True, images=sees)


def test_an_ollama_that_does_not_answer_says_nothing():
    async def learnt(provider):
        await provider.learn("tea")
        return provider.describe("tea")

    assert run(opened("ollama", "http://127.0.0.1:1"), learnt) == Traits(here=True)


@pytest.mark.parametrize(
    ("url", "model", "here"),
    [
        ("http://localhost:11434", "tea", True),
        ("http://localhost:11434", "gpt-oss:120b-cloud", False),
        ("http://localhost:11434", "glm-4.6:cloud", False),
        ("http://localhost:11434", "cloud:latest", True),
        ("http://192.0.2.1:11434", "tea", False),
        ("https://ollama.com", "tea", False),
    ],
)
def test_an_ollama_is_here_where_its_address_is_and_the_model_is_none_of_its_cloud(
    url, model, here
):
    assert opened("ollama", url).describe(model).here is here


def test_a_model_that_a_local_server_hands_on_is_not_here():
    async def learnt(provider):
        await provider.learn("mine")
        return provider.describe("mine").here

    with ModelServer([]) as server:
        server.pages["/api/show"] = {"remote_host": "https://ollama.com", "capabilities": []}
        assert run(opened("ollama", server.url), learnt) is False


def test_a_service_knows_its_models_by_their_names_and_a_server_here_may_call_them_anything():
    provider = opened("openai", "https://api.example")
    assert isinstance(provider, Described)
    assert provider.describe("gpt-4o") == Traits(here=False, images=True)
    assert opened("openai", "http://localhost:8000").describe("gpt-4o") == Traits(here=True)
    groq = opened("groq", "http://localhost:8000")  # somebody who hands on to Groq
    assert groq.describe("llama-3.3-70b-versatile") == Traits(here=False, images=False)
