"""Requests of a conversation begin with the same bytes, so that a prompt cache serves them."""

import json
from itertools import pairwise

from llmrepl.accounting import Meter
from llmrepl.context.window import Window
from llmrepl.conversation import Conversation, evolve
from llmrepl.events import ContextCompacted, StepStarted
from llmrepl.testing import ModelServer
from llmrepl.testing.builders import turn
from tests.providers.calls import ask, opened

TURNS = 3


def begun(content):
    """The body up to the end of its last message, and what comes after them."""
    text = content.decode()
    _, end = json.JSONDecoder().raw_decode(text, text.index("["))
    return text[: end - 1], text[end:]


def bodies(kind):
    """The bodies of the steps of two conversations: the second is the first, compacted."""
    window, state = Window("test:latest", "Be brief.", Meter()), Conversation()
    with ModelServer(["ok"] * 4 * TURNS) as server:
        provider = opened(kind, server.url)
        for compacted in (False, True):
            if compacted:
                state = evolve(state, ContextCompacted(summary="They counted.", replaced=4))
            for number in range(TURNS):
                for event in turn(f"Zähle {number}", number=number + 1 + TURNS * compacted):
                    if isinstance(event, StepStarted):
                        request = window.request(state)
                        ask(provider, messages=request.messages, stop=request.stop)
                    state = evolve(state, event)
        sent = [begun(exchange.content) for exchange in server.requests]
    return sent[: 2 * TURNS], sent[2 * TURNS :]


def test_until_a_compaction_each_request_begins_with_all_of_the_one_before(kind):
    before, after = bodies(kind)
    for sent in (before, after):
        for (early, fields), (late, same) in pairwise(sent):
            assert late.startswith(early)
            assert len(late) > len(early)
            assert fields == same
    assert not after[0][0].startswith(before[-1][0])
