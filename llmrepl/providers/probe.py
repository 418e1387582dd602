"""A quick look whether an Ollama answers, without its SDK and without waiting long."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

NOT_FOR_CHAT = frozenset({"bert", "nomic-bert"})
"""Families of models that only make embeddings."""


async def first_model(url: str, seconds: float) -> str:
    """Return the first chat model of the Ollama at `url`; nothing where none answers in time."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def tell(name: str) -> None:
        if not answer.done():
            answer.set_result(name)

    def look() -> None:
        name = _ask(url, seconds)
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(tell, name)

    # A daemon thread of its own: a name server that is silent must not hold up the exit.
    threading.Thread(target=look, name="look for Ollama", daemon=True).start()
    try:
        return await asyncio.wait_for(answer, seconds)
    except TimeoutError:
        return ""


def _ask(url: str, seconds: float) -> str:
    from http.client import HTTPConnection, HTTPException, HTTPSConnection
    from urllib.parse import urlsplit

    from llmrepl.providers.taking import LARGEST_PAGE, name_in, read_json

    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET", f"{parts.path}/api/tags")
        models = read_json(connection.getresponse().read(LARGEST_PAGE))["models"]
        chat = (
            name
            for model in models
            if (name := name_in(model["name"]))
            and (model.get("details") or {}).get("family") not in NOT_FOR_CHAT
        )
        return next(chat, "")
    except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return ""  # something that is no Ollama, or nothing at all
    finally:
        connection.close()
