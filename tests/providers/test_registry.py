"""Which provider a name means, and which model is used where nobody chose one."""

import asyncio
import os
import socket
import subprocess
import sys
import time

import pytest

from llmrepl.errors import ConfigError, PluginError
from llmrepl.providers.registry import BUILT_IN, default_model, open_provider, split_model
from llmrepl.testing import ModelServer
from tests.providers.raw import raw_server, response, unused_address


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("ollama/llama3.2", ("ollama", "llama3.2")),
        ("ollama/hf.co/org/model:Q4_K_M", ("ollama", "hf.co/org/model:Q4_K_M")),
        ("groq/openai/gpt-oss-120b", ("groq", "openai/gpt-oss-120b")),
        ("scripted//tmp/demo.txt", ("scripted", "/tmp/demo.txt")),
        (" demo/assistant\n", ("demo", "assistant")),
    ],
)
def test_a_models_name_begins_with_its_provider(model, parts):
    assert split_model(model) == parts


@pytest.mark.parametrize("model", ["", "llama3.2", "ollama/", "/llama3.2", "  "])
def test_a_name_without_a_provider_is_a_configuration_error(model):
    with pytest.raises(ConfigError, match="does not name a model") as caught:
        split_model(model)
    assert "provider/model" in caught.value.hint


@pytest.mark.parametrize("name", ["ollama", "groq", "openai", "scripted"])
def test_every_built_in_provider_opens_without_a_network(name):
    provider = open_provider(name)
    assert provider.name == name
    assert isinstance(provider.local, bool)


def test_every_row_says_what_it_is():
    assert list(BUILT_IN) == ["ollama", "groq", "openai", "demo", "scripted"]
    for row in BUILT_IN.values():
        assert row.about
        assert row.about[0].islower() or row.about.startswith(("Groq", "OpenAI"))


def test_an_unknown_provider_is_answered_with_those_there_are():
    with pytest.raises(ConfigError, match="there is no provider 'olama'") as caught:
        open_provider("olama")
    assert caught.value.hint.startswith("there are: ")
    assert {"demo", "groq", "ollama", "openai", "scripted"} <= set(
        caught.value.hint.removeprefix("there are: ").split(", ")
    )


def test_an_unknown_setting_is_answered_with_those_there_are():
    with pytest.raises(ConfigError, match="has no setting 'url'") as caught:
        open_provider("groq", {"url": "x"})
    assert caught.value.hint == "accepted: base_url, api_key, options, timeout"


def test_a_setting_that_is_none_is_not_set():
    assert open_provider("scripted", {"replies": None}).name == "scripted"


PLUGIN = """
class Echo:
    name = "echo"
    local = True
    def __init__(self, *, shout=False):
        self.shout = shout

class Open:
    def __init__(self, **settings):
        self.settings = settings

class Failing:
    def __init__(self):
        raise RuntimeError("no licence")
"""
POINTS = """[llmrepl.providers]
echo = echo_plugin:Echo
open = echo_plugin:Open
failing = echo_plugin:Failing
missing = echo_plugin:Missing
groq = echo_plugin:Echo
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """An installed distribution with providers of its own."""
    (tmp_path / "echo_plugin.py").write_text(PLUGIN)
    info = tmp_path / "echo_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: echo-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("echo_plugin", None)


def test_a_plugin_brings_a_provider_with_settings_of_its_own(plugin):
    assert open_provider("echo", {"shout": True}).shout
    assert open_provider("open", {"anything": 1}).settings == {"anything": 1}
    with pytest.raises(ConfigError) as caught:
        open_provider("echo", {"base_url": "x"})
    assert caught.value.hint == "accepted: shout"


def test_a_plugins_provider_is_among_those_there_are(plugin):
    with pytest.raises(ConfigError) as caught:
        open_provider("nothing")
    assert "echo" in caught.value.hint


def test_a_plugin_cannot_take_a_built_in_name(plugin):
    assert type(open_provider("groq")).__module__ == "llmrepl.providers.groq"


@pytest.mark.parametrize(("name", "said"), [("failing", "no licence"), ("missing", "Missing")])
def test_a_plugin_that_fails_is_named(plugin, name, said):
    with pytest.raises(PluginError, match=f"the provider {name} could not be") as caught:
        open_provider(name)
    assert said in caught.value.message


def chosen(**environ):
    return asyncio.run(default_model(environ))


def test_the_variable_comes_first():
    environ = {"LLMREPL_MODEL": "openai/gpt", "GROQ_API_KEY": "key"}
    assert chosen(**environ) == "openai/gpt"


def test_a_variable_that_names_no_model_is_a_configuration_error():
    with pytest.raises(ConfigError):
        chosen(LLMREPL_MODEL="gpt")


def test_a_groq_key_comes_second():
    with ModelServer() as server:
        assert chosen(GROQ_API_KEY="key", OLLAMA_HOST=server.url).startswith("groq/")


def test_the_first_model_of_an_ollama_that_answers_comes_third():
    with ModelServer(models=["qwen3:8b", "llama3.2"]) as server:
        assert chosen(OLLAMA_HOST=server.url, LLMREPL_MODEL=" ") == "ollama/qwen3:8b"


def test_a_model_that_only_embeds_is_passed_over():
    tags = (
        b'{"models":[{"name":"nomic-embed-text","details":{"family":"nomic-bert"}},'
        b'{"name":"llama3.2","details":{"family":"llama"}}]}'
    )
    with raw_server(response(tags)) as (url, _):
        assert chosen(OLLAMA_HOST=url) == "ollama/llama3.2"


@pytest.mark.parametrize("body", [b'{"models":[]}', b'{"models":null}', b"[]", b"<html>", b""])
def test_an_ollama_without_models_is_none(body):
    with raw_server(response(body)) as (url, _):
        assert chosen(OLLAMA_HOST=url) == "demo/assistant"


def test_without_anything_the_demonstration_is_chosen():
    assert chosen(OLLAMA_HOST=unused_address()) == "demo/assistant"


def test_an_ollama_that_says_nothing_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.perf_counter()
        port = listener.getsockname()[1]
        assert chosen(OLLAMA_HOST=f"127.0.0.1:{port}") == "demo/assistant"
        assert time.perf_counter() - began < 5


def test_a_wrong_address_of_ollama_is_a_configuration_error():
    with pytest.raises(ConfigError, match="OLLAMA_HOST"):
        chosen(OLLAMA_HOST="http://host:port")


def test_the_choice_imports_no_sdk():
    code = """
import asyncio, os, sys
from llmrepl.providers.registry import default_model
print(asyncio.run(default_model(os.environ)))
assert not {"ollama", "httpx", "pydantic"} & sys.modules.keys()
"""
    with ModelServer(models=["llama3.2"]) as server:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"OLLAMA_HOST": server.url},
            check=True,
            capture_output=True,
            text=True,
        )
    assert done.stdout == "ollama/llama3.2\n"
