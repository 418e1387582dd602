"""The table of facts: each has a test that exists, a reason why it cannot bite, or is open."""

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from llmrepl.testing import ModelServer
from tests.providers.calls import ask, opened, run

FACTS = tomllib.loads(Path(__file__).with_name("facts.toml").read_text("utf-8"))


@pytest.mark.parametrize("number", FACTS)
def test_each_fact_has_a_test_or_a_reason(number):
    (kind,) = FACTS[number].keys() & {"test", "cannot", "open"}
    if kind == "test":
        module, _, name = FACTS[number]["test"].partition("::")
        assert callable(getattr(import_module(f"tests.providers.{module}"), name))


def test_ollama_is_told_its_context_and_not_to_cut_it():
    with ModelServer(["one", "two"]) as server:
        ask(opened("ollama", server.url))
        ask(opened("ollama", server.url, options={"num_ctx": 4096, "truncate": True}))
        (model,) = run(opened("ollama", server.url), lambda provider: provider.models())
        told, chosen = (exchange.body for exchange in server.requests)
    assert (told["options"]["num_ctx"], told["truncate"], told["shift"]) == (8192, False, False)
    assert (chosen["options"]["num_ctx"], chosen["truncate"]) == (4096, True)
    assert model.context == 8192
