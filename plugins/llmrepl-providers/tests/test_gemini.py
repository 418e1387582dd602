"""What is particular to Gemini."""

import pytest
from vendor_calls import MODELS, PAGES, ask, end_of, hear, opened, partly, server, text_of

from llmrepl.errors import ProviderBusy, ProviderRefused
from llmrepl.parts import Image
from llmrepl.ports import ChatMessage
from llmrepl.testing import Refused
from llmrepl.usage import Usage

FACTS = f"/v1beta/models/{MODELS['gemini']}"


def sent(*texts, pages=None, options=None, **fields):
    with server("gemini", "ok", pages=pages) as served:
        ask(opened("gemini", served.url, options=options), *texts, **fields)
        return served.requests[0]


def test_everything_asked_for_reaches_the_service():
    stops = tuple("abcdefg")
    asked = sent("one", "two", "three", stop=stops, max_tokens=99, temperature=0.25, seed=7)
    assert asked.path == f"{FACTS}:streamGenerateContent"
    assert asked.body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "one"}]},
            {"role": "model", "parts": [{"text": "two"}]},
            {"role": "user", "parts": [{"text": "three"}]},
        ],
        "generationConfig": {
            "stopSequences": list("abcde"),
            "maxOutputTokens": 99,
            "temperature": 0.25,
            "seed": 7,
            "thinkingConfig": {"includeThoughts": True},
        },
    }


def test_what_was_not_asked_for_is_left_to_the_service():
    body = sent(system="", pages={}).body
    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {},
    }


def test_thoughts_are_asked_for_where_the_model_has_any():
    plain = {FACTS: {**PAGES["gemini"][FACTS], "thinking": False}}
    assert "thinkingConfig" not in sent(pages=plain).body["generationConfig"]


def test_options_stand_beside_what_is_asked_for():
    options = {
        "generationConfig": {"topK": 20, "thinkingConfig": {"thinkingBudget": 0}},
        "safetySettings": [],
    }
    body = sent(options=options, temperature=0.1).body
    assert body["safetySettings"] == []
    assert body["generationConfig"] == {
        "topK": 20,
        "temperature": 0.1,
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 0},
    }


def test_images_and_messages_without_text_have_parts_that_are_not_refused():
    image = Image("image/png", data="QUJD")
    messages = (
        ChatMessage("user", "See?", (image,)),
        ChatMessage("assistant", ""),
        ChatMessage("user", "", (image,)),
    )
    data = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    assert [content["parts"] for content in sent(messages=messages).body["contents"]] == [
        [data, {"text": "See?"}],
        [{"text": "(nothing)"}],
        [data],
    ]


def test_a_prompt_that_is_blocked_is_a_refusal():
    blocked = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 4},
    }
    chunks, _ = hear("gemini", blocked)
    assert end_of(chunks).stop == "refusal"
    assert end_of(chunks).usage == Usage(4, 0)
    assert end_of(chunks).note == "Gemini did not take the prompt: SAFETY"


def test_why_a_reply_was_ended_is_a_note():
    said = {"finishReason": "RECITATION", "finishMessage": "a long quotation"}
    chunks, _ = hear("gemini", {"candidates": [said]})
    assert end_of(chunks).note == "Gemini ended its reply: a long quotation (RECITATION)"


def test_parts_of_other_kinds_are_passed_over():
    parts = [{"executableCode": {"code": "1"}}, {"text": "A"}, {"text": "", "thought": True}]
    reply = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    assert text_of(hear("gemini", reply)[0]) == "A"


def test_counts_that_come_after_the_last_part_are_taken():
    counts = {"promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 3}
    last = {"candidates": [{"finishReason": "STOP"}]}
    chunks, _ = hear("gemini", last, {"usageMetadata": counts})
    assert end_of(chunks).usage == Usage(9, 5, reasoning_tokens=3)


def refusal(status, message, *details):
    body = {"error": {"code": status, "message": message, "details": list(details)}}
    with server("gemini", Refused(status, body)) as served:
        return partly(opened("gemini", served.url))[1]


def test_a_wrong_key_is_known_though_its_status_is_400():
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    error = refusal(400, "API key not valid. Please pass a valid API key.", reason)
    assert type(error) is ProviderRefused
    assert error.hint == "set GEMINI_API_KEY to a valid key"


def test_the_time_to_wait_is_in_the_details():
    wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
    error = refusal(429, "You exceeded your current quota", wait)
    assert type(error) is ProviderBusy
    assert error.retry_after == 34.5


@pytest.mark.parametrize("details", ["none", 5, ["text"], [{"retryDelay": 5}]])
def test_details_of_another_shape_say_nothing(details):
    body = {"error": {"code": 429, "message": "later", "details": details}}
    with server("gemini", Refused(429, body)) as served:
        error = partly(opened("gemini", served.url))[1]
    assert (type(error), error.retry_after) == (ProviderBusy, None)
