"""How the tests here ask a provider something."""

from llmrepl.ports import ChatMessage, Request
from llmrepl.providers.registry import open_provider
from llmrepl.testing.asking import asked, end_of, run, text_of, thought_of

__all__ = ["KEY", "ask", "end_of", "opened", "partly", "request", "run", "text_of", "thought_of"]

KEY = "sk-secret-0123456789"


def request(*texts, **fields):
    """A request whose messages take turns, the person first."""
    roles = ("user", "assistant")
    messages = tuple(ChatMessage(roles[i % 2], text) for i, text in enumerate(texts or ("Hi",)))
    return Request(**{"model": "test:latest", "system": "Be brief.", "messages": messages} | fields)


def opened(kind, url, **settings):
    """The provider of this kind for a server at `url`."""
    base = f"{url}/v1" if kind == "openai" else url
    return open_provider(kind, {"base_url": base, "api_key": KEY} | settings)


def ask(provider, *texts, **fields):
    """All chunks of one reply."""
    chunks, error = partly(provider, *texts, **fields)
    if error is not None:
        raise error
    return chunks


def partly(provider, *texts, **fields):
    """The chunks that came, and the error they ended in; None where they ended well."""
    return asked(provider, request(*texts, **fields))
