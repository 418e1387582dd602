"""Servers that speak the vendors' dialects, and how the tests here ask a provider something."""

import json

from dialect_anthropic import AnthropicDialect
from dialect_gemini import GeminiDialect
from dialect_mistral import MistralDialect

from llmrepl.ports import ChatMessage, Request
from llmrepl.testing import ModelServer
from llmrepl.testing.asking import asked, end_of, run, text_of, thought_of
from llmrepl_providers.anthropic import Anthropic
from llmrepl_providers.gemini import Gemini
from llmrepl_providers.mistral import Mistral

__all__ = [
    "ask",
    "end_of",
    "hear",
    "opened",
    "partly",
    "request",
    "run",
    "server",
    "text_of",
    "thought_of",
]

KEY = "sk-secret-0123456789"

PROVIDERS = {"anthropic": Anthropic, "gemini": Gemini, "mistral": Mistral}
MODELS = {"anthropic": "claude-test-1", "gemini": "gemini-test-1", "mistral": "mistral-test-1"}
DIALECTS = {
    "/v1/messages": AnthropicDialect(),
    "/v1beta/models/gemini-test-1:streamGenerateContent": GeminiDialect(),
    "/v1beta/models/no-such:streamGenerateContent": GeminiDialect(),
    "/v1/chat/completions": MistralDialect(),
}

CLAUDE = {
    "type": "model",
    "id": "claude-test-1",
    "display_name": "Claude Test",
    "created_at": "2026-01-01T00:00:00Z",
    "lifecycle": "active",
    "max_input_tokens": 200_000,
    "max_tokens": 64_000,
}
GEMINI = {
    "name": "models/gemini-test-1",
    "version": "1",
    "displayName": "Gemini Test",
    "description": "A model for tests",
    "inputTokenLimit": 1_048_576,
    "outputTokenLimit": 65_536,
    "supportedGenerationMethods": ["generateContent", "countTokens"],
    "temperature": 1,
    "topP": 0.95,
    "topK": 64,
    "maxTemperature": 2,
    "thinking": True,
}
EMBEDDING = {
    "name": "models/embedding-test-1",
    "version": "1",
    "inputTokenLimit": 2048,
    "supportedGenerationMethods": ["embedContent"],
}
MISTRAL = {
    "id": "mistral-test-1",
    "object": "model",
    "created": 1,
    "owned_by": "mistralai",
    "name": "Mistral Test",
    "max_context_length": 131_072,
    "aliases": [],
    "type": "base",
    "capabilities": {"completion_chat": True, "vision": True},
}
OCR = {**MISTRAL, "id": "mistral-ocr-1", "capabilities": {"completion_chat": False, "ocr": True}}
PAGES = {
    "anthropic": {
        "/v1/models": {"data": [CLAUDE], "has_more": False, "first_id": "", "last_id": ""},
        "/v1/models/claude-test-1": CLAUDE,
    },
    "gemini": {
        "/v1beta/models": {"models": [GEMINI, EMBEDDING]},
        "/v1beta/models/gemini-test-1": GEMINI,
    },
    "mistral": {"/v1/models": {"object": "list", "data": [MISTRAL, OCR]}},
}
SIZES = {"anthropic": 200_000, "gemini": 1_048_576, "mistral": 131_072}


def server(kind, *script, pages=None, **fields):
    """A server that speaks as the vendor does."""
    served = ModelServer(script, dialects=DIALECTS, **fields)
    served.pages = dict(PAGES[kind] if pages is None else pages)
    return served


def opened(kind, url, **settings):
    return PROVIDERS[kind](**{"base_url": url, "api_key": KEY} | settings)


def request(kind, *texts, **fields):
    """A request whose messages take turns, the person first."""
    roles = ("user", "assistant")
    messages = tuple(ChatMessage(roles[i % 2], text) for i, text in enumerate(texts or ("Hi",)))
    given = {"model": MODELS[kind], "system": "Be brief.", "messages": messages}
    return Request(**given | fields)


def ask(provider, *texts, **fields):
    """All chunks of one reply."""
    chunks, error = partly(provider, *texts, **fields)
    if error is not None:
        raise error
    return chunks


def partly(provider, *texts, **fields):
    """The chunks that came, and the error they ended in; None where they ended well."""
    return asked(provider, request(provider.name, *texts, **fields))


async def all_of(stream):
    return [chunk async for chunk in stream]


class Fixed:
    """A dialect with which a server sends just these events."""

    media_type = "text/event-stream"

    def __init__(self, *events):
        self._sent = [f"data: {json.dumps(event)}\n\n".encode() for event in events]

    def streams(self, body):
        return True

    def limits(self, body):
        return (), None

    def events(self, said):
        yield from self._sent

    def end(self, said, body):
        return iter(())


def hear(kind, *events, **fields):
    """The chunks and the error of a reply of just these events."""
    with server(kind, "") as served:
        served._chats = dict.fromkeys(DIALECTS, Fixed(*events))
        return partly(opened(kind, served.url), **fields)
